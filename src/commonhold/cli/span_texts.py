"""What a stored span says to people: its texts, its log records, and why it failed. Never raises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from commonhold.model.otel import OtelLog, OtelSpan, Resource, Scope, SpanEvent
from commonhold.model.trace import NANO, Span
from commonhold.otlp.meaning import log_meaning, meaning_of
from commonhold.otlp.values import attributes_of, value_of

_NOBODY = Resource()
_NOWHERE = Scope()
_REASONS = ("error.message", "exception.message", "error", "exception.type", "error.type")
"""Attributes that say why a span failed, the one that says most first."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """An event or a log record of a span; `text` is what was said in it."""

    name: str
    time_ns: int | None
    text: str
    is_log: bool


@dataclass(frozen=True, slots=True)
class SpanTexts:
    """What went into a span, what came out, and what happened in it."""

    input: str | None
    output: str | None
    happenings: tuple[Happening, ...]


def texts_of(span: Span) -> SpanTexts:
    """All there is to read of a span, in whichever vocabulary it speaks."""
    events = _items(span.events)
    sent = [event for event in events if event.get("source") != "log"]
    meaning = meaning_of(_as_otel(span, sent))
    into, out = meaning.input, meaning.output
    for event in events:
        if event.get("source") == "log":
            said = log_meaning(_as_log(span, event))
            into, out = into or said.input, out or said.output
    return SpanTexts(into, out, tuple(map(_happening, events)))


def failure_of(span: Span) -> str:
    """Why a span failed, in its own words; empty where it does not say."""
    told = _object(span.otel or "").get("status_message")
    if isinstance(told, str) and told:
        return told
    attributes = [_object(_text(event.get("attributes"))) for event in _items(span.events)]
    for values in (_object(span.attributes), *attributes):
        for name in _REASONS:
            reason = values.get(name)
            if isinstance(reason, str) and reason:
                return reason
    return ""


def _as_otel(span: Span, events: Sequence[Values]) -> OtelSpan:
    start_ns = span.start_ns or 0
    return OtelSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=1,
        start_ns=start_ns,
        end_ns=start_ns if span.end_ns is None else span.end_ns,
        attributes=_attributes(span.attributes, is_otlp=span.otel is not None),
        resource=_NOBODY,
        scope=_NOWHERE,
        events=tuple(_as_event(event) for event in events) if span.otel is not None else (),
    )


def _as_event(event: Values) -> SpanEvent:
    values = _attributes(_text(event.get("attributes")), is_otlp=True)
    return SpanEvent(_named(event), _time(event) or 0, values)


def _as_log(span: Span, event: Values) -> OtelLog:
    return OtelLog(
        trace_id=span.trace_id,
        span_id=span.span_id,
        event_name=_named(event),
        time_ns=_time(event) or 0,
        body=_value(event.get("body")),
        attributes=_attributes(_text(event.get("attributes")), is_otlp=True),
        resource=_NOBODY,
        scope=_NOWHERE,
    )


def _happening(event: Values) -> Happening:
    """One event with what it holds beside its name and time."""
    body, attributes = event.get("body"), event.get("attributes")
    said = [_said(each) for each in (body, attributes) if each not in (None, {}, [], "")]
    return Happening(_named(event), _time(event), "  ".join(said), event.get("source") == "log")


def _said(value: Any) -> str:
    return value if isinstance(value, str) else _text(value)


def _named(event: Values) -> str:
    name = event.get("name")
    return name if isinstance(name, str) else ""


def _time(event: Values) -> int | None:
    """Nanoseconds since 1970; those of a native event may be of another clock, and tell nothing."""
    nanos, seconds = event.get("time_unix_nano"), event.get("timestamp")
    if isinstance(nanos, int):
        return nanos
    if isinstance(seconds, int | float) and 1e9 < seconds < 9e9:
        return round(seconds * NANO)
    return None


def _items(text: str) -> list[Values]:
    try:
        items = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return []
    return [*_mappings(items)] if isinstance(items, list) else []


def _mappings(items: Sequence[Any]) -> Iterator[Values]:
    for item in items:
        yield item if isinstance(item, dict) else {"body": item}


def _object(text: str) -> Values:
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _attributes(text: str, *, is_otlp: bool) -> Values:
    """Attributes as they were before they became JSON; native ones always were."""
    if not is_otlp:
        return _object(text)
    try:
        return attributes_of(text)
    except (ValueError, RecursionError, TypeError):
        return _object(text)


def _value(value: Any) -> Any:
    try:
        return value_of(_text(value))
    except (ValueError, RecursionError, TypeError):
        return value


def _text(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, RecursionError, TypeError, OverflowError):
        return ""
