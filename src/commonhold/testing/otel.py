"""Valid spans and log records of OpenTelemetry, with every field open to change."""

from __future__ import annotations

from typing import Any

import msgspec

from commonhold.model.otel import OtelLog, OtelSpan, Resource, Scope
from commonhold.testing.factories import NOON

NOON_NS = NOON * 1000
"""The same noon in nanoseconds."""

SECOND_NS = 10**9

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"

RESOURCE = Resource({"service.name": "weather", "service.instance.id": "pod-1"})
SCOPE = Scope("opentelemetry.instrumentation.openai_v2", "2.1")


def trace_id(number: int) -> str:
    """The id of one of many traces, in the order of their numbers."""
    return f"{number + 1:032x}"


def span_id(number: int) -> str:
    """The id of one of many spans, in the order of their numbers."""
    return f"{number + 1:016x}"


def otel_span(number: int = 0, parent: int | None = None, **fields: Any) -> OtelSpan:
    """A span that starts so many seconds after noon and takes half a second."""
    start = fields.get("start_ns", NOON_NS + number * SECOND_NS)
    whole = OtelSpan(
        trace_id=TRACE_ID,
        span_id=span_id(number),
        parent_span_id=None if parent is None else span_id(parent),
        name="work",
        kind=1,
        start_ns=start,
        end_ns=start + SECOND_NS // 2,
        attributes={},
        resource=RESOURCE,
        scope=SCOPE,
    )
    return msgspec.structs.replace(whole, **fields)


def chat(number: int = 0, parent: int | None = None, **fields: Any) -> OtelSpan:
    """A model call of 100 tokens in and 10 out, of a model that has no list price."""
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "granite-4",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        **fields.pop("attributes", {}),
    }
    return otel_span(number, parent, **{"name": "chat granite-4", "attributes": told, **fields})


def otel_log(number: int = 0, **fields: Any) -> OtelLog:
    """A message of a user, told of a span when that begins."""
    whole = OtelLog(
        trace_id=TRACE_ID,
        span_id=span_id(number),
        event_name="gen_ai.user.message",
        time_ns=NOON_NS + number * SECOND_NS,
        body={"content": "Will it rain?"},
        attributes={},
        resource=RESOURCE,
        scope=SCOPE,
    )
    return msgspec.structs.replace(whole, **fields)


def of_resource(**attributes: Any) -> Resource:
    """A process that says this of itself; `_` stands for the dots."""
    return Resource({name.replace("_", "."): value for name, value in attributes.items()})
