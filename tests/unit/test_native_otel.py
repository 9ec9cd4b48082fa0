"""A native trace as OpenTelemetry has it: ids that hold still, one tree, times of the wall clock."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from commonhold.client.otlp_json import export
from commonhold.model.clock import Micros
from commonhold.model.native_otel import MAX_DEPTH, otel_spans, span_id_of, trace_id_of
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelSpan, Resource, Scope
from commonhold.model.scope import Author
from commonhold.model.trace import Span, Trace
from commonhold.otlp.decode import spans_from_json
from commonhold.testing import factories
from commonhold.testing.factories import NOON

W3C = "4bf92f3577b34da6a3ce929d0e0e4736"
HEX = "0123456789abcdef"

hex_digits = st.sampled_from("0123456789abcdefABCDEF")
trace_hex = st.text(hex_digits, min_size=32, max_size=32)
span_hex = st.text(hex_digits, min_size=16, max_size=16)
any_id = st.text(min_size=1, max_size=40) | trace_hex | span_hex | st.just("0" * 32)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
json_objects = st.dictionaries(st.text(max_size=8), json_values, max_size=4)


def told(*spans: Span, about: Mapping[str, str] | None = None, **fields: Any) -> list[OtelSpan]:
    """The spans of a post."""
    trace_id = spans[0].trace_id if spans else "trace_1"
    trace = Trace(trace_id, **{"started_at": NOON, **fields}, spans=spans)
    return otel_spans(trace, Resource(), Scope(), about or {})


@given(any_id, any_id)
def test_every_id_becomes_one_of_opentelemetry(trace_id: str, span_id: str) -> None:
    """Of the right length, in lower-case hex, not all zero, and always the same."""
    made = (trace_id_of(trace_id), span_id_of(trace_id, span_id))
    assert [len(one) for one in made] == [32, 16]
    assert set("".join(made)) <= set(HEX)
    assert all(one.strip("0") for one in made)
    assert made == (trace_id_of(trace_id), span_id_of(trace_id, span_id))


@given(trace_hex, span_hex)
def test_an_id_of_opentelemetry_stays_itself(trace_id: str, span_id: str) -> None:
    """In any case; how it is spelt makes no second trace. All zero is no id."""
    if trace_id.strip("0"):
        assert trace_id_of(trace_id) == trace_id.lower()
    if span_id.strip("0"):
        assert span_id_of(trace_id, span_id) == span_id.lower()
    assert span_id_of(trace_id.upper(), "s") == span_id_of(trace_id.lower(), "s")


def test_any_other_id_is_the_beginning_of_its_sha256() -> None:
    """As the exporter of `fipsagents` makes a trace id too; of a span, within its trace."""
    assert trace_id_of("trace_1") == sha256(b"trace_1").digest()[:16].hex()
    assert span_id_of("trace_1", "span_1") == sha256(b"trace_1\0span_1").digest()[:8].hex()
    assert span_id_of("t", "span_1") != span_id_of("u", "span_1")


def test_zero_ids_are_hashed() -> None:
    """OpenTelemetry forbids them, and an agent may have counted from nought."""
    assert trace_id_of("0" * 32) == sha256(b"0" * 32).hexdigest()[:32]
    assert span_id_of(W3C, "0" * 16) == sha256(f"{W3C}\0{'0' * 16}".encode()).hexdigest()[:16]


@given(st.lists(any_id, min_size=1, max_size=6, unique=True), st.data())
def test_any_tree_stays_that_tree(names: list[str], data: st.DataObject) -> None:
    """Whatever its ids look like: each parent is a span, and of the same name as before."""
    parents = [None, *(data.draw(st.sampled_from(names[:at])) for at in range(1, len(names)))]
    spans = [
        Span("t", name, parent, name=name) for name, parent in zip(names, parents, strict=True)
    ]
    found = {span.span_id: span for span in told(*spans)}
    assert [span.name for span in found.values() if span.parent_span_id is None] == names[:1]
    above = {
        span.name: found[span.parent_span_id].name for span in found.values() if span.parent_span_id
    }
    assert above == dict(zip(names[1:], parents[1:], strict=True))  # fmt: skip


def test_ids_that_changed_are_kept_as_attributes() -> None:
    """So that a reader of the agent's own log finds the trace."""
    (changed,) = told(factories.span("trace_1", "span_1"))
    assert changed.attributes["commonhold.trace_id"] == "trace_1"
    assert changed.attributes["commonhold.span_id"] == "span_1"
    (kept,) = told(factories.span(W3C, "00f067aa0ba902b7"))
    assert not [name for name in kept.attributes if name.startswith("commonhold.")]


def test_times_are_those_of_the_wall_clock() -> None:
    """Monotonic seconds begin at the post's `started_at`."""
    first = factories.span(span_id="a", start_time=4711.25, end_time=4711.75)
    second = factories.span(span_id="b", start_time=4711.5, end_time=4712.25)
    found = [
        (span.start_ns - NOON * 1000, span.end_ns - NOON * 1000) for span in told(first, second)
    ]
    assert found == [(0, 500_000_000), (250_000_000, 1_000_000_000)]  # fmt: skip


