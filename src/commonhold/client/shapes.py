"""What a service answers, field by field: checked while it is decoded.

Fields that are opaque stay `Raw`, so that their text is exactly what the service sent. Unknown
fields are ignored: a newer service may say more.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct


class SessionShape(Struct):
    """A session without its messages."""

    session_id: str
    created_at: str
    updated_at: str
    version: int
    message_count: int
    head_seq: int
    metadata: Raw
    agent: str | None = None
    user: str | None = None
    title: str | None = None
    parent_session_id: str | None = None
    forked_at_message_id: str | None = None


class HistoryShape(Struct):
    """The live messages of a session."""

    session_id: str
    messages: Raw


class MessageShape(Struct):
    """A row of a log."""

    seq: int
    id: str
    created_at: str
    message: Raw
    agent: str | None = None
    role: str | None = None
    superseded_at: str | None = None


class WrittenShape(Struct):
    """What a write did to a log."""

    session_id: str
    version: int
    message_count: int
    first_seq: int | None
    last_seq: int | None
    superseded: int
    kept: int


class AppendedShape(Struct):
    """Where appended messages stand."""

    session_id: str
    version: int
    first_seq: int | None
    last_seq: int | None
    message_ids: list[str]


class CostShape(Struct):
    """The cost data of a session."""

    cost_data: Raw


class StateShape(Struct):
    """The agent state of a session."""

    state: Raw


class SpanShape(Struct):
    """A native span."""

    trace_id: str
    span_id: str
    attributes: Raw
    events: Raw
    parent_span_id: str | None = None
    name: str = ""
    start_time: float | None = None
    end_time: float | None = None
    status: str = "ok"
    agent: str | None = None
    start_time_unix_nano: int | None = None
    end_time_unix_nano: int | None = None


class TraceShape(Struct):
    """A whole trace."""

    trace_id: str
    started_at: str
    spans: list[SpanShape]
    ended_at: str | None = None
    model: str | None = None
    session_id: str | None = None
    status: str = "ok"


class SummaryShape(Struct):
    """One trace of a list."""

    trace_id: str
    started_at: str
    ended_at: str | None = None
    model: str | None = None
    session_id: str | None = None
    status: str = "ok"
    duration_ms: float | None = None
    span_count: int = 0
    error_count: int = 0
    tool_calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    agents: list[str] = msgspec.field(default_factory=list)


class FeedbackShape(Struct):
    """A feedback record."""

    feedback_id: str
    rating: int
    created_at: str
    trace_id: str | None = None
    session_id: str | None = None
    comment: str | None = None
    correction: str | None = None
    model_id: str | None = None
    latency_ms: float | None = None
    turn_index: int | None = None
    agent_type: str | None = None
    user_id: str | None = None
    agent: str | None = None
    updated_at: str | None = None


class StatsShape(Struct):
    """One window of feedback statistics."""

    window_start: str
    window_end: str
    thumbs_up: int
    thumbs_down: int
    agent_type: str | None = None


class FieldShape(Struct):
    """One field of a request that is wrong."""

    loc: list[str | int] = msgspec.field(default_factory=list)
    msg: str = ""


class ProblemShape(Struct):
    """A problem document; `code` is what tells it from anybody else's."""

    code: str
    detail: str | None = None
    instance: str | None = None
    errors: list[FieldShape] = msgspec.field(default_factory=list)
    current_version: int | None = None
    retry_after_seconds: int | None = None
