"""Traces and spans, and how a native post is laid on the wall clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids, opaque
from commonhold.model.clock import EARLIEST, LATEST, Micros
from commonhold.model.opaque import EMPTY_LIST, EMPTY_OBJECT, JsonText

Status = Literal["ok", "error"]
SpanKind = Literal["", "llm", "tool"]

EPOCH_SECONDS = 1e9
"""A native span time above this is epoch seconds, below it monotonic seconds of one process."""

MAX_SESSION_REF = 256
"""The longest id of a session that a trace may name. The session need not exist."""

MAX_NANOS = 2**63 - 2**20
"""Wall clocks run from 1970 to 2262: the distance of any two fits into 64 bits, also as a float."""


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of a trace.

    `start_time` and `end_time` are seconds as the agent's own clock gave them, returned unchanged;
    `start_ns` is the wall clock in nanoseconds, set by the store when it is written.
    `attributes` is a JSON object and `events` a JSON array, both exactly as sent.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    name: str = ""
    start_time: float = 0.0
    end_time: float | None = None
    status: str = "ok"
    attributes: JsonText = EMPTY_OBJECT
    events: JsonText = EMPTY_LIST
    agent: str = ""
    start_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace with all its spans, in wall-clock order.

    As an argument it is one author's part of a trace; as an answer, what all authors wrote.
    """

    trace_id: str
    started_at: Micros
    ended_at: Micros | None = None
    model: str | None = None
    session_id: str | None = None
    status: str = "ok"
    spans: tuple[Span, ...] = field(default=())

    def __post_init__(self) -> None:
        ids.check_key(self.trace_id, "trace_id")
        if self.session_id is not None and len(self.session_id) > MAX_SESSION_REF:
            rule = f"at most {MAX_SESSION_REF} characters"
            error = FieldError(("session_id",), rule)
            raise InvalidRequest(f"session_id must be {rule}.", errors=[error])
        for index, span in enumerate(self.spans):
            _check_ids(span, index)
            if span.trace_id != self.trace_id:
                rule = f"must be the trace's own id, {self.trace_id}"
                raise InvalidRequest(
                    f"spans[{index}].trace_id {rule}.",
                    errors=[FieldError(("body", "spans", index, "trace_id"), rule)],
                )


def _check_ids(span: Span, index: int) -> None:
    """Ids are keys of an index, which has no room for any length."""
    for name, value in (("span_id", span.span_id), ("parent_span_id", span.parent_span_id or "-")):
        if not 0 < len(value) <= ids.MAX_ID:
            rule = f"must have 1 to {ids.MAX_ID} characters"
            error = FieldError(("body", "spans", index, name), rule)
            raise InvalidRequest(f"spans[{index}].{name} {rule}.", errors=[error])


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace in a list: derived from every author's part, kept at ingest.

    `agents` are the names of those who contributed; token counts are None when no model call
    reported any.
    """

    trace_id: str
    started_at: Micros
    ended_at: Micros | None = None
    model: str | None = None
    session_id: str | None = None
    status: str = "ok"
    duration_ms: float | None = None
    span_count: int = 0
    error_count: int = 0
    tool_calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Filters of a trace list, newest first. `since` is inclusive, `until` exclusive."""

    limit: int = 50
    cursor: str | None = None
    offset: int = 0
    session_id: str | None = None
    status: str | None = None
    since: Micros | None = None
    until: Micros | None = None


def kind_of(name: str) -> SpanKind:
    """What a native span is, by the names `fipsagents` gives (contracts 1.4)."""
    if name == "model_call":
        return "llm"
    return "tool" if name.startswith("tool:") else ""


def wall_clock(trace: Trace) -> list[tuple[int, int | None]]:
    """Start and end of every span in epoch nanoseconds.

    Monotonic seconds are laid on the wall clock of this very post: the first span starts at
    `started_at` (contracts 1.4). Two agents' posts become comparable only after this.
    """
    origin = trace.spans[0].start_time if trace.spans else 0.0
    return [
        (
            _to_nanos(span.start_time, origin, trace.started_at),
            None if span.end_time is None else _to_nanos(span.end_time, origin, trace.started_at),
        )
        for span in trace.spans
    ]


def wall_time(trace: Trace, seconds: float) -> int:
    """Any other time of the same clock, of an event for example, by the rule of `wall_clock`."""
    origin = trace.spans[0].start_time if trace.spans else 0.0
    return _to_nanos(seconds, origin, trace.started_at)


