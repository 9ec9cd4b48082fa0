"""Traces, redacted on their way in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from commonhold.contract.traces import Traces
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.trace import Trace
from commonhold.wrap.redaction import Stage, Work

T = TypeVar("T")

IN_LINE_BYTES = 128 * 1024
"""What is larger is read and redacted in a thread, so that nobody else waits for it."""

SCANNED_BYTES = 2 * 1024 * 1024
"""What is larger is also looked through in a thread: that takes a thousandth of the time."""


class RedactedTraces:
    """`contract.traces.Traces` whose writes are redacted; what only reads is the store's own."""

    def __init__(self, inner: Traces, stage: Stage) -> None:
        self._inner = inner
        self._stage = stage
        self.find, self.get, self.otlp = inner.find, inner.get, inner.otlp
        self.of_session, self.list, self.agents = inner.of_session, inner.list, inner.agents

    async def put(self, trace: Trace, /) -> None:
        work = await self._stage.begin()
        await self._inner.put(work.records().trace(trace))
        work.done()

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        work = await self._stage.begin()
        await self._inner.record(work.records().spans(spans))
        work.done()

    async def take(self, request: Request, /) -> Rejected:
        """Nearly every request has nothing to be replaced, and goes on without being read here."""
        work = await self._stage.begin()
        size = len(request.body)
        if await _done(lambda: work.passes(request.body), size > SCANNED_BYTES):
            return await self._inner.take(request)
        return await self._take_redacted(request, work)

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        work = await self._stage.begin()
        await self._inner.record_logs(work.records().logs(logs))
        work.done()

    async def _take_redacted(self, request: Request, work: Work) -> Rejected:
        is_large = len(request.body) > IN_LINE_BYTES
        spans, rejected = await _done(lambda: work.decoded(request), is_large)
        await self._inner.record(spans)
        work.done()
        return rejected


async def _done(work: Callable[[], T], is_large: bool) -> T:  # noqa: FBT001  (one of two ways)
    return await asyncio.to_thread(work) if is_large else work()