def test_an_open_span_ends_where_it_starts_and_says_so() -> None:
    """OpenTelemetry knows only spans that are over."""
    (span,) = told(factories.span(end_time=None))
    assert (span.end_ns, span.attributes["commonhold.open"]) == (span.start_ns, True)


def test_status_is_an_error_or_unset() -> None:
    """`ok` of OpenTelemetry overrules others, which no agent means; another word is kept."""
    spans = [factories.span(span_id=name, status=name) for name in ("ok", "error", "cancelled")]
    found = told(*spans)
    assert [span.status_code for span in found] == [0, 2, 0]
    assert found[2].attributes["commonhold.status"] == "cancelled"


def test_a_trace_that_failed_without_a_failed_span_fails_its_root() -> None:
    """What only the trace knew is not lost; where a span failed, the root speaks for itself."""
    root, child = factories.span(span_id="a"), factories.span(span_id="b", parent_span_id="a")
    assert [span.status_code for span in told(root, child, status="error")] == [2, 0]
    failed = factories.span(span_id="b", parent_span_id="a", status="error")
    assert [span.status_code for span in told(root, failed, status="error")] == [0, 2]


def test_roots_say_what_the_trace_says() -> None:
    """Model, session and user, where the span does not; other spans are left alone."""
    root = factories.span(span_id="a", parent_span_id="00f067aa0ba902b7")
    own = JsonText('{"session.id": "mine", "gen_ai.request.model": null}')
    other = factories.span(span_id="b", attributes=own)
    child = factories.span(span_id="c", parent_span_id="a")
    found = told(
        *(root, other, child), model="granite-4", session_id="s1", about={"user.id": "ada"}
    )
    names = ("gen_ai.request.model", "session.id", "user.id")
    assert [[span.attributes.get(name) for name in names] for span in found] == [
        ["granite-4", "s1", "ada"],
        ["granite-4", "mine", "ada"],
        [None, None, None],
    ]


def test_events_have_a_time_and_keep_their_body() -> None:
    """Their clock is that of the spans; where they have no time, they happened at the start."""
    events = [
        {"name": "delta", "timestamp": 4711.5, "body": "Hel"},
        {"name": "late", "timestamp": True, "n": 1},
        {"name": 7, "timestamp": 10**400},
        "bare",
    ]
    (span,) = told(factories.span(start_time=4711.25, events=JsonText(json.dumps(events))))
    found = [(one.name, one.time_ns - span.start_ns, dict(one.attributes)) for one in span.events]
    assert found == [
        ("delta", 250_000_000, {"body": "Hel"}),
        ("late", 0, {"timestamp": True, "n": 1}),
        ("event", 0, {"name": 7, "timestamp": 10**400}),
        ("event", 0, {"body": "bare"}),
    ]


def test_of_spans_with_one_id_the_last_counts() -> None:
    """As in every other store; a collector would show both."""
    found = told(
        factories.span(W3C, "00f067aa0ba902b7", name="begun"),
        factories.span(W3C, "00F067AA0BA902B7", name="ended"),
    )
    assert [span.name for span in found] == ["ended"]


@given(json_objects, st.lists(json_objects, max_size=2))
def test_values_arrive_as_they_are(attributes: dict[str, Any], bodies: list[Any]) -> None:
    """Nested as they were, whichever they are; a number beyond 64 bits as its digits."""
    events = [{"name": "e", "timestamp": 1.0, "body": body} for body in bodies]
    span = Span(
        W3C,
        "00f067aa0ba902b7",
        end_time=1.0,
        attributes=JsonText(json.dumps(attributes)),
        events=JsonText(json.dumps(events)),
    )
    (found,) = received(span)
    assert found.attributes == expected(attributes)
    assert [event.attributes for event in found.events] == [
        {"body": expected(body)} for body in bodies
    ]


def test_what_is_nested_deeper_than_readers_go_arrives_as_json() -> None:
    """Protobuf readers give up at a hundred messages, and would refuse the whole request."""
    deep: Any = "leaf"
    for _ in range(100):
        deep = {"x": [deep]}
    (found,) = received(factories.span(W3C, attributes=JsonText(json.dumps(deep))))
    value: Any = found.attributes
    for _ in range(MAX_DEPTH // 2):
        value = value["x"][0]
        deep = deep["x"][0]
    assert json.loads(value) == deep


def received(span: Span) -> list[OtelSpan]:
    """The spans that a receiver reads out of a request, none of them refused."""
    body = export(Trace(span.trace_id, Micros(0), spans=(span,)), Author()).body or b""
    spans, rejected = spans_from_json(unpacked(body))
    assert rejected.count == 0
    return spans


def unpacked(body: bytes) -> bytes:
    """A body as it was before it was compressed."""
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def expected(value: Any) -> Any:
    """A JSON value, when 64 bits are all there are."""
    if isinstance(value, dict):
        return {name: expected(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [expected(inner) for inner in value]
    is_beyond = type(value) is int and not -(2**63) <= value < 2**63
    return str(value) if is_beyond else value
