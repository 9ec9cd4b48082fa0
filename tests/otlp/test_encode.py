"""Spans as OTLP JSON, and back."""

from __future__ import annotations

import json
import math

from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from commonhold.model.otel import OtelSpan, Rejected, Resource, Scope
from commonhold.otlp.decode import spans_from_json, spans_from_protobuf
from commonhold.otlp.encode import to_otlp_json
from tests.otlp.wire import spans, to_protobuf


def with_value(value: object) -> dict:
    """A span with one attribute, encoded."""
    span = OtelSpan("01" * 16, "02" * 8, None, "chat", 3, 5, 9, {"x": value}, Resource(), Scope())
    told = json.loads(to_otlp_json([span]))
    return told["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][0]["value"]


def in_groups(given_spans: list[OtelSpan]) -> list[str]:
    """Spans in the order of a request; NaN is not equal to itself, but looks the same."""
    return sorted(map(repr, given_spans))


@given(st.lists(spans, max_size=3))
def test_every_span_comes_back_as_it_was(given_spans: list[OtelSpan]) -> None:
    """Empty texts, bytes, NaN, lists in maps, and the extremes of int64."""
    back, rejected = spans_from_json(to_otlp_json(given_spans).encode())
    assert rejected == Rejected()
    assert in_groups(back) == in_groups(given_spans)


@given(st.lists(spans, max_size=3))
def test_protobuf_and_json_say_the_same(given_spans: list[OtelSpan]) -> None:
    """Whichever way a span came, it is the same span."""
    decoded, rejected = spans_from_protobuf(to_protobuf(given_spans))
    assert rejected == Rejected()
    assert list(map(repr, decoded)) == list(map(repr, given_spans))


@given(spans)
def test_protobufs_own_reader_accepts_what_we_write(span: OtelSpan) -> None:
    """Names and types are those of the protocol, ids apart, which it has in base64."""
    told = json.loads(to_otlp_json([span]))
    parsed = ParseDict(told["resourceSpans"][0]["scopeSpans"][0]["spans"][0], Span())
    assert (parsed.name, parsed.flags) == (span.name, span.flags)
    assert len(parsed.attributes) == len(span.attributes)


def test_values_are_spelt_as_the_protocol_spells_them() -> None:
    """Whole numbers as text, bytes in base64, what is no number by its name."""
    assert with_value(2**63 - 1) == {"intValue": "9223372036854775807"}
    assert with_value(math.inf) == {"doubleValue": "Infinity"}
    assert with_value(b"\xff") == {"bytesValue": "/w=="}
    assert with_value(True) == {"boolValue": True}
    assert with_value("") == {"stringValue": ""}
    assert with_value(None) == {}
    assert with_value([]) == {"arrayValue": {"values": []}}
    assert with_value({}) == {"kvlistValue": {"values": []}}


def test_a_number_beyond_int64_is_told_as_text() -> None:
    """It cannot have come as OTLP, and no number of OTLP holds it."""
    assert with_value(2**63) == {"stringValue": "9223372036854775808"}


def test_equal_resources_and_scopes_are_written_once() -> None:
    """Whichever objects hold them; 1 and true and 1.0 are not equal."""
    kinds = [{"x": value} for value in (1, 1, True, 1.0)]
    given_spans = [
        OtelSpan("01" * 16, "02" * 8, None, "", 0, 1, 2, {}, Resource(kind), Scope("a"))
        for kind in kinds
    ]
    groups = json.loads(to_otlp_json(given_spans))["resourceSpans"]
    assert [len(group["scopeSpans"][0]["spans"]) for group in groups] == [2, 1, 1]


def test_no_spans_are_an_empty_request() -> None:
    """An empty list of groups."""
    assert to_otlp_json([]) == '{"resourceSpans":[]}'
