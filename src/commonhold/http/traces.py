"""The routes of traces."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from commonhold.errors import CommonholdError, MalformedBody
from commonhold.http import bodies, otlp
from commonhold.http import trace_schemas as schemas
from commonhold.http.call import APPLIED, Answer, Call, reply
from commonhold.http.decode import decode, list_of, object_of
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import (
    CURSOR,
    NO_NUL,
    SINCE,
    UNTIL,
    choice,
    integer,
    json_object,
    number,
    text,
)
from commonhold.model import wire_traces
from commonhold.model.agent import AgentQuery
from commonhold.model.clock import from_rfc3339
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from commonhold.model.span_words import MAX_ATTRIBUTES, MAX_VALUE
from commonhold.model.trace import MOST, Span, Trace, TraceQuery
from commonhold.otlp.sent import with_whole_pairs

_NATIVE_KEYS = ("trace_id", "started_at", "spans")
_PLAIN = {
    "anyOf": [
        {"type": "string", "maxLength": MAX_VALUE, "pattern": NO_NUL},
        {"type": ["number", "boolean"]},
    ]
}
_ATTRIBUTES = {
    "type": "object",
    "additionalProperties": _PLAIN,
    "propertyNames": {"pattern": NO_NUL},
    "minProperties": 1,
    "maxProperties": MAX_ATTRIBUTES,
}
_OTLP_KEYS = (b'"resourceSpans"', b'"resource_spans"')
_OTHER_SIGNALS = ("resourceLogs", "resourceMetrics", "resource_logs", "resource_metrics")
_TRACE = msgspec.json.Decoder(bodies.TraceBody)
_KEYS = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])


class _Item(msgspec.Struct):
    """An item of `openai-agents`."""

    object: Literal["trace", "trace.span"]


_ITEM = msgspec.json.Decoder(_Item)


async def post_trace(call: Call) -> Answer:
    """A native trace, or OTLP, or what `openai-agents` exports (contracts 2.4)."""
    otlp.check_media(call, "a trace as application/json, or OTLP")
    if otlp.is_protobuf(call):
        return await otlp.take_spans(call)
    body = _native(call)
    if body is None:
        return await (otlp.take_spans if call.speaks_otlp else otlp.take_openai_agents)(call)
    await call.stores.traces.put(_trace(body))
    applied = (APPLIED,) if call.wants_representation else ()
    return reply({"trace_id": body.trace_id, "saved": True}, 201, applied)


async def list_traces(call: Call) -> Answer:
    page = await call.stores.traces.list(TraceQuery(**call.args))
    items = [wire_traces.summary_out(summary) for summary in page.items]
    return reply(items, extra=next_page(call, page.cursor))


async def get_trace(call: Call) -> Answer:
    if call.args["format"] == "otlp":
        return Answer((await call.stores.traces.otlp(call.key)).encode())
    return reply(wire_traces.trace_out(await call.stores.traces.get(call.key)))


async def list_session_traces(call: Call) -> Answer:
    found = await call.stores.traces.of_session(call.key, **call.args)
    return reply([wire_traces.trace_out(trace) for trace in found])


async def list_agents(call: Call) -> Answer:
    found = await call.stores.traces.agents(AgentQuery(**call.args))
    return reply([wire_traces.agent_out(agent) for agent in found])


def _refusal(call: Call, error: CommonholdError) -> Answer | None:
    """Whoever sent protobuf, or JSON of OTLP, is answered in kind."""
    return otlp.refusal(call, error) if otlp.is_protobuf(call) or call.speaks_otlp else None


def _native(call: Call) -> bodies.TraceBody | None:
    """A native trace; None where the body is of another family, which a key of it tells."""
    if not _seems_otlp(call):
        try:
            body = _TRACE.decode(call.content)
        except (ValueError, RecursionError):
            pass  # what it is instead, or what is wrong with it, is seen below
        else:
            return body if b"\\u0000" not in call.content else decode(_TRACE, call)
    keys = _keys(call)
    # Receivers of OTLP ignore unknown keys, so that its own wins.
    call.speaks_otlp = "resourceSpans" in keys or "resource_spans" in keys or not keys
    if call.speaks_otlp:
        return None
    if any(key in keys for key in _NATIVE_KEYS):
        return decode(_TRACE, call)
    if "data" in keys and _is_of_openai_agents(keys["data"]):
        return None
    call.speaks_otlp = any(key in keys for key in _OTHER_SIGNALS)
    if call.speaks_otlp:
        return None
    decode(_KEYS, call)  # of no family, and perhaps mended in vain
    call.speaks_otlp = True  # so that the answer can be read by all
    raise MalformedBody(
        "This is no trace: it has neither trace_id, started_at nor spans, nor resourceSpans."
    )


def _seems_otlp(call: Call) -> bool:
    return any(key in call.content for key in _OTLP_KEYS)


def _keys(call: Call) -> dict[str, Raw]:
    """What the body has at its top.

    Raises:
        InvalidRequest: it is no object, or nobody can read it.
    """
    try:
        return _KEYS.decode(call.content)
    except (ValueError, RecursionError):
        call.speaks_otlp = _seems_otlp(call)
    try:
        # Readers of two families mend an emoji that was cut in half; ours says where it is.
        return _KEYS.decode(with_whole_pairs(call.content))
    except (ValueError, RecursionError):
        return decode(_KEYS, call)


def _is_of_openai_agents(data: Raw) -> bool:
    try:
        items = _ITEMS.decode(data)
    except ValueError:
        return False
    return not items or any(map(_is_item, items))


def _is_item(item: Raw) -> bool:
    try:
        _ITEM.decode(item)
    except ValueError:
        return False
    return True


def _trace(body: bodies.TraceBody) -> Trace:
    return Trace(
        trace_id=body.trace_id,
        started_at=from_rfc3339(body.started_at, "started_at"),
        ended_at=None if body.ended_at is None else from_rfc3339(body.ended_at, "ended_at"),
        model=body.model,
        session_id=body.session_id,
        status=body.status or "ok",
        spans=tuple(
            _span(span, body.trace_id, index) for index, span in enumerate(body.spans or ())
        ),
    )


def _span(body: bodies.SpanBody, trace_id: str, index: int) -> Span:
    return Span(
        trace_id=body.trace_id or trace_id,
        span_id=body.span_id,
        parent_span_id=body.parent_span_id,
        name=body.name or "",
        start_time=body.start_time or 0.0,
        end_time=body.end_time,
        status=body.status or "ok",
        attributes=object_of(body.attributes, "spans", index, "attributes"),
        events=list_of(body.events, "spans", index, "events"),
    )


OPERATIONS = (
    Operation(
        "POST",
        "/v1/traces",
        post_trace,
        {
            201: Reply("A native trace was merged.", (schemas.TraceSaved,)),
            200: Reply(
                "Spans of OTLP were merged, or left out and counted.",
                (schemas.OtlpTracesResponse,),
                binary=(otlp.PROTOBUF_MEDIA,),
            ),
        },
        "Merge one author's spans into a trace",
        "traces",
        action="traces.write",
        headers=("Prefer",),
        body=Body(
            (bodies.TraceBody, schemas.OtlpTraces, schemas.OpenAiAgentsExport),
            "A native trace, or OTLP, or what `openai-agents` exports.",
            binary=otlp.BINARY,
        ),
        refuse=_refusal,
        doc="Point OTEL_EXPORTER_OTLP_ENDPOINT at the service, or post native traces. Spans merge"
        " by id: sending a part again is harmless, and updates only the spans of its author. Times"
        " of native spans are seconds of the agent's own clock; they are laid on the wall clock by"
        " `started_at`.",
    ),
    Operation(
        "GET",
        "/v1/traces",
        list_traces,
        {200: Reply("Newest first.", (list[schemas.TraceSummary],), headers=("Link",))},
        "Traces without their spans",
        "traces",
        action="traces.list",
        query=(
            integer("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
            CURSOR,
            integer("offset", "How many to skip.", default=0, least=0, most=MAX_OFFSET),
            text("session_id", "Only traces of this session."),
            text("status", "Only traces with this status: `ok` or `error`."),
            SINCE,
            UNTIL,
            text("agent", "Only traces in which this agent took part."),
            text("user", "Only traces of this user."),
            text("kind", "Only with a span of this kind: `llm`, `tool`, `agent`, `retriever`, ..."),
            text("model", "Only with a call of this model."),
            text("tool", "Only with a call of this tool."),
            text("environment", "Only of this deployment environment."),
            text("tag", "Only with this tag."),
            number("min_duration_ms", "Only what took so long.", least=0, most=MOST),
            number("min_cost_usd", "Only what cost so much.", least=0, most=MOST),
            choice(
                "feedback",
                "Only with a thumbs up, a thumbs down, or without any.",
                {"up": "up", "down": "down", "none": "none"},
            ),
            json_object(
                "attributes",
                "Only where one span has all these attributes: a JSON object of plain values.",
                _ATTRIBUTES,
            ),
            text("q", "Only where one span has all these words in name, input or output."),
            choice(
                "sort",
                "Newest, longest or dearest first.",
                {"time": "time", "duration": "duration", "cost": "cost"},
                default="time",
            ),
        ),
    ),
    Operation(
        "GET",
        "/v1/traces/{trace_id}",
        get_trace,
        {200: Reply("The trace.", (schemas.Trace, schemas.OtlpTraces))},
        "A trace with the spans of all its authors",
        "traces",
        action="traces.read",
        errors=(404,),
        query=(
            choice(
                "format",
                "The native shape, or one OTLP JSON request: lossless for what came as OTLP.",
                {"native": "native", "otlp": "otlp"},
                default="native",
            ),
        ),
    ),
    Operation(
        "GET",
        "/v1/sessions/{session_id}/traces",
        list_session_traces,
        {200: Reply("Oldest first.", (list[schemas.Trace],))},
        "Whole traces of a session",
        "traces",
        action="traces.read",
        errors=(404,),
        query=(
            text("after_trace_id", "Go on after this one."),
            integer("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
        ),
    ),
    Operation(
        "GET",
        "/v1/agents",
        list_agents,
        {200: Reply("The last seen first.", (list[schemas.Agent],))},
        "Agents, and what they did in a window",
        "traces",
        action="agents.list",
        query=(text("agent", "Only this one."), SINCE, UNTIL),
        doc="Without `since` the window is the week before `until`. A request is an agent's work in"
        " one trace.",
    ),
    *otlp.OPERATIONS,
)
