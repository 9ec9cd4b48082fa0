"""The values of spans and log records: read from either encoding of OTLP, and as they are stored.

Protobuf and JSON have the same fields by the same names, so what is below reads either; `Encoding`
holds what differs.

As stored, attributes are JSON. Ordinary values are ordinary JSON, so that SQL finds them by their name. What JSON cannot carry
stands in an object of one key: `{"$bytes": "<base64>"}` and `{"$float": "NaN"}`. An object of an
author that has one key beginning with a dollar sign gets one more of it, so nobody can forge these.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from commonhold.errors import MalformedBody
from commonhold.model.opaque import MAX_DEPTH, JsonText
from commonhold.model.otel import (
    Attributes,
    OtelLog,
    OtelSpan,
    Rejected,
    Resource,
    Scope,
    SpanEvent,
    SpanLink,
)

MAX_TIME = 2**63 - 1
"""The last nanosecond that a database can count."""

GEN_AI = "gen_ai."
"""How the names of the events begin that are kept of all logs (GenAI semantic conventions)."""

BYTES = "$bytes"
FLOAT = "$float"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_mapping = msgspec.json.Decoder(dict[str, Any]).decode
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_PLAIN = frozenset((str, int, bool, type(None)))


def attributes_text(attributes: Attributes) -> JsonText:
    """Attributes as one JSON object; `attributes_of` is the way back."""
    if not _PLAIN.issuperset(map(type, attributes.values())):
        # Tags are for values: at the top a name stays as it is, and can be asked for.
        attributes = {
            name: value if value.__class__ in _PLAIN else _tagged(value)
            for name, value in attributes.items()
        }
    return JsonText(_encode(attributes).decode())


def attributes_of(text: str) -> dict[str, Any]:
    """The attributes that `attributes_text` wrote."""
    attributes = _mapping(text)
    if '"$' in text:
        return {name: _untagged(value) for name, value in attributes.items()}
    return attributes


def value_text(value: Any) -> JsonText:
    """One value of attributes as JSON; `value_of` is the way back."""
    return JsonText(_encode(_tagged(value)).decode())


def value_of(text: str) -> Any:
    """The value that `value_text` wrote."""
    return _untagged(_decode(text))


def _tagged(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {FLOAT: float_name(value)}
    if kind is bytes:
        return {BYTES: b64encode(value).decode()}
    if isinstance(value, Mapping):
        return _escaped({name: _tagged(inner) for name, inner in value.items()})
    return [_tagged(inner) for inner in value] if isinstance(value, list | tuple) else value


def _escaped(members: dict[str, Any]) -> dict[str, Any]:
    if len(members) == 1:
        ((name, value),) = members.items()
        if name.startswith("$"):
            return {f"${name}": value}
    return members


def float_name(value: float) -> str:
    """What the JSON of protobuf calls a number that JSON has not (protobuf.dev, ProtoJSON)."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name.startswith("$"):
            return _tag_of(name, inner)
    return {name: _untagged(inner) for name, inner in value.items()}


def _tag_of(name: str, inner: Any) -> Any:
    if name == BYTES and isinstance(inner, str):
        return b64decode(inner)
    if name == FLOAT and isinstance(inner, str):
        return float(inner)
    return {name[1:] if name.startswith("$$") else name: _untagged(inner)}


SpanNumbers = tuple[int, int, int, int, int, int, int]
"""Kind, start, end, flags, and how many attributes, events and links were dropped."""


class Encoding(NamedTuple):
    """How the fields of a record are read that protobuf and JSON spell differently.

    `ids` are those of a span, its parent's last; `numbers` are its `SpanNumbers`. Each raises
    ValueError for what is not as it must be.
    """

    opened: Callable[[Any], Any]
    ids: Callable[[Any], tuple[bytes, bytes, bytes]]
    numbers: Callable[[Any], SpanNumbers]
    identifier: Callable[[Any], bytes]
    time: Callable[[Any], int]
    count: Callable[[Any], int]
    enum: Callable[[Any], int]
    attributes: Callable[[Any], dict[str, Any]]
    value: Callable[[Any], Any]


