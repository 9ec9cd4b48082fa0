"""A native trace as OpenTelemetry has it: one tree, on the wall clock, of ids that hold still.

What everybody derives in the same way fits together: the spans of two agents in one trace, and
those of a trace that is sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.otel import OtelSpan, Resource, Scope, SpanEvent
from commonhold.model.trace import Span, Trace, wall_clock, wall_time

MAX_DEPTH: Final = 16
"""Objects and arrays within each other that stay such; what is deeper becomes JSON text.

Common readers of protobuf give up at a hundred messages, and each level takes three.
"""

_OURS = Scope("commonhold")
_INTERNAL = 1
_UNSET, _ERROR = 0, 2
_FARTHEST_S = 1e12  # milliseconds since 1970 are beyond it, and no time of a native event
_HEX = re.compile(r"[0-9a-f]+")


def trace_id_of(trace_id: str) -> str:
    """The 32 hex digits that OpenTelemetry calls a trace by; an id that is such stays itself.

    Any other is the beginning of its SHA-256.
    """
    return _w3c(trace_id) or _digest(trace_id, 32)


def span_id_of(trace_id: str, span_id: str) -> str:
    """The 16 hex digits of a span, or of a parent, within its trace; both ids are native ones."""
    within = _w3c(trace_id) or trace_id
    return _hex(span_id, 16) or _digest(f"{within}\0{span_id}", 16)


def otel_spans(
    trace: Trace, resource: Resource, scope: Scope, about: Mapping[str, str]
) -> list[OtelSpan]:
    """The spans of one author's post. A root also says what the trace says, and what `about` does.

    A root is a span whose parent is not in this post. Of spans with the same id the last counts.
    The trace is one that `check_trace` accepts.

    Raises:
        InvalidRequest: attributes or events are nested too deep.
    """
    trace = _last_of_each(trace)
    facts = {"gen_ai.request.model": trace.model, "session.id": trace.session_id, **about}
    is_silent = trace.status == "error" and all(one.status != "error" for one in trace.spans)
    post = _Post(
        trace,
        resource,
        scope,
        frozenset(span_id_of(trace.trace_id, span.span_id) for span in trace.spans),
        {name: value for name, value in facts.items() if value},
        fails_roots=is_silent,
    )
    times = wall_clock(trace)
    return [
        _otel_span(post, replace(span, start_ns=start_ns, end_ns=end_ns))
        for span, (start_ns, end_ns) in zip(trace.spans, times, strict=True)
    ]


def stored_spans(trace: Trace, spans: Iterable[Span]) -> list[OtelSpan]:
    """Native spans as a store gives them, of all authors: each has its own place on the wall clock.

    `trace` is what all of it is: its roots say so.
    """
    found = list(spans)
    ids = frozenset(span_id_of(span.trace_id, span.span_id) for span in found)
    told = {"gen_ai.request.model": trace.model, "session.id": trace.session_id}
    facts = {name: value for name, value in told.items() if value}
    emitters = {span.agent: _emitter(span.agent) for span in found}
    return [
        _otel_span(
            _Post(_alone(span), emitters[span.agent], _OURS, ids, facts, fails_roots=False), span
        )
        for span in found
    ]


def _alone(span: Span) -> Trace:
    """A trace that begins with this span, so that its events are placed by its clock."""
    started_at = Micros((span.start_ns or 0) // 1000)
    return Trace(span.trace_id, started_at, spans=(span,))


def _emitter(agent: str) -> Resource:
    return Resource({"service.name": agent} if agent else {})


@dataclass(frozen=True, slots=True)
class _Post:
    """What its spans share. `facts` are what its roots say for it."""

    trace: Trace
    resource: Resource
    scope: Scope
    span_ids: frozenset[str]
    facts: Mapping[str, str]
    fails_roots: bool


def _w3c(trace_id: str) -> str | None:
    return _hex(trace_id, 32)


def _hex(text: str, size: int) -> str | None:
    """The text in lower case when it is an id of OpenTelemetry, which is never all zero."""
    lower = text.lower()
    is_id = len(lower) == size and _HEX.fullmatch(lower) and lower.strip("0")
    return lower if is_id else None


def _digest(text: str, size: int) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:size]


def _last_of_each(trace: Trace) -> Trace:
    spans = {span_id_of(trace.trace_id, span.span_id): span for span in trace.spans}
    return replace(trace, spans=tuple(spans.values()))


def _otel_span(post: _Post, span: Span) -> OtelSpan:
    start_ns = span.start_ns or 0
    trace_id = trace_id_of(span.trace_id)
    span_id = span_id_of(span.trace_id, span.span_id)
    parent_id = _parent_of(span)
    is_root = parent_id not in post.span_ids
    attributes = _shallow(opaque.loads(span.attributes, "attributes"))
    is_error = span.status == "error" or (is_root and post.fails_roots)
    return OtelSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent_id,
        name=span.name,
        kind=_INTERNAL,
        start_ns=start_ns,
        end_ns=start_ns if span.end_ns is None else span.end_ns,
        attributes={
            **attributes,
            **(_lacking(attributes, post.facts) if is_root else {}),
            **_marks(span, trace_id, span_id),
        },
        resource=post.resource,
        scope=post.scope,
        events=tuple(_events(span, post.trace)),
        status_code=_ERROR if is_error else _UNSET,
    )


def _parent_of(span: Span) -> str | None:
    return span_id_of(span.trace_id, span.parent_span_id) if span.parent_span_id else None


def _marks(span: Span, trace_id: str, span_id: str) -> dict[str, Any]:
    """What OpenTelemetry has no field for."""
    marks: dict[str, Any] = {}
    if trace_id != span.trace_id:
        marks["commonhold.trace_id"] = span.trace_id
    if span_id != span.span_id:
        marks["commonhold.span_id"] = span.span_id
    if span.end_ns is None:
        marks["commonhold.open"] = True
    if span.status not in ("ok", "error"):
        marks["commonhold.status"] = span.status
    return marks


def _lacking(attributes: Mapping[str, Any], facts: Mapping[str, str]) -> Mapping[str, str]:
    """A root speaks for its trace where it does not speak for itself."""
    return {name: fact for name, fact in facts.items() if attributes.get(name) in (None, "")}


def _events(span: Span, trace: Trace) -> list[SpanEvent]:
    items = opaque.loads(span.events, "events")
    return [
        _event(item if isinstance(item, dict) else {"body": item}, span, trace) for item in items
    ]


def _event(fields: dict[str, Any], span: Span, trace: Trace) -> SpanEvent:
    """An event of another shape than `{name, timestamp, body}` is kept as its attributes."""
    told = dict(fields)
    name = told.pop("name") if isinstance(told.get("name"), str) else "event"
    seconds = _seconds(told.get("timestamp"))
    if seconds is None:
        return SpanEvent(name, span.start_ns or 0, _shallow(told))
    del told["timestamp"]
    return SpanEvent(name, wall_time(trace, seconds), _shallow(told))


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < _FARTHEST_S else None


def _shallow(value: Any, depth: int = MAX_DEPTH) -> Any:
    if not isinstance(value, dict | list):
        return value
    if not depth:
        return opaque.dumps(value)
    if isinstance(value, dict):
        return {name: _shallow(inner, depth - 1) for name, inner in value.items()}
    return [_shallow(inner, depth - 1) for inner in value]
