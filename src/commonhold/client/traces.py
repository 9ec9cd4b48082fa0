"""Traces kept by a service."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.client import answers, trace_requests
from commonhold.client.transport import Line
from commonhold.errors import NotFound
from commonhold.model import ids
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import DEFAULT_LIMIT, Page
from commonhold.model.trace import Trace, TraceQuery, TraceSummary


class HttpTraces:
    """`contract.traces.Traces` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def put(self, trace: Trace, /) -> None:
        answers.done(await self._line.send(trace_requests.put_trace(trace)))

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        answers.done(await self._line.send(trace_requests.record(spans)))

    async def take(self, request: Request, /) -> Rejected:
        return answers.taken(await self._line.send(trace_requests.take(request)))

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        answers.done(await self._line.send(trace_requests.record_logs(logs)))

    async def find(self, trace_id: str, /) -> Trace | None:
        try:
            return await self.get(trace_id)
        except NotFound:
            return None

    async def get(self, trace_id: str, /) -> Trace:
        _check(trace_id)
        return answers.trace(await self._line.send(trace_requests.get_trace(trace_id)))

    async def otlp(self, trace_id: str, /) -> JsonText:
        _check(trace_id)
        return answers.otlp(await self._line.send(trace_requests.get_otlp(trace_id)))

    async def list(self, query: TraceQuery = TraceQuery(), /) -> Page[TraceSummary]:
        return answers.summaries(await self._line.send(trace_requests.list_traces(query)))

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        if after_trace_id is not None:
            _check(after_trace_id)
        call = trace_requests.session_traces(session_id, after_trace_id, limit)
        return answers.traces(await self._line.send(call))

    async def agents(self, query: AgentQuery = AgentQuery(), /) -> tuple[Agent, ...]:
        return answers.agents(await self._line.send(trace_requests.list_agents(query)))


def _check(trace_id: str) -> None:
    if not ids.is_key(trace_id):
        raise NotFound(f"Trace {trace_id} not found")
