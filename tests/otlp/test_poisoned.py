"""A span that cannot be taken is left out alone; a body that cannot be read is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from commonhold.errors import MalformedBody
from commonhold.otlp.decode import (
    logs_from_json,
    logs_from_protobuf,
    metric_points,
    spans_from_json,
    spans_from_protobuf,
)
from tests.otlp.wire import SPAN, TRACE, as_json, request, sent_spans

BOTH = pytest.mark.parametrize("is_json", [False, True], ids=["protobuf", "json"])
DECODERS = (spans_from_protobuf, spans_from_json, logs_from_protobuf, logs_from_json)
GOOD = {"traceId": TRACE.hex(), "spanId": SPAN.hex()}


def names_and_reason(sent: Any, is_json: bool) -> tuple[list[str], int, str]:
    """The names of the spans that were taken, the number of the others, and why."""
    read = spans_from_json if is_json else spans_from_protobuf
    spans, rejected = read(as_json(sent) if is_json else sent.SerializeToString())
    return [span.name for span in spans], rejected.count, rejected.reason


def framed(field: int, data: bytes) -> bytes:
    """A part of a message of protobuf, which no library writes as deep as we need it."""
    length, size = b"", len(data)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([field << 3 | 2]) + length + bytes([size]) + data


def json_request(*spans: Any) -> bytes:
    """A request in JSON of whatever spans."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@BOTH
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("trace_id", b"", "its trace id has 0 bytes, not 16"),
        ("trace_id", b"x" * 15, "its trace id has 15 bytes, not 16"),
        ("trace_id", bytes(16), "its trace id is all zero"),
        ("span_id", b"", "its span id has 0 bytes, not 8"),
        ("span_id", bytes(8), "its span id is all zero"),
        ("parent_span_id", b"x", "its parent span id has 1 bytes, not 8"),
        ("start_time_unix_nano", 2**63, "its start time 9223372036854775808 is out of"),
        ("end_time_unix_nano", 2**64 - 1, "its end time 18446744073709551615 is out of"),
    ],
)
def test_a_poisoned_span_is_left_out_alone(
    field: str, value: Any, reason: str, is_json: bool
) -> None:
    """Its neighbours are kept, and the first reason is told."""
    sent = request("one", "bad", "two", "worse")
    setattr(sent_spans(sent)[1], field, value)
    sent_spans(sent)[3].trace_id = b""
    names, count, told = names_and_reason(sent, is_json)
    assert (names, count) == (["one", "two"], 2)
    assert told.startswith(f'Span "bad" was left out: {reason}')


@BOTH
def test_an_event_out_of_time_poisons_its_span(is_json: bool) -> None:
    """No database can hold that time."""
    sent = request("one", "bad")
    sent_spans(sent)[1].events.add(time_unix_nano=2**63)
    assert names_and_reason(sent, is_json)[:2] == (["one"], 1)


@pytest.mark.parametrize("broken", [b"\xff\xfe\xff", b"\xed\xa0\x80"])
def test_text_that_is_not_utf8_poisons_its_span_alone(broken: bytes) -> None:
    """Protobuf refuses the whole request; the others are read one by one."""
    sent = request("one", "xxx", "two")
    body = sent.SerializeToString().replace(b"xxx", broken)
    spans, rejected = spans_from_protobuf(body)
    assert [span.name for span in spans] == ["one", "two"]
    assert spans[0].resource.attributes == {"service.name": "billing"}
    assert (spans[0].scope.name, spans[0].scope.schema_url) == ("pydantic-ai", "https://scope")
    assert spans[0].resource.schema_url == "https://resource"
    assert rejected.count == 1
    assert "not UTF-8" in rejected.reason


def test_other_groups_are_kept_beside_a_broken_one() -> None:
    """Of each resource and each scope."""
    sent = request("one", "xxx")
    sent.resource_spans.add().CopyFrom(request("two").resource_spans[0])
    body = sent.SerializeToString().replace(b"xxx", b"\xff\xff\xff")
    spans, rejected = spans_from_protobuf(body)
    assert ([span.name for span in spans], rejected.count) == (["one", "two"], 1)


