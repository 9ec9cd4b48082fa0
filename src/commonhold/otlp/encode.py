"""OTLP JSON: what its objects look like, and spans as them.

Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding": names in lowerCamelCase, ids
in hexadecimal, enums as numbers, 64-bit numbers as text or numbers.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from commonhold.model.opaque import MAX_DEPTH, JsonText
from commonhold.model.otel import Attributes, OtelSpan, Resource, Scope, SpanEvent, SpanLink
from commonhold.otlp.values import attributes_text, float_name, too_deep

_encode = msgspec.json.Encoder().encode
_INT64 = range(-(2**63), 2**63)
_Json = dict[str, Any]
_Group = tuple[_Json, dict[str, _Json]]


def to_otlp_json(spans: Iterable[OtelSpan]) -> JsonText:
    """The spans as one request, grouped by resource and scope in the order they appear.

    Decoding it gives the same spans, whatever their values.
    """
    groups: dict[str, _Group] = {}
    keys = _Keys()
    for span in spans:
        _place(span, groups, keys)
    resources = [{**head, "scopeSpans": list(scopes.values())} for head, scopes in groups.values()]
    return JsonText(_encode({"resourceSpans": resources}).decode())


class _Keys:
    """What tells resources and scopes apart: their values, and not which object holds them."""

    def __init__(self) -> None:
        # The objects are kept, so that their numbers stay theirs.
        self._known: dict[int, tuple[Resource | Scope, str]] = {}

    def of(self, emitter: Resource | Scope) -> str:
        known = self._known.get(id(emitter))
        if known is None:
            known = self._known[id(emitter)] = (emitter, _identity(emitter))
        return known[1]


def _identity(emitter: Resource | Scope) -> str:
    names = (emitter.name, emitter.version) if isinstance(emitter, Scope) else ()
    attributes = attributes_text(emitter.attributes)
    return _encode((attributes, emitter.schema_url, *names)).decode()


def _place(span: OtelSpan, groups: dict[str, _Group], keys: _Keys) -> None:
    resource = keys.of(span.resource)
    if resource not in groups:
        groups[resource] = (_resource(span.resource), {})
    scopes = groups[resource][1]
    scope = keys.of(span.scope)
    if scope not in scopes:
        scopes[scope] = _scope(span.scope)
    scopes[scope]["spans"].append(_span(span))


def _resource(resource: Resource) -> _Json:
    told: _Json = {"resource": _filled(attributes=_pairs(resource.attributes))}
    return told | _filled(schemaUrl=resource.schema_url)


def _scope(scope: Scope) -> _Json:
    told = _filled(name=scope.name, version=scope.version, attributes=_pairs(scope.attributes))
    return {"scope": told, **_filled(schemaUrl=scope.schema_url), "spans": []}


def _filled(**fields: Any) -> _Json:
    """The fields that say something; to leave the others out is how protobuf says nothing."""
    return {name: value for name, value in fields.items() if value}


def _span(span: OtelSpan) -> _Json:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        **_filled(
            parentSpanId=span.parent_span_id,
            traceState=span.trace_state,
            flags=span.flags,
            attributes=_pairs(span.attributes),
            droppedAttributesCount=span.dropped_attributes,
            events=[_event(event) for event in span.events],
            droppedEventsCount=span.dropped_events,
            links=[_link(link) for link in span.links],
            droppedLinksCount=span.dropped_links,
            status=_filled(code=span.status_code, message=span.status_message),
        ),
    }


def _event(event: SpanEvent) -> _Json:
    return _filled(
        name=event.name,
        timeUnixNano=str(event.time_ns),
        attributes=_pairs(event.attributes),
        droppedAttributesCount=event.dropped_attributes,
    )


def _link(link: SpanLink) -> _Json:
    return _filled(
        traceId=link.trace_id,
        spanId=link.span_id,
        traceState=link.trace_state,
        attributes=_pairs(link.attributes),
        droppedAttributesCount=link.dropped_attributes,
        flags=link.flags,
    )


def _pairs(attributes: Attributes) -> list[_Json]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> _Json:
    """An AnyValue (opentelemetry-proto, common.proto); nothing in it stands for None."""
    if isinstance(value, str):
        return {"stringValue": value}
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        # A number of a trace that did not come as OTLP may not fit, and is told as text.
        return {"intValue" if value in _INT64 else "stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else float_name(value)}
    return _composite(value)


def _composite(value: Any) -> _Json:
    if isinstance(value, bytes):
        return {"bytesValue": b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _pairs(value)}}
    return {"arrayValue": {"values": [_value(inner) for inner in value]}}


class Shape(msgspec.Struct, rename="camel", gc=False):
    """An object of OTLP JSON; null is the same as left out, unknown fields are passed over."""


class SentList(Shape):
    """The values of an array."""

    values: tuple[SentValue, ...] | None = None


class SentMapping(Shape):
    """The pairs of a mapping."""

    values: tuple[SentPair, ...] | None = None


class SentValue(Shape):
    """An AnyValue. None of its fields set is a value too: none."""

    string_value: str | None = None
    int_value: int | float | str | None = None
    bool_value: bool | None = None
    double_value: float | str | None = None
    array_value: SentList | None = None
    kvlist_value: SentMapping | None = None
    bytes_value: str | None = None


class SentPair(Shape):
    """A KeyValue."""

    key: str | None = None
    value: SentValue | None = None


def sent_attributes(pairs: tuple[SentPair, ...] | None, depth: int = 0) -> dict[str, Any]:
    """The attributes that were sent; of two with one name, the last.

    Raises:
        ValueError: a value is not what its type says.
        MalformedBody: they are nested too deep.
    """
    found: dict[str, Any] = {}
    for pair in pairs or ():
        value = pair.value
        text = value.string_value if value is not None else None
        found[pair.key or ""] = sent_value(value, depth) if text is None else text
    return found


def sent_value(value: SentValue | None, depth: int = 0) -> Any:
    """The value that was sent.

    Raises:
        ValueError: it is not what its type says.
        MalformedBody: it is nested too deep.
    """
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return whole(value.int_value, -(2**63), 2**63 - 1)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return float(value.double_value)
    return _sent_composite(value, depth + 1)


def _sent_composite(value: SentValue, depth: int) -> Any:
    if depth >= MAX_DEPTH:
        raise too_deep()
    if value.array_value is not None:
        return [sent_value(inner, depth) for inner in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return sent_attributes(value.kvlist_value.values, depth)
    return None if value.bytes_value is None else _base64(value.bytes_value)


def _base64(text: str) -> bytes:
    """Of both alphabets, padded or not, as the JSON of protobuf allows."""
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    return b64decode(padded, altchars=b"-_" if "-" in text or "_" in text else None, validate=True)


def whole(value: float | str | None, low: int = 0, high: int = 2**64 - 1) -> int:
    """A number that is spelt as one or as text; 64 bits are too many for most readers of JSON.

    Raises:
        ValueError: it has a fraction, or is out of bounds.
    """
    number = int(value or 0)
    if isinstance(value, float) and number != value:
        raise ValueError(f"{value} is no whole number")
    if not low <= number <= high:
        raise ValueError(f"{number} is out of bounds")
    return number


def unhex(text: str | None) -> bytes:
    """An id; none is an empty one.

    Raises:
        ValueError: it is not hexadecimal.
    """
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        raise ValueError("an id is not hexadecimal, as OTLP JSON has it") from None


class SentEmitter(Shape):
    """A Resource or an InstrumentationScope."""

    name: str | None = None
    version: str | None = None
    attributes: tuple[SentPair, ...] | None = None


class SentScoped(Shape):
    """What one scope sent, of any signal. Each record can fail by itself, so none is read yet."""

    scope: SentEmitter | None = None
    schema_url: str | None = None
    spans: tuple[msgspec.Raw, ...] | None = None
    log_records: tuple[msgspec.Raw, ...] | None = None
    metrics: tuple[msgspec.Raw, ...] | None = None


class SentGroup(Shape):
    """What one resource sent, of any signal."""

    resource: SentEmitter | None = None
    schema_url: str | None = None
    scope_spans: tuple[SentScoped, ...] | None = None
    scope_logs: tuple[SentScoped, ...] | None = None
    scope_metrics: tuple[SentScoped, ...] | None = None


class SentStatus(Shape):
    """A Status (trace.proto)."""

    message: str | None = None
    code: int | str | None = None


class SentEvent(Shape):
    """A Span.Event."""

    name: str | None = None
    time_unix_nano: int | float | str | None = None
    attributes: tuple[SentPair, ...] | None = None
    dropped_attributes_count: int | str | None = None


class SentLink(Shape):
    """A Span.Link."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: tuple[SentPair, ...] | None = None
    dropped_attributes_count: int | str | None = None
    flags: int | str | None = None