class Tally:
    """What was left out, and why the first of it."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._count = 0
        self._reason = ""

    def add(self, problem: str, record: Any = None) -> None:
        """Count one more, which may have a name."""
        self._count += 1
        if self._count == 1:
            name = getattr(record, "name", "") or getattr(record, "event_name", "")
            called = f' "{name[:100]}"' if name else ""
            self._reason = f"{self._noun}{called} was left out: {problem}."

    @property
    def rejected(self) -> Rejected:
        """All of it."""
        return Rejected(self._count, self._reason)


def resource_of(group: Any, read: Encoding) -> Resource:
    """The resource of a ResourceSpans or ResourceLogs."""
    sent = group.resource
    return Resource(read.attributes(sent.attributes) if sent else {}, group.schema_url or "")


def scope_of(scoped: Any, read: Encoding) -> Scope:
    """The scope of a ScopeSpans or ScopeLogs."""
    sent, url = scoped.scope, scoped.schema_url or ""
    if not sent:
        return Scope(schema_url=url)
    return Scope(sent.name or "", sent.version or "", read.attributes(sent.attributes), url)


def span_of(sent: Any, resource: Resource, scope: Scope, read: Encoding) -> OtelSpan:
    """A Span (trace.proto). One that ends before it starts is kept, as the Collector keeps it.

    Raises:
        ValueError: nobody could find it again: its ids or its times are none.
    """
    # First, so that what is nested too deep refuses the request whatever else is wrong with the span.
    attributes = read.attributes(sent.attributes)
    trace_id, span_id, parent_id = read.ids(sent)
    kind, start, end, flags, lost_attributes, lost_events, lost_links = read.numbers(sent)
    events, links, status = sent.events, sent.links, sent.status
    kept = tuple(_links(links, read)) if links else ()
    # By position, in a sixth of the time that names would take.
    return OtelSpan(
        _id(trace_id, _NO_TRACE, "trace id"),
        _id(span_id, _NO_SPAN, "span id"),
        _optional_id(parent_id, "parent span id"),
        sent.name or "",
        kind,
        _time(start, "start"),
        _time(end, "end"),
        attributes,
        resource,
        scope,
        tuple([_event(event, read) for event in events]) if events else (),
        kept,
        read.enum(status.code) if status else 0,
        (status.message or "") if status else "",
        sent.trace_state or "",
        flags,
        lost_attributes,
        lost_events,
        lost_links + len(links or ()) - len(kept),
    )


def log_of(sent: Any, resource: Resource, scope: Scope, read: Encoding) -> OtelLog:
    """A LogRecord (logs.proto) that is an event of a model call.

    Raises:
        ValueError: it is not, or belongs to no trace.
    """
    attributes = read.attributes(sent.attributes)
    name = sent.event_name or attributes.get("event.name")
    if not isinstance(name, str) or not name.startswith(GEN_AI):
        raise ValueError(f"only events whose name begins with {GEN_AI} are kept")
    return OtelLog(
        trace_id=_id(read.identifier(sent.trace_id), _NO_TRACE, "trace id"),
        span_id=_optional_id(read.identifier(sent.span_id), "span id"),
        event_name=name,
        time_ns=_time(
            read.time(sent.time_unix_nano) or read.time(sent.observed_time_unix_nano), "time"
        ),
        body=read.value(sent.body),
        attributes=attributes,
        resource=resource,
        scope=scope,
    )


def _event(sent: Any, read: Encoding) -> SpanEvent:
    return SpanEvent(
        sent.name or "",
        _time(read.time(sent.time_unix_nano), "event"),
        read.attributes(sent.attributes),
        read.count(sent.dropped_attributes_count),
    )


def _links(links: Any, read: Encoding) -> Iterator[SpanLink]:
    """The links that lead somewhere. The others count as dropped; a span is worth more."""
    for sent in links:
        trace_id, span_id = read.identifier(sent.trace_id), read.identifier(sent.span_id)
        if len(trace_id) == 16 and len(span_id) == 8:
            yield SpanLink(
                trace_id.hex(),
                span_id.hex(),
                sent.trace_state or "",
                read.attributes(sent.attributes),
                read.count(sent.dropped_attributes_count),
                read.count(sent.flags),
            )


def _id(raw: bytes, zero: bytes, name: str) -> str:
    if len(raw) != len(zero):
        raise ValueError(f"its {name} has {len(raw)} bytes, not {len(zero)}")
    if raw == zero:
        raise ValueError(f"its {name} is all zero")
    return raw.hex()


def _optional_id(raw: bytes, name: str) -> str | None:
    return _id(raw, _NO_SPAN, name) if raw and raw != _NO_SPAN else None


def _time(nanoseconds: int, name: str) -> int:
    if not 0 <= nanoseconds <= MAX_TIME:
        raise ValueError(f"its {name} time {nanoseconds} is out of 0 to 2^63-1 nanoseconds")
    return nanoseconds


def too_deep() -> MalformedBody:
    """The refusal of values within values within values."""
    return MalformedBody(f"The body is nested too deep: at most {MAX_DEPTH} levels are accepted.")
