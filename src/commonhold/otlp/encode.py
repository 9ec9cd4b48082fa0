"""Spans and log records as OTLP JSON.

Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding": names in lowerCamelCase, ids
in hexadecimal, enums as numbers, 64-bit numbers as text or numbers.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from commonhold.model.opaque import JsonText
from commonhold.model.otel import (
    Attributes,
    OtelLog,
    OtelSpan,
    Resource,
    Scope,
    SpanEvent,
    SpanLink,
)
from commonhold.otlp.values import attributes_text, float_name

_encode = msgspec.json.Encoder().encode
_INT64 = range(-(2**63), 2**63)
_Json = dict[str, Any]
R = TypeVar("R", OtelSpan, OtelLog)
_Group = tuple[_Json, dict[str, _Json]]


def to_otlp_json(spans: Iterable[OtelSpan]) -> JsonText:
    """The spans as one request, grouped by resource and scope in the order they appear.

    Decoding it gives the same spans, whatever their values.
    """
    return _grouped(spans, _span, ("resourceSpans", "scopeSpans", "spans"))


def logs_to_otlp_json(logs: Iterable[OtelLog]) -> JsonText:
    """The same of log records."""
    return _grouped(logs, _log, ("resourceLogs", "scopeLogs", "logRecords"))


def _grouped(
    records: Iterable[R], encode: Callable[[R], _Json], names: tuple[str, str, str]
) -> JsonText:
    outer, inner, leaf = names
    groups: dict[str, _Group] = {}
    keys = _Keys()
    for record in records:
        scoped = _place(record, groups, keys)
        scoped.setdefault(leaf, []).append(encode(record))
    resources = [{**head, inner: list(scopes.values())} for head, scopes in groups.values()]
    return JsonText(_encode({outer: resources}).decode())


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


def _place(record: OtelSpan | OtelLog, groups: dict[str, _Group], keys: _Keys) -> _Json:
    """The scope within its resource that a record belongs to."""
    resource = keys.of(record.resource)
    if resource not in groups:
        groups[resource] = (_resource(record.resource), {})
    scopes = groups[resource][1]
    scope = keys.of(record.scope)
    if scope not in scopes:
        scopes[scope] = _scope(record.scope)
    return scopes[scope]


def _resource(resource: Resource) -> _Json:
    told: _Json = {"resource": _filled(attributes=_pairs(resource.attributes))}
    return told | _filled(schemaUrl=resource.schema_url)


def _scope(scope: Scope) -> _Json:
    told = _filled(name=scope.name, version=scope.version, attributes=_pairs(scope.attributes))
    return {"scope": told, **_filled(schemaUrl=scope.schema_url)}


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


def _log(log: OtelLog) -> _Json:
    return {
        "traceId": log.trace_id,
        "timeUnixNano": str(log.time_ns),
        "body": _value(log.body),
        **_filled(spanId=log.span_id, eventName=log.event_name, attributes=_pairs(log.attributes)),
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