def test_a_resource_that_is_not_utf8_refuses_the_request() -> None:
    """All its spans would be of nobody."""
    body = request("one").SerializeToString().replace(b"billing", b"\xff" * 7)
    with pytest.raises(MalformedBody, match="no protobuf of traces"):
        spans_from_protobuf(body)


def test_values_nested_too_deep_for_protobuf_poison_their_span_alone() -> None:
    """Its readers stop at a hundred messages within each other."""
    good = sent_spans(request("one"))[0].SerializeToString()
    deep = b""
    for _ in range(60):
        deep = framed(5, framed(1, deep))
    scoped = framed(2, good) + framed(2, good + framed(9, framed(2, deep)))
    spans, rejected = spans_from_protobuf(framed(1, framed(2, scoped)))
    assert ([span.name for span in spans], rejected.count) == (["one"], 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": 5},
        {"traceId": "xyz"},
        {"traceId": "AQIDBAUGBwgJCgsMDQ4PEA=="},
        {"traceId": " " + TRACE.hex()[1:]},
        {"kind": "SPAN_KIND_NEW"},
        {"kind": 2**31},
        {"flags": 2**32},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": 1.5},
        {"attributes": {"x": 1}},
        {"attributes": [{"key": "x", "value": {"intValue": "9223372036854775808"}}]},
        {"attributes": [{"key": "x", "value": {"intValue": "many"}}]},
        {"attributes": [{"key": "x", "value": {"intValue": "1" * 5000}}]},
        {"attributes": [{"key": "x", "value": {"bytesValue": "!"}}]},
        {"attributes": [{"key": "x", "value": {"doubleValue": "much"}}]},
        {"attributes": [{"key": "x", "value": {"boolValue": "yes"}}]},
        {"attributes": [{"key": "x", "value": "plain"}]},
    ],
)
def test_a_span_of_json_that_is_not_as_it_must_be_is_left_out_alone(fields: dict) -> None:
    """Whatever is wrong with it."""
    spans, rejected = spans_from_json(
        json_request({**GOOD, "name": "one"}, {**GOOD, **fields}, {**GOOD, "name": "two"}, 5, None)
    )
    assert ([span.name for span in spans], rejected.count) == (["one", "two"], 3)
    assert rejected.reason.startswith("Span was left out: ")


@BOTH
def test_a_reason_quotes_no_more_than_a_name(is_json: bool) -> None:
    """However long the name is."""
    assert len(names_and_reason(request("x" * 5000, trace_id=b""), is_json)[2]) < 200


# Bodies that cannot be read.


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("body", [b"{", b"\xff", b"\0", b'"x"', b"[1", b"\x0a\x05abc"])
def test_a_broken_body_is_refused(decode: Callable, body: bytes) -> None:
    """As malformed, which senders do not repeat."""
    with pytest.raises(MalformedBody):
        decode(body)


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"resourceSpans"', b""])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    """Nothing is said that way."""
    with pytest.raises(MalformedBody):
        spans_from_json(body)
    with pytest.raises(MalformedBody):
        metric_points(body, True)


@pytest.mark.parametrize(
    "groups", [5, {}, [5], [{"scopeSpans": 5}], [{"resource": {"attributes": 1}}]]
)
def test_groups_that_are_none_are_refused(groups: Any) -> None:
    """They hold all spans, so none could be taken."""
    with pytest.raises(MalformedBody, match="no OTLP JSON"):
        spans_from_json(json.dumps({"resourceSpans": groups}).encode())


def test_a_resource_with_an_impossible_value_is_refused() -> None:
    """All its spans would be of nobody."""
    attributes = [{"key": "x", "value": {"intValue": "many"}}]
    groups = [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [GOOD]}]}]
    with pytest.raises(MalformedBody, match="resource or a scope"):
        spans_from_json(json.dumps({"resourceSpans": groups}).encode())


