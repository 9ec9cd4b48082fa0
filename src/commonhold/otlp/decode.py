"""Requests of OTLP, as protobuf and as JSON, become spans and log records.

Source: opentelemetry.io/docs/specs/otlp and github.com/open-telemetry/opentelemetry-proto. Nothing
else of this package knows protobuf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from commonhold.errors import MalformedBody
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Resource, Scope
from commonhold.otlp.sent import JSON_LOGS, JSON_SPANS, SentGroup, SentMetric, with_whole_pairs
from commonhold.otlp.values import (
    Encoding,
    Tally,
    log_of,
    resource_of,
    scope_of,
    span_of,
    too_deep,
)

T = TypeVar("T")
_Make = Callable[[Any, Resource, Scope, Encoding], T]

RESPONSES: Mapping[str, Any] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
"""What a request of each signal is answered with."""

__all__ = [
    "RESPONSES",
    "ExportTracePartialSuccess",
    "logs_from_json",
    "logs_from_protobuf",
    "metric_points",
    "spans_from_json",
    "spans_from_protobuf",
]


def spans_from_protobuf(body: bytes) -> tuple[list[OtelSpan], Rejected]:
    """The spans of an ExportTraceServiceRequest, and those that cannot be taken.

    Raises:
        MalformedBody: it is none.
    """
    tally = Tally("Span")
    return _collected(_parsed(body, _TRACES, tally), _TRACES, span_of, _PROTOBUF, tally)


def spans_from_json(body: bytes) -> tuple[list[OtelSpan], Rejected]:
    """The same of OTLP JSON.

    Raises:
        MalformedBody: it is none.
    """
    tally = Tally("Span")
    return _collected(_sent(body, _TRACES), _TRACES, span_of, JSON_SPANS, tally)


def logs_from_protobuf(body: bytes) -> tuple[list[OtelLog], Rejected]:
    """The `gen_ai.` events of an ExportLogsServiceRequest that belong to a trace, and the others.

    Raises:
        MalformedBody: it is none.
    """
    tally = Tally("Log record")
    return _collected(_parsed(body, _LOGS, tally), _LOGS, log_of, _PROTOBUF, tally)


def logs_from_json(body: bytes) -> tuple[list[OtelLog], Rejected]:
    """The same of OTLP JSON.

    Raises:
        MalformedBody: it is none.
    """
    tally = Tally("Log record")
    return _collected(_sent(body, _LOGS), _LOGS, log_of, JSON_LOGS, tally)


def metric_points(body: bytes, is_json: bool) -> int:  # noqa: FBT001  (which of two encodings)
    """How many data points an ExportMetricsServiceRequest holds.

    Raises:
        MalformedBody: it is none.
    """
    if is_json:
        metrics = _records(_sent(body, _METRICS), _METRICS)
        return sum(len(_loaded(_METRIC, raw).points) for raw in metrics)
    groups = _parsed(body, _METRICS, Tally("Metric"))
    return sum(len(_points(metric)) for metric in _records(groups, _METRICS))


# A request, down to its records.


class _Level(NamedTuple):
    kind: Any
    head: str
    children: str = ""
    child_field: int = 2


class _Signal(NamedTuple):
    name: str
    key: str
    request: _Level
    group: _Level
    scoped: _Level
    record: _Level
    is_one: Callable[[Any], bool]


def _collected(
    groups: Any, signal: _Signal, make: _Make[T], read: Encoding, tally: Tally
) -> tuple[list[T], Rejected]:
    found: list[T] = []
    for records, resource, scope in _emitters(groups, signal, read):
        for sent in records:
            record = None
            try:
                record = read.opened(sent)
                found.append(make(record, resource, scope, read))
            except ValueError as error:
                tally.add(str(error), record)
            except RecursionError:
                raise too_deep() from None
    return found, tally.rejected


def _emitters(
    groups: Any, signal: _Signal, read: Encoding
) -> Iterator[tuple[Any, Resource, Scope]]:
    try:
        for group in groups:
            resource = resource_of(group, read)
            for scoped in getattr(group, signal.group.children) or ():
                records = getattr(scoped, signal.scoped.children) or ()
                yield records, resource, scope_of(scoped, read)
    except ValueError as error:
        raise MalformedBody(f"A resource or a scope cannot be read: {error}.") from None
    except RecursionError:
        raise too_deep() from None


def _records(groups: Any, signal: _Signal) -> Iterator[Any]:
    for group in groups:
        for scoped in getattr(group, signal.group.children) or ():
            yield from getattr(scoped, signal.scoped.children) or ()


# Protobuf.


def _parsed(body: bytes, signal: _Signal, tally: Tally) -> Any:
    """The groups of a request."""
    try:
        request = signal.request.kind.FromString(body)
    except DecodeError as error:
        _refuse_other_signals(body, signal)
        request = _mended(body, signal, tally, error)
    groups = getattr(request, signal.request.children)
    if groups and not any(map(signal.is_one, _records(groups, signal))):
        _refuse_other_signals(body, signal)
    return groups


def _refuse_other_signals(body: bytes, asked: _Signal) -> None:
    """The signals share field numbers, so one can be read as another, as nonsense."""
    for signal in _SIGNALS:
        if signal is not asked and _is_request_of(body, signal):
            raise _misplaced(signal)


def _is_request_of(body: bytes, signal: _Signal) -> bool:
    try:
        groups = getattr(signal.request.kind.FromString(body), signal.request.children)
    except DecodeError:
        return False
    return any(map(signal.is_one, _records(groups, signal)))


def _misplaced(signal: _Signal) -> MalformedBody:
    return MalformedBody(f"These look like {signal.name}: send them to /v1/{signal.name}.")


def _is_span(span: Any) -> bool:
    return bool(len(span.trace_id) == 16 and len(span.span_id) == 8 and span.start_time_unix_nano)


def _is_log(record: Any) -> bool:
    return bool(record.time_unix_nano or record.observed_time_unix_nano or record.severity_number)


def _is_metric(metric: Any) -> bool:
    return any(point.time_unix_nano for point in _points(metric))


def _points(metric: Any) -> Any:
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


def _mended(body: bytes, signal: _Signal, tally: Tally, error: DecodeError) -> Any:
    """A request without the records that make it unreadable."""
    try:
        return _rebuilt(body, signal[2:6], tally)
    except (DecodeError, UnicodeDecodeError):
        hint = " It looks like JSON." if body.lstrip()[:1] == b"{" else ""
        raise MalformedBody(f"The body is no protobuf of {signal.name}: {error}.{hint}") from None


def _readable(data: bytes, levels: tuple[_Level, ...], tally: Tally) -> Any:
    try:
        return levels[0].kind.FromString(data)
    except DecodeError:
        if len(levels) > 1:
            return _rebuilt(data, levels, tally)
        tally.add("it is broken, has text that is not UTF-8, or is nested too deep")
        return None


def _rebuilt(data: bytes, levels: tuple[_Level, ...], tally: Tally) -> Any:
    level = levels[0]
    message = level.kind()
    # A message that has no fields still tells the parts of any other.
    for part in UnknownFieldSet(Empty.FromString(data)):
        if not isinstance(part.data, bytes):
            continue
        if part.field_number == level.child_field:
            child = _readable(part.data, levels[1:], tally)
            if child is not None:
                getattr(message, level.children).append(child)
        elif part.field_number == 1:
            getattr(message, level.head).MergeFromString(part.data)
        elif part.field_number == 3:
            message.schema_url = part.data.decode()
    return message


def _pb_attributes(pairs: Any) -> dict[str, Any]:
    # The likely types first: a field that is not set reads as its empty value, and is cheap.
    found = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = (
            value.string_value or value.int_value or value.double_value or _pb_value(value)
        )
    return found


def _pb_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_pb_value(inner) for inner in value.array_value.values]
    if kind == "kvlist_value":
        return _pb_attributes(value.kvlist_value.values)
    # An index into the strings of a profile has no meaning here (common.proto).
    return None if kind is None or kind == "string_value_strindex" else getattr(value, kind)


# JSON.


def _sent(body: bytes, signal: _Signal) -> tuple[SentGroup, ...]:
    """The groups of a request."""
    fields = _fields(body)
    if signal.key in fields:
        return _loaded(_GROUPS, fields[signal.key]) or ()
    for other in _SIGNALS:
        if other.key in fields:
            raise _misplaced(other)
        if other.request.children in fields:
            raise MalformedBody(f"OTLP JSON spells {other.request.children} {other.key}.")
    return ()


def _fields(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _FIELDS.decode(body)
    except (ValueError, RecursionError):
        return _loaded(_FIELDS, with_whole_pairs(body))


def _loaded(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(data)
    except RecursionError:
        raise too_deep() from None
    except msgspec.ValidationError as error:
        raise MalformedBody(f"The body is no OTLP JSON: {error}.") from None
    except ValueError as error:
        raise MalformedBody(f"The body is not acceptable JSON: {error}.") from None


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_GROUPS = msgspec.json.Decoder(tuple[SentGroup, ...] | None)
_METRIC = msgspec.json.Decoder(SentMetric)


_IDS = ("trace_id", "span_id", "parent_span_id")
_NUMBERS = (
    *("kind", "start_time_unix_nano", "end_time_unix_nano", "flags"),
    *("dropped_attributes_count", "dropped_events_count", "dropped_links_count"),
)


def _itself(record: Any) -> Any:
    return record


_PROTOBUF = Encoding(
    opened=_itself,
    ids=attrgetter(*_IDS),
    numbers=attrgetter(*_NUMBERS),
    identifier=bytes,
    time=int,
    count=int,
    enum=int,
    attributes=_pb_attributes,
    value=_pb_value,
)
_TRACES = _Signal(
    "traces",
    "resourceSpans",
    _Level(ExportTraceServiceRequest, "", "resource_spans", 1),
    _Level(ResourceSpans, "resource", "scope_spans"),
    _Level(ScopeSpans, "scope", "spans"),
    _Level(Span, ""),
    _is_span,
)
_LOGS = _Signal(
    "logs",
    "resourceLogs",
    _Level(ExportLogsServiceRequest, "", "resource_logs", 1),
    _Level(ResourceLogs, "resource", "scope_logs"),
    _Level(ScopeLogs, "scope", "log_records"),
    _Level(LogRecord, ""),
    _is_log,
)
_METRICS = _Signal(
    "metrics",
    "resourceMetrics",
    _Level(ExportMetricsServiceRequest, "", "resource_metrics", 1),
    _Level(ResourceMetrics, "resource", "scope_metrics"),
    _Level(ScopeMetrics, "scope", "metrics"),
    _Level(Metric, ""),
    _is_metric,
)
_SIGNALS = (_TRACES, _LOGS, _METRICS)
