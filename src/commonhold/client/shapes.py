"""What a service answers, field by field: checked while it is decoded.

Fields that are opaque stay `Raw`, so that their text is exactly what the service sent. Unknown
fields are ignored: a newer service may say more.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct


class TurnShape(Struct):
    """Who has the turn in a session."""

    holder: str
    expires_at: str


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
    holder: str | None = None
    status: Literal["running", "waiting", "idle"] = "idle"
    lease: TurnShape | None = None
    open_tool_calls: list[str] | None = None


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


class LeaseShape(Struct):
    """The turn of one runner."""

    session_id: str
    token: int
    holder: str
    expires_at: str


class HandoffShape(Struct):
    """A handoff."""

    session_id: str
    seq: int
    to_agent: str
    created_at: str
    from_agent: str | None = None
    reason: str | None = None
    brief: str | None = None


class EventShape(Struct):
    """A fact of a conversation that is not a message."""

    seq: int
    kind: str
    created_at: str
    data: Raw
    agent: str | None = None


class ClosingShape(Struct):
    """A tool call that was closed."""

    call_id: str
    seq: int
    message_id: str
    name: str | None = None


class RepairedShape(Struct):
    """What repair did."""

    session_id: str
    version: int
    message_count: int
    closed: list[ClosingShape]
    open_tool_calls: list[str]


class ParticipantShape(Struct):
    """Who took part."""

    message_count: int
    first_seq: int
    last_seq: int
    first_at: str
    last_at: str
    agent: str | None = None
    user: str | None = None


class RemovedRows(Struct):
    """What went with a session."""

    messages: int
    events: int
    participants: int
    lease: bool
    state: bool


class RemovedShape(Struct):
    """That a session is gone."""

    removed: RemovedRows


class RateShape(Struct):
    """List prices."""

    input_per_1k: float | None = None
    output_per_1k: float | None = None
    cached_input_per_1k: float | None = None
    per_request: float | None = None


class UsageShape(Struct):
    """What a session used."""

    session_id: str
    pricing: RateShape
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    turn_count: int = 0
    cost_usd: float | None = None


class CostShape(Struct):
    """The cost data of a session."""

    cost_data: Raw


class StateShape(Struct):
    """The agent state of a session."""

    state: Raw


class TokensShape(Struct):
    """Tokens of one model call."""

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


class SpanShape(Struct):
    """A span, and what is known of it."""

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
    kind: str | None = None
    agent_name: str | None = None
    agent_id: str | None = None
    agent_version: str | None = None
    instance: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    environment: str | None = None
    model: str | None = None
    provider: str | None = None
    tokens: TokensShape | None = None
    cost_usd: float | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    failed: bool = False
    clock_ahead: bool = False
    otel: Raw = Raw(b"null")


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
    name: str = ""
    user_id: str | None = None
    environment: str | None = None
    llm_calls: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    models: list[str] = msgspec.field(default_factory=list)
    clock_ahead: bool = False
    thumbs_up: int = 0
    thumbs_down: int = 0


class InstanceShape(Struct):
    """One process of one version of an agent."""

    first_seen_at: str
    last_seen_at: str
    version: str = ""
    instance: str = ""


class AgentShape(Struct):
    """An agent, and what it did in a window."""

    agent: str
    first_seen_at: str
    last_seen_at: str
    instances: list[InstanceShape] = msgspec.field(default_factory=list)
    requests: int = 0
    errors: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    thumbs_up: int = 0
    thumbs_down: int = 0


class BindingShape(Struct):
    """The turn that a record is about."""

    state: Literal["none", "pending", "bound"]
    session_id: str | None = None
    index: int | None = None
    message_id: str | None = None
    trace_id: str | None = None
    agent: str | None = None
    seq: int | None = None
    model: str | None = None


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
    turn: BindingShape | None = None
    question: Raw = Raw(b"null")
    answer: Raw = Raw(b"null")


class StatsShape(Struct):
    """One window of feedback statistics."""

    window_start: str
    window_end: str
    thumbs_up: int
    thumbs_down: int
    agent_type: str | None = None


class MomentShape(Struct):
    """One thing that happened, under its kind."""

    kind: Literal["message", "event", "trace", "feedback"]
    at: str
    message: MessageShape | None = None
    event: EventShape | None = None
    trace: SummaryShape | None = None
    feedback: FeedbackShape | None = None


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
    holder: str | None = None
    expires_at: str | None = None
    retry_after_seconds: int | None = None
