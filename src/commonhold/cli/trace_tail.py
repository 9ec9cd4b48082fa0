"""New traces as they arrive, each once, found by looking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from commonhold.cli.paging import pages
from commonhold.contract.traces import Traces
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.trace import TraceQuery, TraceSummary

LATE = 600_000_000
"""Microseconds after its beginning until which a trace may arrive and still be shown."""

DEEP = 10
"""Every so many looks all the time is looked at in which a late trace may have begun."""


class Arrivals:
    """What has been seen of the traces that match, and what is new.

    Traces are listed by when they began, and arrive in another order: a look ends at the first
    page that holds nothing new, but for every tenth, which goes back as far as a late one may be.
    """

    def __init__(self, traces: Traces, asked: TraceQuery) -> None:
        self._traces = traces
        self._asked = asked
        self._seen: dict[str, Micros] = {}
        self._looks = 0

    async def look(self) -> list[TraceSummary]:
        """What has arrived since the last look, what began first coming first."""
        since = Micros(clock.now() - LATE)
        is_deep = self._looks % DEEP == 0
        self._looks += 1
        found: list[TraceSummary] = []
        async for page in pages(self._traces.list, replace(self._asked, since=since)):
            new = [each for each in page.items if each.trace_id not in self._seen]
            self._seen.update((each.trace_id, each.started_at) for each in new)
            found += new
            if not (new or is_deep):
                break
        # A trace only ever begins earlier than was known, so that what is out of reach stays so.
        self._seen = {name: at for name, at in self._seen.items() if at >= since}
        return sorted(found, key=lambda each: (each.started_at, each.trace_id))


async def latest(traces: Traces, asked: TraceQuery, count: int) -> list[TraceSummary]:
    """The last so many traces, what began first coming first."""
    found = (
        [each async for page in pages(traces.list, asked, count) for each in page.items]
        if count
        else []
    )
    return found[::-1]


async def arriving(
    traces: Traces, asked: TraceQuery, last: int, interval_s: float
) -> AsyncIterator[TraceSummary]:
    """The last so many traces, and then each that arrives."""
    arrivals = Arrivals(traces, asked)
    await arrivals.look()
    for each in await latest(traces, asked, last):
        yield each
    while True:
        await asyncio.sleep(interval_s)
        for each in await arrivals.look():
            yield each
