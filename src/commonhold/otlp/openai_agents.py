"""Traces that the SDK of openai-agents exports in a format of its own become spans.

Source: BackendSpanExporter, in agents/tracing/processors.py of openai-agents 0.24 (contracts 3.4).
A span says in `openai_agents.…` all that it was, as JSON text where it is more than a text.

A trace is an item beside its spans, and may come in another request than they. It becomes a span of
its own, above those that have no parent: its id follows from the id of the trace, so that its place
is known before it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec

from commonhold.errors import InvalidRequest, MalformedBody
from commonhold.model.clock import Clock, from_rfc3339, now
from commonhold.model.native_otel import span_id_of, trace_id_of
from commonhold.model.otel import OtelSpan, Rejected, Resource, Scope
from commonhold.otlp.content import text_of
from commonhold.otlp.sent import with_whole_pairs
from commonhold.otlp.values import MAX_TIME, Tally, too_deep

SCOPE = Scope("openai-agents")

_INTERNAL = 1
_UNSET, _ERROR = 0, 2
_NOBODY = Resource()
_INT64 = range(-(2**63), 2**63)

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What spans of one type are called and are about, and which attribute holds which field."""

    verb: str = ""
    about: str = ""
    operation: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


_KINDS = {
    "agent": _Kind("invoke_agent", "name", "invoke_agent", {"gen_ai.agent.name": "name"}),
    "function": _Kind(
        "execute_tool",
        "name",
        "execute_tool",
        {
            "gen_ai.tool.name": "name",
            "gen_ai.tool.call.arguments": "input",
            "gen_ai.tool.call.result": "output",
        },
    ),
    "generation": _Kind(
        "chat",
        "model",
        "chat",
        {
            "gen_ai.request.model": "model",
            "gen_ai.input.messages": "input",
            "gen_ai.output.messages": "output",
        },
    ),
    # Neither the model nor what was said is exported.
    "response": _Kind("chat", "", "chat", {"gen_ai.response.id": "response_id"}),
    "handoff": _Kind("handoff", "to_agent", "chain", {"gen_ai.agent.name": "from_agent"}),
    "guardrail": _Kind("guardrail", "name", "guardrail"),
    "mcp_tools": _Kind("mcp_tools", "server", "chain", {"output.value": "result"}),
    # Sound is not repeated: it is in `openai_agents.span_data`.
    "transcription": _Kind(
        "transcription",
        "model",
        "generate_content",
        {"gen_ai.request.model": "model", "gen_ai.output.messages": "output"},
    ),
    "speech": _Kind(
        "speech",
        "model",
        "generate_content",
        {"gen_ai.request.model": "model", "gen_ai.input.messages": "input"},
    ),
    "speech_group": _Kind("speech_group", "", "chain", {"input.value": "input"}),
    "custom": _Kind("", "name"),
    # What the SDK puts around the calls of a run. Their usage is a sum of theirs, and is not told.
    "task": _Kind("task", "name", "chain"),
    "turn": _Kind("turn", "turn", "chain", {"gen_ai.agent.name": "agent_name"}),
}
_CALLS = frozenset(("generation", "response"))
_USAGE = {
    "gen_ai.usage.input_tokens": ("input_tokens",),
    "gen_ai.usage.output_tokens": ("output_tokens",),
    "gen_ai.usage.cache_read.input_tokens": ("input_tokens_details", "cached_tokens"),
    "gen_ai.usage.cache_write.input_tokens": ("input_tokens_details", "cache_write_tokens"),
    "gen_ai.usage.reasoning.output_tokens": ("output_tokens_details", "reasoning_tokens"),
}
_METADATA = {"user.id": "user_id", "session.id": "session_id"}


class _Body(msgspec.Struct):
    """Each item can fail by itself, so none is read yet."""

    data: list[msgspec.Raw]


class _Trace(msgspec.Struct, tag_field="object", tag="trace"):
    """One run of a workflow; the runs of one conversation share its group."""

    id: str
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


class _Span(msgspec.Struct, tag_field="object", tag="trace.span"):
    """A part of a run."""

    id: str
    trace_id: str
    started_at: str
    span_data: msgspec.Raw
    parent_id: str | None = None
    ended_at: str | None = None
    error: Any = None
    metadata: dict[str, Any] | None = None


_Times = Mapping[str, tuple[int, int]]
"""When the first span of a trace starts and the last ends."""

_body = msgspec.json.Decoder(_Body).decode
_item = msgspec.json.Decoder(_Trace | _Span).decode
_fields = msgspec.json.Decoder(dict[str, Any]).decode


def spans_from_openai_agents(body: bytes, clock: Clock = now) -> tuple[list[OtelSpan], Rejected]:
    """The spans of a request, and the items that cannot be taken.

    A trace says no time: its span lasts as long as the spans of it in the same request, and where
    there are none the clock says when it was.

    Raises:
        MalformedBody: it is none.
    """
    tally = Tally("Item")
    items = list(_taken(_item, _items(body), tally))
    spans = list(_taken(_span_of, (item for item in items if isinstance(item, _Span)), tally))
    root_of = partial(_root_of, _times(spans), clock)
    roots = _taken(root_of, (item for item in items if isinstance(item, _Trace)), tally)
    return [*roots, *spans], tally.rejected


