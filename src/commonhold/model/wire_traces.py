"""Traces and agents as they look on the wire, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commonhold.model.agent import Agent, AgentInstance
from commonhold.model.clock import from_rfc3339, to_rfc3339
from commonhold.model.gist import Gist
from commonhold.model.opaque import EMPTY_LIST, EMPTY_OBJECT
from commonhold.model.trace import NANO, Span, Trace, TraceSummary
from commonhold.model.wire import Wire, raw, text, time_in, time_out


def span_sent(span: Span) -> Wire:
    """What an author says of a span: its floats and opaque parts as they came."""
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "status": span.status,
        "attributes": raw(span.attributes),
        "events": raw(span.events),
    }


def span_out(span: Span) -> Wire:
    """A span as it was sent, and what is known of it."""
    return {
        **span_sent(span),
        "agent": span.agent or None,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns,
        **gist_out(span.gist),
        "otel": None if span.otel is None else raw(span.otel),
    }


def span_in(body: Mapping[str, Any]) -> Span:
    """A span out of a body."""
    start_time, otel = body.get("start_time"), body.get("otel")
    return Span(
        trace_id=body["trace_id"],
        span_id=body["span_id"],
        parent_span_id=body.get("parent_span_id"),
        name=body.get("name") or "",
        start_time=0.0 if start_time is None else start_time,
        end_time=body.get("end_time"),
        status=body.get("status") or "ok",
        attributes=text(body.get("attributes"), EMPTY_OBJECT),
        events=text(body.get("events"), EMPTY_LIST),
        agent=body.get("agent") or "",
        start_ns=body.get("start_time_unix_nano"),
        end_ns=body.get("end_time_unix_nano"),
        gist=gist_in(body),
        otel=None if otel is None else text(otel, EMPTY_OBJECT),
    )


def gist_out(gist: Gist) -> Wire:
    """What was understood of a span."""
    return {
        "kind": gist.operation or None,
        "agent_name": gist.agent or None,
        "agent_id": gist.agent_id,
        "agent_version": gist.agent_version,
        "instance": gist.instance,
        "session_id": gist.session_id,
        "user_id": gist.user_id,
        "environment": gist.environment,
        "model": gist.model,
        "provider": gist.provider,
        "tokens": {
            "input": gist.input_tokens,
            "output": gist.output_tokens,
            "cached_input": gist.cached_input,
            "cache_write": gist.cache_write,
            "reasoning": gist.reasoning,
        },
        "cost_usd": _dollars(gist.cost_nano),
        "tool_name": gist.tool_name,
        "tool_call_id": gist.tool_call_id,
        "tags": gist.tags,
        "failed": gist.is_error,
        "clock_ahead": gist.is_ahead,
    }


def gist_in(body: Mapping[str, Any]) -> Gist:
    """What was understood of a span, out of a body."""
    tokens: Mapping[str, Any] = body.get("tokens") or {}
    return Gist(
        operation=body.get("kind") or "",
        input_tokens=tokens.get("input"),
        output_tokens=tokens.get("output"),
        agent=body.get("agent_name") or "",
        session_id=body.get("session_id"),
        user_id=body.get("user_id"),
        model=body.get("model"),
        provider=body.get("provider"),
        cached_input=tokens.get("cached_input"),
        cache_write=tokens.get("cache_write"),
        reasoning=tokens.get("reasoning"),
        cost_nano=_nano(body.get("cost_usd")),
        tool_name=body.get("tool_name"),
        tool_call_id=body.get("tool_call_id"),
        agent_id=body.get("agent_id"),
        agent_version=body.get("agent_version"),
        instance=body.get("instance"),
        environment=body.get("environment"),
        tags=tuple(body.get("tags") or ()),
        is_ahead=body.get("clock_ahead") or False,
        is_error=body.get("failed") or False,
    )


def trace_sent(trace: Trace) -> Wire:
    """One author's part of a trace, as it is posted."""
    return {**_trace(trace), "spans": [span_sent(span) for span in trace.spans]}


def trace_out(trace: Trace) -> Wire:
    """A whole trace in the native shape."""
    return {**_trace(trace), "spans": [span_out(span) for span in trace.spans]}


def _trace(trace: Trace) -> Wire:
    return {
        "trace_id": trace.trace_id,
        "started_at": to_rfc3339(trace.started_at),
        "ended_at": time_out(trace.ended_at),
        "model": trace.model,
        "session_id": trace.session_id,
        "status": trace.status,
    }


def trace_in(body: Mapping[str, Any]) -> Trace:
    """A whole trace out of a body."""
    return Trace(
        trace_id=body["trace_id"],
        started_at=from_rfc3339(body["started_at"], "started_at"),
        ended_at=time_in(body.get("ended_at")),
        model=body.get("model"),
        session_id=body.get("session_id"),
        status=body.get("status") or "ok",
        spans=tuple(span_in(span) for span in body.get("spans") or ()),
    )


