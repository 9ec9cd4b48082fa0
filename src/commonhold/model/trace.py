"""Traces and spans, and how a native post is laid on the wall clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids, opaque
from commonhold.model.clock import EARLIEST, LATEST, Micros
from commonhold.model.gist import NO_GIST, Gist
from commonhold.model.opaque import EMPTY_LIST, EMPTY_OBJECT, JsonText

Status = Literal["ok", "error"]
Sort = Literal["time", "duration", "cost"]
Votes = Literal["up", "down", "none"]

EPOCH_SECONDS = 1e9
"""A native span time above this is epoch seconds, below it monotonic seconds of one process."""

MAX_SESSION_REF = 256
"""The longest id of a session that a trace may name. The session need not exist."""

NANO = 10**9
"""Billionths."""

MOST = 1e9
"""A bound of filters: milliseconds, and dollars."""

MAX_NANOS = 2**63 - 2**20
"""Wall clocks run from 1970 to 2262: the distance of any two fits into 64 bits, also as a float."""


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of a trace.

    `start_time` and `end_time` are seconds as the agent's own clock gave them, returned unchanged;
    `start_ns` is the wall clock in nanoseconds, set by the store when it is written.
    `attributes` is a JSON object and `events` a JSON array, both exactly as sent. `gist` is what
    the store understood of it, and `otel` what else an OpenTelemetry span says: both are answers,
    and ignored in what is put.
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
    gist: Gist = NO_GIST
    otel: JsonText | None = None


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

    `agents` are the names of those who contributed; `name` is the root's. Tokens and cost, in
    billionths of a dollar, are those of model calls, None when none reported any. `is_ahead` says
    that a clock was far in the future when its span came.
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
    name: str = ""
    user_id: str | None = None
    environment: str | None = None
    llm_calls: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_nano: int | None = None
    models: tuple[str, ...] = ()
    is_ahead: bool = False
    thumbs_up: int = 0
    thumbs_down: int = 0

    @property
    def cost_usd(self) -> float | None:
        """Its cost in dollars."""
        return None if self.cost_nano is None else self.cost_nano / NANO


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Filters of a trace list: newest, longest or dearest first.

    `since` is inclusive, `until` exclusive. `attributes` is a JSON object: a trace matches when one
    of its spans has all of them. `q` is words that one span has in its name, input or output.
    """

    limit: int = 50
    cursor: str | None = None
    offset: int = 0
    session_id: str | None = None
    status: str | None = None
    since: Micros | None = None
    until: Micros | None = None
    agent: str | None = None
    user: str | None = None
    kind: str | None = None
    model: str | None = None
    tool: str | None = None
    environment: str | None = None
    tag: str | None = None
    min_duration_ms: float | None = None
    min_cost_usd: float | None = None
    feedback: Votes | None = None
    attributes: str | None = None
    q: str | None = None
    sort: Sort = "time"


def check_query(query: TraceQuery) -> None:
    """Check the choices and bounds of a query.

    Raises:
        InvalidRequest: naming the filter that cannot be, and what is allowed.
    """
    for name, allowed in (("sort", get_args(Sort)), ("feedback", (None, *get_args(Votes)))):
        if getattr(query, name) not in allowed:
            rule = f"must be one of {', '.join(each for each in allowed if each)}"
            raise InvalidRequest(f"{name} {rule}.", errors=[FieldError((name,), rule)])
    for name in ("min_duration_ms", "min_cost_usd"):
        least = getattr(query, name)
        if least is not None and not 0 <= least < MOST:
            rule = f"must be from 0 to {MOST:g}"
            raise InvalidRequest(f"{name} {rule}.", errors=[FieldError((name,), rule)])


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
