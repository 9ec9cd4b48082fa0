"""Traces: judgements that come with spans and log records are scores."""

from __future__ import annotations

from typing import Any

from commonhold.contract.stores import Backend
from commonhold.model.feedback import NewFeedback
from commonhold.model.otel import OtelLog, OtelSpan, SpanEvent, SpanLink
from commonhold.model.score import NewScore, Score, ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.otel import NOON_NS, TRACE_ID, otel_log, otel_span, span_id, trace_id

RESULT = "gen_ai.evaluation.result"


def verdict(name: str, score: float) -> dict[str, Any]:
    """What an event says of an evaluation."""
    return {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": score}


def annotated(prefix: str, **fields: Any) -> dict[str, Any]:
    """The attributes of one judgement, as OpenInference flattens it."""
    return {f"{prefix}.{name}": value for name, value in fields.items()}


async def scores_by_name(backend: Backend) -> dict[str, Score]:
    """All scores by their names."""
    page = await backend.feedback.scores(ScoreQuery(limit=1000))
    assert len({each.name for each in page.items}) == len(page.items)
    return {each.name: each for each in page.items}


def judged() -> tuple[list[OtelSpan], list[OtelLog]]:
    """Two spans and two log records with a judgement of every kind."""
    attributes = {
        "session.id": "s1",
        **annotated("annotations.0.annotation", name="kind", score=0.5, annotator_kind="HUMAN"),
        **annotated("trace.evaluations.0.evaluation", name="right", label="yes"),
        **annotated("session.annotations.0.annotation", name="tone", explanation="calm"),
    }
    events = (SpanEvent(RESULT, NOON_NS, verdict("safe", 1)),)
    spans = [otel_span(0, attributes=attributes, events=events), otel_span(1)]
    logs = [
        otel_log(1, event_name=RESULT, body=None, attributes=verdict("short", 3)),
        otel_log(1, span_id=None, event_name=RESULT, body=verdict("early", 4)),
    ]
    return spans, logs


async def test_judgements_of_spans_and_logs_are_scores(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T11. About the span, its trace or its session, there once however often they come."""
    backend = acting_as("judge")
    spans, logs = judged()
    await backend.traces.record(spans)
    await backend.traces.record_logs(logs)
    found = await scores_by_name(backend)

    told = {
        name: (each.trace_id, each.span_id, each.session_id, each.data_type, each.source)
        for name, each in found.items()
    }
    assert told == {
        "kind": (TRACE_ID, span_id(0), None, "numeric", "human"),
        "right": (TRACE_ID, None, None, "categorical", "code"),
        "tone": (None, None, "s1", "text", "code"),
        "safe": (TRACE_ID, span_id(0), None, "numeric", "code"),
        "short": (TRACE_ID, span_id(1), None, "numeric", "code"),
        "early": (TRACE_ID, None, None, "numeric", "code"),
    }
    values = {name: each.value_num for name, each in found.items()}
    assert values == {"kind": 0.5, "safe": 1, "short": 3, "early": 4, "right": None, "tone": None}
    assert (found["right"].label, found["tone"].comment) == ("yes", "calm")
    assert {each.author for each in found.values()} == {"judge"}
    kept = (await backend.traces.get(TRACE_ID)).spans
    assert [RESULT in each.events for each in kept] == [True, True]

    clock.advance()
    await backend.traces.record(spans[::-1])
    await backend.traces.record_logs(logs[::-1] + logs)
    assert await scores_by_name(backend) == found


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
    found = await scores_by_name(one)
    assert {name: (told.value_num, told.author) for name, told in found.items()} == {
        "n": (1, "one"),
        "m": (2, "other"),
        "user_feedback": (1, "other"),
    }
    assert vote.feedback_id == found["user_feedback"].score_id
    assert len((await one.traces.get(trace_id(7))).spans) == 1


def evaluator(number: int, score: float) -> OtelSpan:
    """A span that judges a span of another trace, by one rubric."""
    told = annotated("evaluations.0.evaluation", name="n", score=score, identifier="rubric-1")
    return otel_span(
        number,
        trace_id=trace_id(5),
        attributes={"openinference.span.kind": "EVALUATOR", **told},
        links=(SpanLink(TRACE_ID, span_id(0)),),
    )


async def test_a_later_verdict_under_an_identifier_takes_the_place_of_the_earlier(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T11. Of its own author only, also when the earlier comes again, or is put as a score."""
    judge, other = acting_as("judge"), acting_as("other")
    first, second, of_other = evaluator(1, 0), evaluator(2, 1), evaluator(3, 0.5)
    for backend, span in ((judge, first), (other, of_other), (judge, second), (judge, first)):
        await backend.traces.record([span])
        clock.advance()

    standing, others = (await judge.feedback.scores(ScoreQuery(name="n"))).items
    assert (standing.author, standing.value_num, standing.turn.state) == ("judge", 1, "pending")
    assert (others.author, others.value_num, others.span_id) == ("other", 0.5, span_id(0))
    [counted] = await judge.feedback.score_stats(ScoreStatsQuery(name="n"))
    assert counted.tally.count == 2

    await judge.traces.record([evaluator(2, 0.25)])
    changed = await judge.feedback.get_score(standing.score_id)
    assert changed.value_num == 0.25
    by_hand = NewScore(
        *("n", "numeric", 0.75), trace_id=TRACE_ID, span_id=span_id(0), identifier="rubric-1"
    )
    [put] = await judge.feedback.put_scores([by_hand])
    assert (put.score_id, put.value_num) == (standing.score_id, 0.75)


async def test_a_verdict_is_about_a_span_that_comes_later(acting_as: Actor) -> None:
    """T11. It is bound then, and counts for the agent whose work it is about."""
    judge, worker = acting_as("judge"), acting_as("worker")
    await judge.traces.record([evaluator(1, 1)])
    await worker.traces.record([otel_span(0)])
    [bound] = (await judge.feedback.scores(ScoreQuery(agent="worker"))).items
    assert (bound.author, bound.turn.state, bound.turn.trace_id) == ("judge", "bound", TRACE_ID)
