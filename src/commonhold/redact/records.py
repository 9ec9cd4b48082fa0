"""Spans and log records, redacted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec.structs import replace as changed

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
from commonhold.model.trace import Span, Trace
from commonhold.redact.content import CONTENT, emptied, event_without_content, without_content
from commonhold.redact.redactor import Redactor

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Records:
    """Redacts the records of one write. With `drops_content` nothing of what was said is left."""

    def __init__(self, redactor: Redactor, *, drops_content: bool = False) -> None:
        self._redactor = redactor
        self._drops_content = drops_content
        # A request has few of these and many records, which share them; kept, so that ids are theirs.
        self._emitters: dict[int, tuple[Resource | Scope, Any]] = {}

    def spans(self, spans: Iterable[OtelSpan]) -> list[OtelSpan]:
        """Spans of OpenTelemetry."""
        return [self._span(each) for each in spans]

    def logs(self, logs: Iterable[OtelLog]) -> list[OtelLog]:
        """Log records."""
        return [self._log(each) for each in logs]

    def trace(self, trace: Trace) -> Trace:
        """One author's native post."""
        spans = tuple([self._native(span) for span in trace.spans])
        is_same = all(one is other for one, other in zip(spans, trace.spans, strict=True))
        return trace if is_same else replace(trace, spans=spans)

    def _span(self, span: OtelSpan) -> OtelSpan:
        return changed(
            span,
            name=self._redactor.text(span.name),
            attributes=self._attributes(span.attributes),
            events=tuple([self._event(each) for each in span.events]),
            links=tuple([self._link(each) for each in span.links]),
            status_message=self._said(span.status_message),
            resource=self._emitter(span.resource),
            scope=self._emitter(span.scope),
        )

    def _log(self, log: OtelLog) -> OtelLog:
        return changed(
            log,
            body=emptied(log.body) if self._drops_content else self._redactor.value(log.body),
            attributes=self._attributes(log.attributes),
            resource=self._emitter(log.resource),
            scope=self._emitter(log.scope),
        )

    def _event(self, event: SpanEvent) -> SpanEvent:
        name, attributes = self._redactor.text(event.name), self._attributes(event.attributes)
        return changed(event, name=name, attributes=attributes)

    def _link(self, link: SpanLink) -> SpanLink:
        return changed(link, attributes=self._attributes(link.attributes))

    def _emitter(self, emitter: Any) -> Any:
        """A resource or a scope: what emitted is no content."""
        known = self._emitters.get(id(emitter))
        if known is None:
            attributes = self._redactor.value(emitter.attributes)
            told = (
                emitter
                if attributes is emitter.attributes
                else changed(emitter, attributes=attributes)
            )
            known = self._emitters[id(emitter)] = (emitter, told)
        return known[1]

    def _attributes(self, attributes: Attributes) -> Attributes:
        if self._drops_content:
            attributes = without_content(attributes)
        told: Attributes = self._redactor.value(attributes)
        return told

    def _said(self, text: str) -> str:
        return CONTENT if text and self._drops_content else self._redactor.text(text)

    def _native(self, span: Span) -> Span:
        name = self._redactor.text(span.name)
        attributes = self._json(span.attributes, without_content)
        events = self._json(span.events, _without_content)
        if name is span.name and attributes is span.attributes and events is span.events:
            return span
        return replace(span, name=name, attributes=attributes, events=events)

    def _json(self, text: JsonText, drop: Callable[[Any], Any]) -> JsonText:
        """Opaque JSON; what cannot be read is not kept where nothing said may be."""
        if self._drops_content:
            text = _dropped(text, drop)
        return self._redactor.json(text)


def _dropped(text: JsonText, drop: Callable[[Any], Any]) -> JsonText:
    try:
        return JsonText(_encode(drop(_decode(text))).decode())
    except (ValueError, RecursionError, AttributeError):
        return JsonText("{}" if text.lstrip().startswith("{") else "[]")


def _without_content(events: Sequence[Any]) -> list[Any]:
    return [event_without_content(each) for each in events]
