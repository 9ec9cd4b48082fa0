"""Traces: judgements that come with spans and log records are scores."""

from __future__ import annotations

from typing import Any

from commonhold.contract.stores import Backend
from commonhold.model.feedback import NewFeedback
from commonhold.model.otel import SpanEvent
from commonhold.model.score import Score, ScoreQuery
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.otel import NOON_NS, TRACE_ID, otel_log, otel_span, span_id, trace_id

RESULT = "gen_ai.evaluation.result"


def result(name: str, score: float) -> dict[str, Any]:
    """What an event says of an evaluation."""
    return {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": score}


def annotated(prefix: str, **fields: Any) -> dict[str, Any]:
    """The attributes of one judgement, as OpenInference flattens it."""
    return {f"{prefix}.{name}": value for name, value in fields.items()}


async def scores(backend: Backend) -> dict[str, Score]:
    """All scores by their names."""
    page = await backend.feedback.scores(ScoreQuery(limit=1000))
    assert len({each.name for each in page.items}) == len(page.items)
    return {each.name: each for each in page.items}


async def test_judgements_of_spans_and_logs_are_scores(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T11. About the span, its trace or its session; by people, models and programs."""
    backend = acting_as("judge")
    attributes = {
        "session.id": "s1",
        **annotated("annotations.0.annotation", name="kind", score=0.5, annotator_kind="HUMAN"),
        **annotated("trace.evaluations.0.evaluation", name="right", label="yes"),
        **annotated("session.annotations.0.annotation", name="tone", explanation="calm"),
    }
    events = (SpanEvent(RESULT, NOON_NS, result("safe", 1)),)
    spans = [otel_span(0, attributes=attributes, events=events), otel_span(1)]
    logs = [
        otel_log(1, event_name=RESULT, body=None, attributes=result("short", 3)),
        otel_log(1, span_id=None, event_name=RESULT, body=result("early", 4)),
    ]
    await backend.traces.record(spans)
    await backend.traces.record_logs(logs)

    found = await scores(backend)

    about = {name: (told.trace_id, told.span_id, told.session_id) for name, told in found.items()}
    assert about == {
        "kind": (TRACE_ID, span_id(0), None),
        "right": (TRACE_ID, None, None),
        "tone": (None, None, "s1"),
        "safe": (TRACE_ID, span_id(0), None),
        "short": (TRACE_ID, span_id(1), None),
        "early": (TRACE_ID, None, None),
    }
    assert {
        name: told.value_num for name, told in found.items() if told.data_type == "numeric"
    } == {"kind": 0.5, "safe": 1, "short": 3, "early": 4}
    assert (found["right"].data_type, found["right"].label) == ("categorical", "yes")
    assert (found["tone"].data_type, found["tone"].comment) == ("text", "calm")
    assert {name: told.source for name, told in found.items() if told.source != "code"} == {
        "kind": "human"
    }
    assert {told.author for told in found.values()} == {"judge"}
    told = (await backend.traces.get(TRACE_ID)).spans
    assert [RESULT in each.events for each in told] == [True, True]

    clock.advance()
    await backend.traces.record(spans[::-1])
    await backend.traces.record_logs(logs[::-1] + logs)
    assert await scores(backend) == found


async def test_a_judgement_stays_its_authors_and_takes_no_other_with_it(acting_as: Actor) -> None:
    """T11. The same span told by another agent changes no score, and all else is written."""
    one, other = acting_as("one"), acting_as("other")
    first = annotated("annotations.0.annotation", name="n", score=1)
    await one.traces.record([otel_span(0, attributes=first)])
    changed = annotated("annotations.0.annotation", name="n", score=0)
    more = annotated("annotations.0.annotation", name="m", score=2, identifier="j")
    await other.traces.record(
        [otel_span(0, attributes=changed), otel_span(1, trace_id=trace_id(7), attributes=more)]
    )
    vote = await other.feedback.create(NewFeedback(rating=1, trace_id=TRACE_ID))
    found = await scores(one)
    assert {name: (told.value_num, told.author) for name, told in found.items()} == {
        "n": (1, "one"),
        "m": (2, "other"),
        "user_feedback": (1, "other"),
    }
    assert vote.feedback_id == found["user_feedback"].score_id
    assert len((await one.traces.get(trace_id(7))).spans) == 1
