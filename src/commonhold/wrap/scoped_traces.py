"""Traces, as one caller may see and write them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from commonhold.contract.traces import Traces
from commonhold.errors import Forbidden
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import DEFAULT_LIMIT, Page
from commonhold.model.trace import Trace, TraceQuery, TraceSummary
from commonhold.redact.summaries import otlp_summary, summaries
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
        found = await self._readable().find(trace_id)
        return None if found is None else (await self._shown([found]))[0]

    async def get(self, trace_id: str, /) -> Trace:
        return (await self._shown([await self._readable().get(trace_id)]))[0]

    async def otlp(self, trace_id: str, /) -> JsonText:
        text = await self._readable().otlp(trace_id)
        if self._reach.sees_content("traces.read"):
            return text
        return await asyncio.to_thread(otlp_summary, text)

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        found = await self._readable().of_session(
            session_id, after_trace_id=after_trace_id, limit=limit
        )
        return await self._shown(found)

    async def list(self, query: TraceQuery = _NEWEST, /) -> Page[TraceSummary]:
        stores = self._reach.at("traces.list", "part_of", "user")
        asks_content = query.q is not None or query.attributes is not None
        if asks_content and not self._reach.sees_content("traces.list"):
            raise Forbidden("A search reads what was said, and this caller sees summaries only.")
        return await stores.traces.list(query)

    async def agents(self, query: AgentQuery = _THIS_WEEK, /) -> tuple[Agent, ...]:
        return await self._reach.at("agents.list", "part_of").traces.agents(query)

    def _readable(self) -> Traces:
        return self._reach.at("traces.read", "part_of", "user").traces

    async def _shown(self, found: Sequence[Trace]) -> tuple[Trace, ...]:
        """What the caller sees of traces; to empty long ones must not keep others waiting."""
        if self._reach.sees_content("traces.read"):
            return tuple(found)
        return await asyncio.to_thread(summaries, found)