def _taken(make: Callable[[S], T], sent: Iterable[S], tally: Tally) -> Iterator[T]:
    """What is made of all but those of which nothing can be."""
    for each in sent:
        try:
            yield make(each)
        except (ValueError, InvalidRequest) as error:
            tally.add(str(error).rstrip("."))
        except RecursionError:
            tally.add("it is nested too deep")


def _items(body: bytes) -> list[msgspec.Raw]:
    try:
        try:
            return _body(body).data
        except ValueError:
            return _body(with_whole_pairs(body)).data
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise MalformedBody(f"The body is no export of openai-agents: {error}.") from None


def _span_of(item: _Span) -> OtelSpan:
    trace_id = _trace_id(item.trace_id)
    name, attributes = _said(bytes(item.span_data))
    start = _time(item.started_at)
    return OtelSpan(
        trace_id=trace_id,
        span_id=_span_id(trace_id, item.id),
        parent_span_id=_span_id(trace_id, item.parent_id or item.trace_id),
        name=name,
        kind=_INTERNAL,
        start_ns=start,
        end_ns=start if item.ended_at is None else _time(item.ended_at),
        attributes=attributes | _original(item, parent_id=item.parent_id, error=item.error),
        resource=_NOBODY,
        scope=SCOPE,
        status_code=_UNSET if item.error is None else _ERROR,
        status_message=_message(item.error),
    )


def _times(spans: Iterable[OtelSpan]) -> _Times:
    times: dict[str, tuple[int, int]] = {}
    for span in spans:
        start, end = times.get(span.trace_id, (span.start_ns, span.end_ns))
        times[span.trace_id] = (min(start, span.start_ns), max(end, span.end_ns))
    return times


def _root_of(times: _Times, clock: Clock, item: _Trace) -> OtelSpan:
    trace_id = _trace_id(item.id)
    start, end = times.get(trace_id) or (clock() * 1000,) * 2
    told = {name: (item.metadata or {}).get(key) for name, key in _METADATA.items()}
    told |= {"gen_ai.operation.name": "invoke_workflow", "gen_ai.conversation.id": item.group_id}
    return OtelSpan(
        trace_id=trace_id,
        span_id=_span_id(trace_id, item.id),
        parent_span_id=None,
        name=item.workflow_name or "trace",
        kind=_INTERNAL,
        start_ns=start,
        end_ns=end,
        attributes=_texts(told) | _original(item),
        resource=_NOBODY,
        scope=SCOPE,
    )


def _trace_id(text: str) -> str:
    return trace_id_of(_given(text, "trace id").removeprefix("trace_"))


def _span_id(trace_id: str, text: str) -> str:
    """An id of 16 digits for one of 24; a trace's own is that of the span above all others."""
    return span_id_of(trace_id, _given(text, "id"))


def _given(text: str, name: str) -> str:
    if not text:
        raise ValueError(f"its {name} is empty")
    return text


def _time(text: str) -> int:
    time = from_rfc3339(text) * 1000
    if not 0 <= time <= MAX_TIME:
        raise ValueError(f"its time {text} is out of 0 to 2^63-1 nanoseconds since 1970")
    return time


def _said(span_data: bytes) -> tuple[str, dict[str, Any]]:
    """What a span is called, and what it says in the words of the GenAI conventions."""
    data = _fields(span_data)
    kind_name, fields = _inner(data)
    kind = _KINDS.get(kind_name, _Kind(kind_name))
    told = {name: fields.get(key) for name, key in kind.attributes.items()}
    if kind_name in _CALLS:
        told |= {name: _at(fields.get("usage"), path) for name, path in _USAGE.items()}
    told["gen_ai.operation.name"] = kind.operation
    name = f"{kind.verb} {_word(fields.get(kind.about))}".strip()
    return name, {**_texts(told), "openai_agents.span_data": span_data.decode()}


def _inner(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The type of a span and its fields; types of the SDK that its service lacks come as custom."""
    kind, inner = data.get("type"), data.get("data")
    if kind == "custom" and isinstance(inner, dict) and inner.get("sdk_span_type"):
        return _word(inner["sdk_span_type"]), inner
    return _word(kind), data


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _texts(told: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as they are, and all else as text."""
    return {
        name: value if isinstance(value, int) and value in _INT64 else text_of(value)
        for name, value in told.items()
        if value is not None
    }


def _original(item: _Trace | _Span, **more: Any) -> dict[str, Any]:
    """What OpenTelemetry has no field for, or another than it was."""
    told = {"id": item.id, "metadata": item.metadata, **more}
    return _texts({f"openai_agents.{name}": value for name, value in told.items()})


def _message(error: Any) -> str:
    said = error.get("message") if isinstance(error, dict) else error
    return "" if said is None else text_of(said) or ""
