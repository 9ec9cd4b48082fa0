"""Spans and log records as OpenTelemetry sends them, before and after what they mean is known.

Structs of msgspec where other values are dataclasses: every span makes one of each, and these are
made in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import field

Attributes = Mapping[str, Any]
"""Values are str, bool, int, float, bytes, None, or lists and mappings of them."""

Operation = Literal["", "llm", "tool", "agent", "chain", "retriever", "embedding", "evaluator"]
"""What kind of work a span is, whatever its vocabulary calls it."""

Form = Literal["protobuf", "json", "openai-agents"]
"""How a request spells its spans: OTLP in either encoding, or the export of `openai-agents`."""


class Resource(msgspec.Struct, frozen=True, gc=False):
    """What emitted: the attributes of a process, the same for all its spans."""

    attributes: Attributes = field(default_factory=dict)
    schema_url: str = ""


class Scope(msgspec.Struct, frozen=True, gc=False):
    """The instrumentation that emitted."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)
    schema_url: str = ""


class SpanEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that happened within a span. Times are nanoseconds since 1970."""

    name: str
    time_ns: int
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes: int = 0


class SpanLink(msgspec.Struct, frozen=True, gc=False):
    """A span of another trace that this one belongs with. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    attributes: Attributes = field(default_factory=dict)
    dropped_attributes: int = 0
    flags: int = 0


class OtelSpan(msgspec.Struct, frozen=True, gc=False):
    """A span as it was sent (opentelemetry-proto, trace.proto). Ids are lower-case hex.

    `kind` and `status_code` are the protocol's numbers; times are nanoseconds since 1970.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    resource: Resource
    scope: Scope
    events: Sequence[SpanEvent] = ()
    links: Sequence[SpanLink] = ()
    status_code: int = 0
    status_message: str = ""
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0


class OtelLog(msgspec.Struct, frozen=True, gc=False):
    """A log record that belongs to a span. `body` is a value like those of attributes."""

    trace_id: str
    span_id: str | None
    event_name: str
    time_ns: int
    body: Any
    attributes: Attributes
    resource: Resource
    scope: Scope


class Request(msgspec.Struct, frozen=True, gc=False):
    """Spans as an exporter sent them: the body, decompressed, and what it is."""

    body: bytes
    form: Form


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Records of a request that could not be taken, and the reason, for people to read."""

    count: int = 0
    reason: str = ""


class Tokens(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one model call; None is unknown.

    `cached_input` and `cache_write` are part of `input`, `reasoning` is part of `output`.
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What a span says in any of the vocabularies (contracts 3.2). None and "" are unknown.

    `input` and `output` are texts: as they were sent, or JSON where they were structured.
    `is_error` is what status, `error.type` and events say together. `cost_usd` is what the span
    itself says.
    """

    operation: Operation = ""
    session_id: str | None = None
    user_id: str | None = None
    agent: str = ""
    agent_id: str | None = None
    agent_version: str | None = None
    instance: str | None = None
    model: str | None = None
    provider: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    input: str | None = None
    output: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    is_error: bool = False
    environment: str | None = None
    tags: tuple[str, ...] = ()
