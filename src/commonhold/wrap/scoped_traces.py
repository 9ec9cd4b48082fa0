"""Traces, as one caller may see and write them."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.errors import Forbidden
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import DEFAULT_LIMIT, Page
from commonhold.model.trace import Trace, TraceQuery, TraceSummary
from commonhold.wrap.reach import Reach

_NEWEST = TraceQuery()
_THIS_WEEK = AgentQuery()


class ScopedTraces:
    """`contract.traces.Traces` of one caller."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def put(self, trace: Trace, /) -> None:
        await self._reach.at("traces.write").traces.put(trace)

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        await self._reach.at("traces.write").traces.record(spans)

    async def take(self, request: Request, /) -> Rejected:
        return await self._reach.at("traces.write").traces.take(request)

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        await self._reach.at("traces.write").traces.record_logs(logs)

    async def find(self, trace_id: str, /) -> Trace | None:
        return await self._reach.at("traces.read", "part_of").traces.find(trace_id)

    async def get(self, trace_id: str, /) -> Trace:
        return await self._reach.at("traces.read", "part_of").traces.get(trace_id)

    async def otlp(self, trace_id: str, /) -> JsonText:
        return await self._reach.at("traces.read", "part_of").traces.otlp(trace_id)

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        return await self._reach.at("traces.read", "part_of").traces.of_session(
            session_id, after_trace_id=after_trace_id, limit=limit
        )

    async def list(self, query: TraceQuery = _NEWEST, /) -> Page[TraceSummary]:
        stores = self._reach.at("traces.list", "part_of")
        asks_content = query.q is not None or query.attributes is not None
        if asks_content and not self._reach.sees_content("traces.list"):
            raise Forbidden("A search reads what was said, which a viewer does not see.")
        return await stores.traces.list(query)

    async def agents(self, query: AgentQuery = _THIS_WEEK, /) -> tuple[Agent, ...]:
        return await self._reach.at("agents.list", "part_of").traces.agents(query)