def wall_time(trace: Trace, seconds: float) -> int:
    """Any other time of the same clock, of an event for example, by the rule of `wall_clock`."""
    origin = trace.spans[0].start_time if trace.spans else 0.0
    return _to_nanos(seconds, origin, trace.started_at)


def _to_nanos(seconds: float, origin: float, started_at: Micros) -> int:
    start = started_at * 1000
    if origin > EPOCH_SECONDS >= seconds:  # not the same clock: most likely no time was given
        return _clamp(start)
    offset = seconds * 1e9 if seconds > EPOCH_SECONDS else (seconds - origin) * 1e9
    if not math.isfinite(offset):
        return _clamp(start)
    return _clamp(round(offset) if seconds > EPOCH_SECONDS else start + round(offset))


def _clamp(nanos: int) -> int:
    return max(0, min(nanos, MAX_NANOS))


@dataclass(frozen=True, slots=True)
class SpanFacts:
    """What a span adds to its trace's summary: wall clock, kind, tokens of a model call."""

    start_ns: int
    end_ns: int | None
    kind: SpanKind
    prompt_tokens: int | None
    completion_tokens: int | None


def check_trace(trace: Trace) -> None:
    """Check what no store could keep, and no answer could carry.

    Raises:
        InvalidRequest: a time that no calendar has or that is not finite; attributes or events
            that are not JSON, of which one bad text would spoil every answer that holds it.
    """
    for name, at in (("started_at", trace.started_at), ("ended_at", trace.ended_at)):
        if at is not None and not EARLIEST <= at <= LATEST:
            raise _bad((name,), "must be in the years 1 to 9999")
    for index, span in enumerate(trace.spans):
        for name, seconds in (("start_time", span.start_time), ("end_time", span.end_time)):
            if seconds is not None and not math.isfinite(seconds):
                raise _bad(("spans", index, name), "must be a finite number of seconds")
        opaque.check_object(span.attributes, f"spans[{index}].attributes")
        opaque.check_array(span.events, f"spans[{index}].events")


def _bad(loc: tuple[str | int, ...], rule: str) -> InvalidRequest:
    where = ".".join(map(str, loc))
    return InvalidRequest(f"{where} {rule}.", errors=[FieldError(("body", *loc), rule)])


def facts_of(trace: Trace) -> list[SpanFacts]:
    """The facts of every span of one post, in order.

    Raises:
        InvalidRequest: see `check_trace`.
    """
    check_trace(trace)
    return [
        SpanFacts(start, end, kind_of(span.name), *_tokens(span))
        for span, (start, end) in zip(trace.spans, wall_clock(trace), strict=True)
    ]


def _tokens(span: Span) -> tuple[int | None, int | None]:
    """Usage counts on model calls only; wrappers repeat it (contracts 3.2). Not a number: none."""
    if kind_of(span.name) != "llm":
        return None, None
    attributes = opaque.loads(span.attributes, "attributes")
    return _count(attributes.get("prompt_tokens")), _count(attributes.get("completion_tokens"))


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**53 and value == int(value) else None


def summarise(trace: Trace, facts: Sequence[SpanFacts], agent: str) -> TraceSummary:
    """The summary of a trace that has this one part.

    Says what the statement `derive_trace` computes from the rows; a test holds them equal.
    """
    first = min((fact.start_ns for fact in facts), default=None)
    last = max((fact.end_ns for fact in facts if fact.end_ns is not None), default=None)
    errors = sum(span.status == "error" for span in trace.spans)
    started, ended = trace.started_at, trace.ended_at
    if first is not None and started > first // 1000 + 1:
        started = Micros(first // 1000)
    if last is not None and (ended is None or ended < last // 1000):
        ended = Micros(last // 1000)
    return TraceSummary(
        trace_id=trace.trace_id,
        started_at=started,
        ended_at=ended,
        model=trace.model,
        session_id=trace.session_id,
        status="error" if errors or trace.status == "error" else "ok",
        duration_ms=None if first is None or last is None else (last - first) / 1e6,
        span_count=len(trace.spans),
        error_count=errors,
        tool_calls=sum(fact.kind == "tool" for fact in facts),
        prompt_tokens=_sum(fact.prompt_tokens for fact in facts),
        completion_tokens=_sum(fact.completion_tokens for fact in facts),
        agents=(agent,) if agent else (),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