def test_json_posted_as_protobuf_is_told_so() -> None:
    """A content type is easily wrong."""
    with pytest.raises(MalformedBody, match="looks like JSON"):
        spans_from_protobuf(as_json(request("a")))


@pytest.mark.parametrize(
    ("key", "hint"),
    [("resource_spans", "resourceSpans"), ("resource_logs", "resourceLogs")],
)
def test_snake_case_is_refused_with_a_hint(key: str, hint: str) -> None:
    """OTLP JSON has it in camel case."""
    with pytest.raises(MalformedBody, match=hint):
        spans_from_json(json.dumps({key: []}).encode())


def test_camel_case_wins_over_snake_case() -> None:
    """Unknown fields are passed over."""
    assert spans_from_json(b'{"resource_spans": 1, "resourceSpans": []}')[0] == []


@pytest.mark.parametrize("levels", [300, 2000, 100_000])
def test_values_nested_too_deep_in_json_are_refused(levels: int) -> None:
    """Wherever they are."""
    deep = b'{"arrayValue":{"values":[' * levels + b"]}}" * levels
    span = b'{"attributes":[{"key":"x","value":%s}]}' % deep
    for body in (
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}' % span,
        b'{"resourceSpans":[{"resource":%s,"scopeSpans":[{}]}]}' % span,
        b'{"new":%s}' % (b"[" * 10 * levels + b"]" * 10 * levels),
    ):
        with pytest.raises(MalformedBody, match="nested too deep"):
            spans_from_json(body)


# One signal where another is expected.


def log_request() -> Any:
    """Logs as an agent sends them."""
    sent = ExportLogsServiceRequest()
    record = (
        sent.resource_logs.add()
        .scope_logs.add()
        .log_records.add(
            time_unix_nano=10**18, severity_number=9, severity_text="INFO", trace_id=TRACE
        )
    )
    record.body.string_value = "hello"
    return sent


def metric_request(name: str = "requests", text: str = "How many") -> Any:
    """Metrics as an agent sends them."""
    sent = ExportMetricsServiceRequest()
    scoped = sent.resource_metrics.add().scope_metrics.add()
    scoped.metrics.add(name=name, description=text).sum.data_points.add(
        time_unix_nano=10**18, as_int=3
    )
    return sent


def decoder(signal: str, is_json: bool) -> Callable[[bytes], object]:
    """What reads a signal."""
    if signal == "metrics":
        return lambda body: metric_points(body, is_json)
    if signal == "logs":
        return logs_from_json if is_json else logs_from_protobuf
    return spans_from_json if is_json else spans_from_protobuf


@BOTH
@pytest.mark.parametrize(
    ("signal", "sent", "hint"),
    [
        ("traces", log_request(), "/v1/logs"),
        ("traces", metric_request(), "/v1/metrics"),
        ("traces", metric_request("http.server.time", "Duration"), "/v1/metrics"),
        ("logs", request("chat"), "/v1/traces"),
        ("logs", metric_request(), "/v1/metrics"),
        ("metrics", request("chat"), "/v1/traces"),
        ("metrics", log_request(), "/v1/logs"),
    ],
)
def test_a_signal_is_told_where_it_belongs(
    signal: str, sent: Any, hint: str, is_json: bool
) -> None:
    """In protobuf one can be read as another, as records without ids."""
    body = as_json(sent) if is_json else sent.SerializeToString()
    with pytest.raises(MalformedBody, match=hint):
        decoder(signal, is_json)(body)


def test_spans_without_ids_are_no_logs() -> None:
    """They are left out, and say why."""
    spans, rejected = spans_from_protobuf(request("a", trace_id=b"").SerializeToString())
    assert (spans, rejected.count) == ([], 1)


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 30))
def test_whatever_is_sent_is_read_or_refused(noise: bytes, place: int, cut: int) -> None:
    """Nothing else is raised: not for noise, and not for noise within a request."""
    for body in (request("chat").SerializeToString(), as_json(request("chat")), b""):
        for decode in DECODERS:
            with suppress(MalformedBody):
                decode(body[:place] + noise + body[place + cut :])
