"""Requests as exporters send them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from commonhold.model.otel import OtelLog, OtelSpan, Rejected, SpanEvent, SpanLink
from commonhold.otlp.decode import (
    logs_from_json,
    logs_from_protobuf,
    metric_points,
    spans_from_json,
    spans_from_protobuf,
)
from tests.otlp.wire import SPAN, TRACE, any_value, as_json, pair, request, sent_spans

BOTH = pytest.mark.parametrize("is_json", [False, True], ids=["protobuf", "json"])


def spans(sent: Any, is_json: bool) -> tuple[list[OtelSpan], Rejected]:
    """What is understood of a request."""
    if is_json:
        return spans_from_json(as_json(sent))
    return spans_from_protobuf(sent.SerializeToString())


def logs(sent: Any, is_json: bool) -> tuple[list[OtelLog], Rejected]:
    """What is understood of a request of logs."""
    if is_json:
        return logs_from_json(as_json(sent))
    return logs_from_protobuf(sent.SerializeToString())


def json_span(**fields: Any) -> OtelSpan:
    """The span of a request in JSON."""
    ids = {"traceId": TRACE.hex(), "spanId": SPAN.hex()}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{**ids, **fields}]}]}]}
    found, rejected = spans_from_json(json.dumps(body).encode())
    assert rejected == Rejected()
    return found[0]


def json_value(value: Any) -> Any:
    """A value of an attribute in JSON."""
    return json_span(attributes=[{"key": "x", "value": value}]).attributes["x"]


def log_request(**fields: Any) -> ExportLogsServiceRequest:
    """A request of one log record."""
    sent = ExportLogsServiceRequest()
    scoped = sent.resource_logs.add().scope_logs.add()
    told = {"trace_id": TRACE, "span_id": SPAN, "time_unix_nano": 7, "event_name": "gen_ai.choice"}
    scoped.log_records.add(**{**told, **fields})
    return sent


@BOTH
def test_a_span_is_read_with_all_that_belongs_to_it(is_json: bool) -> None:
    """Resource, scope, parent, events, links and status."""
    sent = request("chat", parent_span_id=b"parent!!", kind=3, flags=257, trace_state="a=b")
    (told,) = sent_spans(sent)
    told.status.code, told.status.message = 2, "no"
    pair(told.events.add(name="retry", time_unix_nano=3).attributes, "n", 1)
    told.links.add(trace_id=TRACE, span_id=SPAN, trace_state="c=d", flags=1)
    (span,), rejected = spans(sent, is_json)

    assert rejected == Rejected()
    assert (span.trace_id, span.span_id, span.parent_span_id) == (
        TRACE.hex(),
        SPAN.hex(),
        b"parent!!".hex(),
    )
    assert (span.name, span.kind, span.start_ns, span.end_ns) == ("chat", 3, 10**18, 10**18 + 5)
    assert (span.status_code, span.status_message) == (2, "no")
    assert (span.flags, span.trace_state) == (257, "a=b")
    assert span.resource.attributes == {"service.name": "billing"}
    assert span.resource.schema_url == "https://resource"
    assert (span.scope.name, span.scope.version) == ("pydantic-ai", "2.68")
    assert span.events == (SpanEvent("retry", 3, {"n": 1}),)
    assert span.links == (SpanLink(TRACE.hex(), SPAN.hex(), "c=d", flags=1),)


@BOTH
@pytest.mark.parametrize(
    "value",
    [
        *("", "\0", "a\0b", 0, -1, 2**63 - 1, -(2**63), True, False, b"", b"\0", None),
        *(0.0, -0.0, math.inf, math.nan, [], {}, [[]], [{}], {"": []}),
        [1, "a", None, {"b": [b"c"]}],
    ],
    ids=repr,
)
def test_a_value_is_what_was_sent(value: Any, is_json: bool) -> None:
    """Empty is not absent, and one type is not another."""
    sent = request("chat")
    pair(sent_spans(sent)[0].attributes, "x", value)
    (span,), _ = spans(sent, is_json)
    assert repr(span.attributes) == repr({"x": value})


@BOTH
def test_an_empty_request_is_fine(is_json: bool) -> None:
    """An exporter may have nothing to say."""
    assert spans(request(), is_json) == ([], Rejected())
    assert spans_from_protobuf(b"") == spans_from_json(b"{}") == ([], Rejected())
    assert spans_from_json(b'{"resourceSpans": null}') == ([], Rejected())


@BOTH
def test_spans_of_one_group_share_their_resource_and_scope(is_json: bool) -> None:
    """One object each, however many spans."""
    (one, two), _ = spans(request("a", "b"), is_json)
    assert one.resource is two.resource
    assert one.scope is two.scope


@BOTH
def test_a_span_that_ends_before_it_starts_is_kept(is_json: bool) -> None:
    """As the Collector keeps it: clocks do that."""
    (span,), rejected = spans(request("a", end_time_unix_nano=5), is_json)
    assert (span.end_ns, rejected.count) == (5, 0)


@BOTH
def test_many_attributes_are_kept(is_json: bool) -> None:
    """There is no limit to their number."""
    sent = request("a")
    for number in range(10_001):
        pair(sent_spans(sent)[0].attributes, str(number), number)
    (span,), _ = spans(sent, is_json)
    assert len(span.attributes) == 10_001


@BOTH
@pytest.mark.parametrize("parent", [b"", bytes(8)])
def test_no_parent_is_empty_or_zero(parent: bytes, is_json: bool) -> None:
    """Both are in use."""
    (span,), _ = spans(request("a", parent_span_id=parent), is_json)
    assert span.parent_span_id is None


@BOTH
def test_a_link_that_leads_nowhere_is_dropped_and_counted(is_json: bool) -> None:
    """Its span is worth more than it."""
    sent = request("a", dropped_links_count=2)
    sent_spans(sent)[0].links.add(trace_id=b"x", span_id=SPAN)
    sent_spans(sent)[0].links.add(trace_id=TRACE, span_id=SPAN)
    (span,), rejected = spans(sent, is_json)
    assert (len(span.links), span.dropped_links, rejected.count) == (1, 3, 0)


# What JSON alone can say.


def test_ids_in_json_are_hexadecimal_of_either_case() -> None:
    """And come out in lower case."""
    span = json_span(traceId="AB" * 16, spanId="cD" * 8, parentSpanId="EF" * 8)
    assert (span.trace_id, span.span_id) == ("ab" * 16, "cd" * 8)
    assert span.parent_span_id == "ef" * 8


@pytest.mark.parametrize("start", [10**18, str(10**18), 1e18])
def test_64_bits_in_json_are_text_or_a_number(start: Any) -> None:
    """Protobuf writes text, people write numbers."""
    assert json_span(startTimeUnixNano=start).start_ns == 10**18


def test_enums_in_json_are_numbers_or_names() -> None:
    """The protocol allows numbers only; senders do both."""
    assert json_span(kind=3).kind == json_span(kind="SPAN_KIND_CLIENT").kind == 3
    assert json_span(status={"code": "STATUS_CODE_ERROR"}).status_code == 2


def test_unknown_fields_of_json_are_passed_over() -> None:
    """At every level, snake case too."""
    span = json_span(name="a", trace_state="b", new=[{}], attributes=[{"key": "x", "new": 1}])
    assert (span.name, span.trace_state, span.attributes) == ("a", "", {"x": None})


def test_null_in_json_is_the_same_as_left_out() -> None:
    """Everywhere, as ProtoJSON says."""
    nulls = ("name", "kind", "attributes", "events", "links", "status", "flags", "parentSpanId")
    assert json_span(**dict.fromkeys(nulls)) == json_span()


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ({"intValue": "9223372036854775807"}, 2**63 - 1),
        ({"intValue": 5}, 5),
        ({"intValue": 5.0}, 5),
        ({"doubleValue": 5}, 5.0),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"doubleValue": "NaN"}, math.nan),
        ({"bytesValue": "-_8="}, b"\xfb\xff"),
        ({"bytesValue": "+/8"}, b"\xfb\xff"),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a"}]}}, {"a": None}),
        ({"stringValue": None, "boolValue": False}, False),
        ({}, None),
        (None, None),
    ],
)
def test_a_value_in_json_is_of_the_type_it_names(sent: Any, value: Any) -> None:
    """In every spelling that ProtoJSON allows."""
    assert repr(json_value(sent)) == repr(value)


def test_a_text_that_was_cut_within_an_emoji_is_kept() -> None:
    """JavaScript writes half a pair of surrogates as an escape; it becomes U+FFFD."""
    assert json_value({"stringValue": "a\ud83d \\ud83d \N{PILE OF POO}"}) == (
        "a\ufffd \\ud83d \N{PILE OF POO}"
    )


# Logs and metrics.


@BOTH
def test_an_event_of_a_model_call_is_kept(is_json: bool) -> None:
    """With its body, whatever that is."""
    sent = log_request(body=any_value({"content": ["hi", b"\0"]}))
    (log,), rejected = logs(sent, is_json)
    assert rejected == Rejected()
    assert (log.trace_id, log.span_id, log.time_ns) == (TRACE.hex(), SPAN.hex(), 7)
    assert (log.event_name, log.body) == ("gen_ai.choice", {"content": ["hi", b"\0"]})


@BOTH
def test_the_name_of_an_event_may_be_an_attribute(is_json: bool) -> None:
    """As it was before log records had names; and a time may be that of who saw it."""
    sent = log_request(event_name="", time_unix_nano=0, observed_time_unix_nano=9, span_id=b"")
    record = sent.resource_logs[0].scope_logs[0].log_records[0]
    pair(record.attributes, "event.name", "gen_ai.user.message")
    (log,), _ = logs(sent, is_json)
    assert (log.event_name, log.time_ns, log.span_id) == ("gen_ai.user.message", 9, None)
    assert log.body is None


@BOTH
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event_name": "http.request"}, "gen_ai."),
        ({"event_name": ""}, "gen_ai."),
        ({"trace_id": b""}, "trace id has 0 bytes"),
        ({"trace_id": bytes(16)}, "trace id is all zero"),
        ({"span_id": b"x"}, "span id has 1 bytes"),
        ({"time_unix_nano": 2**63}, "time"),
    ],
)
def test_other_log_records_are_counted(fields: dict, reason: str, is_json: bool) -> None:
    """And the reason is told."""
    found, rejected = logs(log_request(**fields), is_json)
    assert (found, rejected.count) == ([], 1)
    assert reason in rejected.reason


@BOTH
def test_data_points_of_metrics_are_counted(is_json: bool) -> None:
    """Of every kind of metric."""
    sent = ExportMetricsServiceRequest()
    metrics = sent.resource_metrics.add().scope_metrics.add().metrics
    for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
        points = getattr(metrics.add(name=kind), kind).data_points
        points.add(time_unix_nano=1)
        points.add(time_unix_nano=2)
    metrics.add(name="empty")
    assert metric_points(as_json(sent) if is_json else sent.SerializeToString(), is_json) == 10
    assert metric_points(b"{}" if is_json else b"", is_json) == 0
