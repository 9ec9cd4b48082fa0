"""The shapes of answers about traces, for OpenAPI."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from commonhold.http.schema_types import Array, Object, Time


class TraceSaved(Struct):
    """The spans are merged into the trace."""

    trace_id: str
    saved: Literal[True]


class Tokens(Struct):
    """Tokens of one model call; the cached and written ones are part of the input."""

    input: int | None
    output: int | None
    cached_input: int | None
    cache_write: int | None
    reasoning: int | None


class Span(Struct):
    """One operation of a trace; the `unix_nano` times are on the wall clock.

    From `kind` on: what was understood of it, in whichever vocabulary it speaks. `otel` is what
    else a span says that came as OTLP.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    start_time: float
    end_time: float | None
    status: str
    attributes: Object
    events: Array
    agent: str | None
    start_time_unix_nano: int | None
    end_time_unix_nano: int | None
    kind: str | None
    agent_name: str | None
    agent_id: str | None
    agent_version: str | None
    instance: str | None
    session_id: str | None
    user_id: str | None
    environment: str | None
    model: str | None
    provider: str | None
    tokens: Tokens
    cost_usd: float | None
    tool_name: str | None
    tool_call_id: str | None
    tags: list[str]
    failed: bool
    clock_ahead: bool
    otel: Object | None


class Trace(Struct):
    """A trace with the spans of all its authors, in wall-clock order."""

    trace_id: str
    started_at: Time
    ended_at: Time | None
    model: str | None
    session_id: str | None
    status: str
    spans: list[Span]


class TraceSummary(Struct):
    """One trace of a list."""

    trace_id: str
    started_at: Time
    ended_at: Time | None
    model: str | None
    session_id: str | None
    status: str
    duration_ms: float | None
    span_count: int
    error_count: int
    tool_calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    agents: list[str]
    name: str
    user_id: str | None
    environment: str | None
    llm_calls: int
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    models: list[str]
    clock_ahead: bool
    thumbs_up: int
    thumbs_down: int


class AgentInstance(Struct):
    """One process of one version of an agent."""

    version: str
    instance: str
    first_seen_at: Time
    last_seen_at: Time


class Agent(Struct):
    """An agent, and what it did in a window."""

    agent: str
    first_seen_at: Time
    last_seen_at: Time
    versions: list[str]
    instances: list[AgentInstance]
    requests: int
    errors: int
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    thumbs_up: int
    thumbs_down: int


class OtlpEmitter(Struct):
    """A process, or an instrumentation, and its attributes as pairs of `key` and `value`."""

    name: str | None = None
    version: str | None = None
    attributes: list[dict[str, Any]] | None = None


class OtlpScopeSpans(Struct, rename="camel"):
    """Spans of one instrumentation; one that is not as it must be is left out alone."""

    scope: OtlpEmitter | None = None
    spans: list[Any] | None = None
    schema_url: str | None = None


class OtlpResourceSpans(Struct, rename="camel"):
    """Spans of one process."""

    resource: OtlpEmitter | None = None
    scope_spans: list[OtlpScopeSpans] | None = None
    schema_url: str | None = None


class OtlpTraces(Struct, rename="camel"):
    """Spans in the JSON of OTLP (opentelemetry-proto); unknown fields are passed over."""

    resource_spans: list[OtlpResourceSpans] | None = None


class OtlpScopeLogs(Struct, rename="camel"):
    """Log records of one instrumentation; one that is not as it must be is left out alone."""

    scope: OtlpEmitter | None = None
    log_records: list[Any] | None = None
    schema_url: str | None = None


class OtlpResourceLogs(Struct, rename="camel"):
    """Log records of one process."""

    resource: OtlpEmitter | None = None
    scope_logs: list[OtlpScopeLogs] | None = None
    schema_url: str | None = None


class OtlpLogs(Struct, rename="camel"):
    """Log records in the JSON of OTLP."""

    resource_logs: list[OtlpResourceLogs] | None = None


class OtlpScopeMetrics(Struct, rename="camel"):
    """Metrics of one instrumentation."""

    scope: OtlpEmitter | None = None
    metrics: list[dict[str, Any]] | None = None
    schema_url: str | None = None


class OtlpResourceMetrics(Struct, rename="camel"):
    """Metrics of one process."""

    resource: OtlpEmitter | None = None
    scope_metrics: list[OtlpScopeMetrics] | None = None
    schema_url: str | None = None


class OtlpMetrics(Struct, rename="camel"):
    """Metrics in the JSON of OTLP."""

    resource_metrics: list[OtlpResourceMetrics] | None = None


class PartialSpans(Struct):
    """What was left out."""

    rejected_spans: str = field(default="0", name="rejectedSpans")
    error_message: str = field(default="", name="errorMessage")


class OtlpTracesResponse(Struct):
    """Empty when everything was taken."""

    partial_success: PartialSpans | UnsetType = field(default=UNSET, name="partialSuccess")


class PartialLogs(Struct):
    """What was left out."""

    rejected_log_records: str = field(default="0", name="rejectedLogRecords")
    error_message: str = field(default="", name="errorMessage")


class OtlpLogsResponse(Struct):
    """Empty when everything was taken."""

    partial_success: PartialLogs | UnsetType = field(default=UNSET, name="partialSuccess")


class PartialPoints(Struct):
    """What was left out."""

    rejected_data_points: str = field(default="0", name="rejectedDataPoints")
    error_message: str = field(default="", name="errorMessage")


class OtlpMetricsResponse(Struct):
    """Empty when there was nothing to leave out."""

    partial_success: PartialPoints | UnsetType = field(default=UNSET, name="partialSuccess")


class OpenAiAgentsExport(Struct):
    """What the exporter of `openai-agents` sends: traces and spans, mixed.

    An item that is neither is left out alone.
    """

    data: list[Any]
