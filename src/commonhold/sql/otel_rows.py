"""Rows become spans of OpenTelemetry again, as they were sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from commonhold.model.otel import OtelSpan, Resource, Scope, SpanEvent, SpanLink
from commonhold.otlp.values import attributes_of

_raws = msgspec.json.Decoder(tuple[msgspec.Raw, str, str, str, msgspec.Raw, str]).decode


class _Event(msgspec.Struct):
    name: str
    time_unix_nano: int
    attributes: msgspec.Raw
    dropped_attributes: int = 0


class _Link(msgspec.Struct):
    trace_id: str
    span_id: str
    trace_state: str
    attributes: msgspec.Raw
    dropped_attributes: int
    flags: int


class _Rest(msgspec.Struct):
    kind: int = 0
    status_code: int = 0
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    links: tuple[_Link, ...] = ()
    name: str | None = None


_rest = msgspec.json.Decoder(_Rest).decode
_events = msgspec.json.Decoder(tuple[_Event, ...]).decode


def emitter_of(text: str) -> tuple[Resource, Scope]:
    """The resource and the scope that `emitter_text` wrote."""
    resource, resource_url, name, version, scope, scope_url = _raws(text)
    return (
        Resource(_attributes(resource), resource_url),
        Scope(name, version, _attributes(scope), scope_url),
    )


def otel_span(row: Any, emitters: Mapping[str, tuple[Resource, Scope]]) -> OtelSpan:
    """A row of `get_spans` that came as OTLP."""
    rest = _rest(row[13])
    resource, scope = emitters[row[14]]
    return OtelSpan(
        trace_id=row[0],
        span_id=row[1],
        parent_span_id=row[2],
        name=row[3] if rest.name is None else rest.name,
        kind=rest.kind,
        start_ns=row[10],
        end_ns=row[11],
        attributes=attributes_of(row[7]),
        resource=resource,
        scope=scope,
        events=tuple([_event(event) for event in _events(row[8])]),
        links=tuple([_link(link) for link in rest.links]),
        status_code=rest.status_code,
        status_message=rest.status_message,
        trace_state=rest.trace_state,
        flags=rest.flags,
        dropped_attributes=rest.dropped_attributes,
        dropped_events=rest.dropped_events,
        dropped_links=rest.dropped_links,
    )


def _event(event: _Event) -> SpanEvent:
    attributes = _attributes(event.attributes)
    return SpanEvent(event.name, event.time_unix_nano, attributes, event.dropped_attributes)


def _link(link: _Link) -> SpanLink:
    attributes = _attributes(link.attributes)
    return SpanLink(
        link.trace_id,
        link.span_id,
        link.trace_state,
        attributes,
        link.dropped_attributes,
        link.flags,
    )


def _attributes(raw: msgspec.Raw) -> dict[str, Any]:
    return attributes_of(bytes(raw).decode())
