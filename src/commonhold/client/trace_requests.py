"""What each method of the contract of traces asks of a service, as a value. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from commonhold.client.call import Call, body_of, path_of, target, time, window
from commonhold.client.otlp_answers import MEDIA
from commonhold.errors import InvalidRequest
from commonhold.model import wire_traces
from commonhold.model.agent import AgentQuery
from commonhold.model.otel import OtelLog, OtelSpan, Request
from commonhold.model.page import check_window
from commonhold.model.span_words import attribute_terms
from commonhold.model.trace import Trace, TraceQuery, check_query, check_trace
from commonhold.model.words import search_terms
from commonhold.otlp.encode import logs_to_otlp_json, to_otlp_json

T = TypeVar("T")

_PROBLEMS = {"Accept": "application/json, application/problem+json"}
"""Errors as problem documents, where exporters get those of OTLP."""


def put_trace(trace: Trace) -> Call:
    """This author's part of a trace. Spans merge by id, so that a second attempt is harmless."""
    check_trace(trace)
    return Call("POST", "/v1/traces", body_of(wire_traces.trace_sent(trace)))


def record(spans: Sequence[OtelSpan]) -> Call:
    """Spans of OpenTelemetry, which a second attempt does not add again."""
    return Call("POST", "/v1/traces", _otlp(to_otlp_json, spans), _PROBLEMS)


def take(request: Request) -> Call:
    """Spans as an exporter sent them: the same bytes."""
    path = "/v1/traces/ingest" if request.form == "openai-agents" else "/v1/traces"
    return Call("POST", path, request.body, {**_PROBLEMS, "Content-Type": MEDIA[request.form]})


def record_logs(logs: Sequence[OtelLog]) -> Call:
    """Log records about spans, which a second attempt does not add again."""
    return Call("POST", "/v1/logs", _otlp(logs_to_otlp_json, logs), _PROBLEMS)


def get_trace(trace_id: str) -> Call:
    """The whole trace."""
    return Call("GET", path_of("/v1/traces", trace_id))


def get_otlp(trace_id: str) -> Call:
    """The whole trace as OTLP JSON."""
    return Call("GET", path_of("/v1/traces", trace_id) + "?format=otlp")


def list_traces(query: TraceQuery) -> Call:
    """A page of summaries."""
    check_query(query)
    if query.q is not None:
        search_terms(query.q)
    if query.attributes is not None:
        attribute_terms(query.attributes)
    place = target(
        "/v1/traces",
        **window(query),
        session_id=query.session_id,
        status=query.status,
        since=time(query.since),
        until=time(query.until),
        agent=query.agent,
        user=query.user,
        kind=query.kind,
        model=query.model,
        tool=query.tool,
        environment=query.environment,
        tag=query.tag,
        min_duration_ms=_number(query.min_duration_ms),
        min_cost_usd=_number(query.min_cost_usd),
        feedback=query.feedback,
        attributes=query.attributes,
        q=query.q,
        sort=None if query.sort == "time" else query.sort,
    )
    return Call("GET", place)


def session_traces(session_id: str, after_trace_id: str | None, limit: int) -> Call:
    """Whole traces of a session, oldest first."""
    check_window(limit, 0)
    path = path_of("/v1/sessions", session_id, "traces")
    return Call("GET", target(path, after_trace_id=after_trace_id, limit=limit))


def list_agents(query: AgentQuery) -> Call:
    """Agents, and what they did in a window."""
    told = {"since": time(query.since), "until": time(query.until)}
    return Call("GET", target("/v1/agents", agent=query.agent, **told))


def _number(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


def _otlp(encode: Callable[[Sequence[T]], str], records: Sequence[T]) -> bytes:
    try:
        return encode(records).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"A text of these records has no JSON form: {error}.") from None
