"""Judgements that spans and log records carry, and that they are the same when they come again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from commonhold.model.otel import Meaning, OtelLog, OtelSpan, Resource, Scope, SpanEvent, SpanLink
from commonhold.otlp.decode import spans_from_protobuf
from commonhold.otlp.judgements import MOST, MOST_TEXT, Judgement, judgement_of, judgements_of
from commonhold.otlp.meaning import meaning_of
from commonhold.otlp.vocabulary import vocabulary

TRACE, SPAN = "a" * 32, "b" * 16
JUDGED = SpanLink("c" * 32, "d" * 16)
EVENT = "gen_ai.evaluation.result"


def span(
    attributes: dict[str, Any],
    events: tuple[SpanEvent, ...] = (),
    links: tuple[SpanLink, ...] = (),
) -> OtelSpan:
    """A span with these attributes."""
    ids = (TRACE, SPAN, None, "x", 1, 0, 1)
    return OtelSpan(*ids, attributes, Resource(), Scope(), events, links)


def judged(*args: Any, **options: Any) -> tuple[Judgement, ...]:
    """What such a span carries."""
    found = span(*args, **options)
    return judgements_of(found, meaning_of(found))


def item(prefix: str, **fields: Any) -> dict[str, Any]:
    """The attributes of one judgement, as OpenInference flattens it."""
    return {f"{prefix}.{name}": value for name, value in fields.items()}


def test_the_spans_of_an_sdk_are_read() -> None:
    """As they come over the wire, from an application that judges while it answers."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with provider.get_tracer("app").start_as_current_span("answer") as made:
        made.set_attribute("session.id", "s1")
        told = {"name": "correct", "score": 0.5, "label": "half", "explanation": "see there"}
        told |= {"annotator_kind": "LLM", "identifier": "judge-2", "metadata": '{"v":1}'}
        made.set_attributes(item("annotations.0.annotation", **told))
        made.set_attributes(item("session.annotations.0.annotation", name="tone", label="calm"))
        made.add_event(EVENT, {"gen_ai.evaluation.name": "safe", "error.type": "timeout"})
    sent, _ = spans_from_protobuf(encode_spans(kept.get_finished_spans()).SerializeToString())
    (found,) = sent
    correct, tone, safe = judgements_of(found, meaning_of(found))
    assert (correct.trace_id, correct.span_id) == (found.trace_id, found.span_id)
    assert (correct.name, correct.score, correct.label) == ("correct", 0.5, "half")
    assert (correct.explanation, correct.source) == ("see there", "llm")
    assert (correct.identifier, correct.metadata) == ("judge-2", '{"v":1}')
    assert (tone.target, tone.session_id, tone.trace_id, tone.label) == (
        *("session", "s1", None, "calm"),
    )
    assert (safe.error, safe.score, safe.source, safe.span_id) == (
        *("timeout", None, "code", found.span_id),
    )


@pytest.mark.parametrize("name", vocabulary().evaluations.lists)
def test_lists_are_about_what_their_name_says(name: str) -> None:
    """A span, its trace or its session, flattened or as one value; an unnamed session's trace."""
    target = vocabulary().evaluations.lists[name]
    stem = name.rpartition(".")[2].removesuffix("s")
    flat = item(f"{name}.0.{stem}", name="n", score=1) | item(
        f"{name}.12.{stem}", name="m", score=0
    )
    whole = {name: json.dumps([{"name": "n", "score": 1}, item(stem, name="m", score=0)])}
    for attributes in (flat, whole):
        assert [(j.name, j.score, j.target) for j in judged(attributes)] == [
            ("n", 1, target),
            ("m", 0, target),
        ]
    first, _ = judged(flat)
    assert (first.trace_id, first.span_id) == (TRACE, SPAN if target == "span" else None)
    first, _ = judged({**flat, "session.id": "s1"})
    assert first.session_id == ("s1" if target == "session" else None)


def test_an_evaluator_judges_the_span_it_links_to() -> None:
    """And itself or its parent never, unless it links to none or to several."""
    evaluator = {"openinference.span.kind": "EVALUATOR"}
    told = item("evaluations.0.evaluation", name="n", score=1)
    linked = (JUDGED.trace_id, JUDGED.span_id)
    cases: list[tuple[dict[str, Any], tuple[SpanLink, ...], tuple[str, str]]] = [
        (evaluator | told, (JUDGED,), linked),
        (evaluator | item("evaluation", name="n", score=1), (JUDGED,), linked),
        (evaluator | told, (), (TRACE, SPAN)),
        (evaluator | told, (JUDGED, JUDGED), (TRACE, SPAN)),
        (told, (JUDGED,), (TRACE, SPAN)),
        (evaluator | item("annotations.0.annotation", name="n", score=1), (JUDGED,), (TRACE, SPAN)),
    ]
    for attributes, links, about in cases:
        (found,) = judged(attributes, links=links)
        assert (found.trace_id, found.span_id) == about


