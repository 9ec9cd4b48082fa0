"""Traces kept by a service."""

from __future__ import annotations

from commonhold.client import answers, requests
from commonhold.client.transport import Line
from commonhold.errors import NotFound
from commonhold.model import ids
from commonhold.model.page import Page
from commonhold.model.trace import Trace, TraceQuery, TraceSummary


class HttpTraces:
    """`contract.traces.Traces` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def put(self, trace: Trace, /) -> None:
        answers.done(await self._line.send(requests.put_trace(trace)))

    async def find(self, trace_id: str, /) -> Trace | None:
        try:
            return await self.get(trace_id)
        except NotFound:
            return None

    async def get(self, trace_id: str, /) -> Trace:
        if not ids.is_key(trace_id):
            raise NotFound(f"Trace {trace_id} not found")
        return answers.trace(await self._line.send(requests.get_trace(trace_id)))

    async def list(self, query: TraceQuery = TraceQuery(), /) -> Page[TraceSummary]:
        return answers.summaries(await self._line.send(requests.list_traces(query)))