class SentSpan(Shape):
    """A Span."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | str | None = None
    flags: int | str | None = None
    start_time_unix_nano: int | float | str | None = None
    end_time_unix_nano: int | float | str | None = None
    attributes: tuple[SentPair, ...] | None = None
    dropped_attributes_count: int | str | None = None
    events: tuple[SentEvent, ...] | None = None
    dropped_events_count: int | str | None = None
    links: tuple[SentLink, ...] | None = None
    dropped_links_count: int | str | None = None
    status: SentStatus | None = None


class SentLog(Shape):
    """A LogRecord (logs.proto)."""

    time_unix_nano: int | float | str | None = None
    observed_time_unix_nano: int | float | str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
    body: SentValue | None = None
    attributes: tuple[SentPair, ...] | None = None


class SentPoints(Shape):
    """The data of a Metric, of whichever kind (metrics.proto)."""

    data_points: tuple[msgspec.Raw, ...] | None = None


class SentMetric(Shape):
    """A Metric."""

    gauge: SentPoints | None = None
    sum: SentPoints | None = None
    histogram: SentPoints | None = None
    exponential_histogram: SentPoints | None = None
    summary: SentPoints | None = None

    @property
    def points(self) -> tuple[msgspec.Raw, ...]:
        """Its data points."""
        kinds = (self.gauge, self.sum, self.histogram, self.exponential_histogram, self.summary)
        found = next((kind for kind in kinds if kind is not None), None)
        return (found and found.data_points) or ()