def summary_out(summary: TraceSummary) -> Wire:
    """One trace of a list."""
    return {
        "trace_id": summary.trace_id,
        "started_at": to_rfc3339(summary.started_at),
        "ended_at": time_out(summary.ended_at),
        "model": summary.model,
        "session_id": summary.session_id,
        "status": summary.status,
        "duration_ms": summary.duration_ms,
        "span_count": summary.span_count,
        "error_count": summary.error_count,
        "tool_calls": summary.tool_calls,
        "prompt_tokens": summary.prompt_tokens,
        "completion_tokens": summary.completion_tokens,
        "agents": summary.agents,
        "name": summary.name,
        "user_id": summary.user_id,
        "environment": summary.environment,
        "llm_calls": summary.llm_calls,
        "cached_tokens": summary.cached_tokens,
        "reasoning_tokens": summary.reasoning_tokens,
        "cost_usd": _dollars(summary.cost_nano),
        "models": summary.models,
        "clock_ahead": summary.is_ahead,
        "thumbs_up": summary.thumbs_up,
        "thumbs_down": summary.thumbs_down,
    }


def summary_in(body: Mapping[str, Any]) -> TraceSummary:
    """One trace of a list, out of a body."""
    return TraceSummary(
        trace_id=body["trace_id"],
        started_at=from_rfc3339(body["started_at"]),
        ended_at=time_in(body.get("ended_at")),
        model=body.get("model"),
        session_id=body.get("session_id"),
        status=body.get("status", "ok"),
        duration_ms=body.get("duration_ms"),
        span_count=body.get("span_count", 0),
        error_count=body.get("error_count", 0),
        tool_calls=body.get("tool_calls", 0),
        prompt_tokens=body.get("prompt_tokens"),
        completion_tokens=body.get("completion_tokens"),
        agents=tuple(body.get("agents") or ()),
        name=body.get("name") or "",
        user_id=body.get("user_id"),
        environment=body.get("environment"),
        llm_calls=body.get("llm_calls", 0),
        cached_tokens=body.get("cached_tokens"),
        reasoning_tokens=body.get("reasoning_tokens"),
        cost_nano=_nano(body.get("cost_usd")),
        models=tuple(body.get("models") or ()),
        is_ahead=body.get("clock_ahead", False),
        thumbs_up=body.get("thumbs_up", 0),
        thumbs_down=body.get("thumbs_down", 0),
    )


def agent_out(agent: Agent) -> Wire:
    """An agent, and what it did in a window."""
    return {
        "agent": agent.agent,
        "first_seen_at": to_rfc3339(agent.first_seen_at),
        "last_seen_at": to_rfc3339(agent.last_seen_at),
        "versions": agent.versions,
        "instances": [_instance_out(each) for each in agent.instances],
        "requests": agent.requests,
        "errors": agent.errors,
        "error_rate": agent.error_rate,
        "p50_ms": agent.p50_ms,
        "p95_ms": agent.p95_ms,
        "prompt_tokens": agent.prompt_tokens,
        "completion_tokens": agent.completion_tokens,
        "cost_usd": _dollars(agent.cost_nano),
        "thumbs_up": agent.thumbs_up,
        "thumbs_down": agent.thumbs_down,
    }


def _instance_out(each: AgentInstance) -> Wire:
    return {
        "version": each.version,
        "instance": each.instance,
        "first_seen_at": to_rfc3339(each.first_seen_at),
        "last_seen_at": to_rfc3339(each.last_seen_at),
    }


def agent_in(body: Mapping[str, Any]) -> Agent:
    """An agent out of a body."""
    return Agent(
        agent=body["agent"],
        first_seen_at=from_rfc3339(body["first_seen_at"]),
        last_seen_at=from_rfc3339(body["last_seen_at"]),
        instances=tuple(_instance_in(each) for each in body.get("instances") or ()),
        requests=body.get("requests", 0),
        errors=body.get("errors", 0),
        p50_ms=body.get("p50_ms"),
        p95_ms=body.get("p95_ms"),
        prompt_tokens=body.get("prompt_tokens"),
        completion_tokens=body.get("completion_tokens"),
        cost_nano=_nano(body.get("cost_usd")),
        thumbs_up=body.get("thumbs_up", 0),
        thumbs_down=body.get("thumbs_down", 0),
    )


def _instance_in(body: Mapping[str, Any]) -> AgentInstance:
    return AgentInstance(
        body.get("version") or "",
        body.get("instance") or "",
        from_rfc3339(body["first_seen_at"]),
        from_rfc3339(body["last_seen_at"]),
    )


def _dollars(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO


def _nano(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * NANO)
