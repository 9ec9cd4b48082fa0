"""Traces and spans, and how a native post is laid on the wall clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids
from commonhold.model.clock import Micros
from commonhold.model.opaque import EMPTY_LIST, EMPTY_OBJECT, JsonText

Status = Literal["ok", "error"]
SpanKind = Literal["", "llm", "tool"]

EPOCH_SECONDS = 1e9
"""A native span time above this is epoch seconds, below it monotonic seconds of one process."""

MAX_NANOS = 2**63 - 1


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
        for index, span in enumerate(self.spans):
            if span.trace_id != self.trace_id:
                rule = f"must be the trace's own id, {self.trace_id}"
                raise InvalidRequest(
                    f"spans[{index}].trace_id {rule}.",
                    errors=[FieldError(("body", "spans", index, "trace_id"), rule)],
                )


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


def _to_nanos(seconds: float, origin: float, started_at: Micros) -> int:
    start = started_at * 1000
    offset = seconds * 1e9 if seconds > EPOCH_SECONDS else (seconds - origin) * 1e9
    if not math.isfinite(offset):
        return _clamp(start)
    return _clamp(round(offset) if seconds > EPOCH_SECONDS else start + round(offset))


def _clamp(nanos: int) -> int:
    return max(-MAX_NANOS, min(nanos, MAX_NANOS))