def test_a_judgement_that_comes_again_has_the_same_id() -> None:
    """Wherever in a list it stands; two of one name are two, and the same one said twice is one."""
    one, two = ({"name": "n", "score": score} for score in (1, 2))
    other = {"name": "first", "label": "x"}
    before = judged(
        item("annotations.0.annotation", **one) | item("annotations.1.annotation", **two)
    )
    after = judged(
        item("annotations.0.annotation", **other)
        | item("annotations.1.annotation", **one)
        | item("annotations.2.annotation", **two)
        | item("evaluations.0.evaluation", **one)
    )
    ids = [each.judgement_id for each in before]
    assert len(set(ids)) == 2
    assert [each.judgement_id for each in after if each.name == "n"] == ids
    changed = judged(item("annotations.0.annotation", name="n", score=9))
    assert changed[0].judgement_id == ids[0]


def test_a_log_record_is_a_judgement_of_its_span() -> None:
    """Or of its trace, where it names no span; whether it says it in attributes or in its body."""
    said = {"gen_ai.evaluation.name": "n", "gen_ai.evaluation.score.value": 0.9}
    said |= {"gen_ai.evaluation.score.label": "good", "gen_ai.response.id": "r1"}
    ends = (Resource(), Scope())
    log = OtelLog(TRACE, SPAN, EVENT, 1, None, said, *ends)
    found = judgement_of(log, "log-1")
    assert found is not None
    assert (found.target, found.trace_id, found.span_id) == ("span", TRACE, SPAN)
    assert (found.score, found.label, found.response_id) == (0.9, "good", "r1")
    assert found == judgement_of(log, "log-1")
    in_body = OtelLog(TRACE, None, EVENT, 1, said, {}, *ends)
    of_trace = judgement_of(in_body, "log-2")
    assert of_trace is not None
    assert (of_trace.target, of_trace.span_id, of_trace.score) == ("trace", None, 0.9)
    assert of_trace.judgement_id != found.judgement_id
    assert judgement_of(OtelLog(TRACE, SPAN, "gen_ai.choice", 1, None, said, *ends), "x") is None


def test_values_are_read_leniently_and_bounded() -> None:
    """Numbers as text and truths are scores; what is no result, or has no name, is left out."""
    rows: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"score": "0.5"}, {"score": 0.5}),
        ({"score": True}, {"score": 1.0}),
        ({"score": float("nan"), "label": "x"}, {"score": None, "label": "x"}),
        ({"score": 1e300, "label": True}, {"score": None, "label": "true"}),
        ({"label": "x" * 999}, {"label": "x" * 128}),
        ({"explanation": {"why": 1}}, {"explanation": '{"why":1}'}),
        ({"explanation": "\0" + "x" * 99_999}, {"explanation": "\ufffd" + "x" * (MOST_TEXT - 1)}),
        ({"score": 1, "annotator_kind": "human"}, {"source": "human", "source_id": None}),
        ({"score": 1, "annotator_kind": "PANEL"}, {"source": "code", "source_id": "PANEL"}),
        ({"score": 1, "identifier": "x" * 999}, {"identifier": None}),
        ({"score": 1, "metadata": "{'v': 1}"}, {"metadata": "{}"}),
        ({"score": 1, "metadata": {"v": "x" * MOST_TEXT}}, {"metadata": "{}"}),
    ]
    for fields, expected in rows:
        (found,) = judged(item("annotation", name="n", **fields))
        assert {name: getattr(found, name) for name in expected} == expected
    for nothing in (
        {"name": "n"},
        {"score": 1},
        {"name": "n", "label": ""},
        {"name": [], "score": 1},
    ):
        assert judged(item("annotations.0.annotation", **nothing)) == ()
    many = [item(f"annotations.{n}.annotation", name="n", score=n) for n in range(3 * MOST)]
    assert len(judged({name: value for each in many for name, value in each.items()})) == MOST
    assert judged({"annotations": 7, "annotations.x": 1, "annotations.99999999.name": "n"}) == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = (
    "name",
    "score",
    "label",
    "explanation",
    "annotator_kind",
    "identifier",
    "metadata",
    "x.y",
)
STARTS = (
    *("annotation", "annotations", "annotations.0.annotation", "annotations.0", "annotations.a"),
    *("session.evaluations.1.evaluation", "trace.annotations", "evaluations.9999999.evaluation"),
)


@given(
    st.dictionaries(
        st.builds("{}.{}".format, st.sampled_from(STARTS), st.sampled_from(FIELDS))
        | st.sampled_from(STARTS),
        VALUES,
        max_size=8,
    )
)
def test_whatever_comes_nothing_is_raised(attributes: dict[str, Any]) -> None:
    """And what is found can be stored: names are short, texts have a UTF-8 form, ids are unique."""
    told = [{"gen_ai.evaluation.name": value, "error.type": "x"} for value in attributes.values()]
    events = tuple(SpanEvent(EVENT, 0, each) for each in told)
    found = judgements_of(span(attributes, events), Meaning())
    for each in found:
        assert 0 < len(each.name) <= 128
        assert each.says_something
        assert (
            "\0"
            not in f"{each.name}{each.label}{each.explanation}{each.identifier}".encode().decode()
        )
    assert len({each.judgement_id for each in found}) == len(found)
