"""The index of spans' words follows what is committed, and a search does not overtake it."""

from __future__ import annotations

import asyncio

from commonhold.model.trace import TraceQuery
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.database import Tx
from commonhold.sql.span_index import TAKE, _step
from commonhold.testing.otel import TRACE_ID, otel_span

SEARCH = TraceQuery(q="wanted")


async def found(backend: SqlBackend) -> list[str]:
    """The traces with a span that is called so."""
    return [item.trace_id for item in (await backend.traces.list(SEARCH)).items]


async def test_a_search_waits_for_who_is_indexing_what_it_looks_for(postgres_url: str) -> None:
    """Another replica holds the job and has not committed: to pass over it would find nothing."""
    async with (
        await open_backend(postgres_url) as indexing,
        await open_backend(postgres_url) as searching,
    ):
        await indexing.traces.record([otel_span(name="wanted")])
        taken, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(tx: Tx) -> None:
            await _step(TAKE, tx)
            taken.set()
            await go_on.wait()

        work = asyncio.create_task(indexing.database.write(slowly))
        await taken.wait()
        search = asyncio.create_task(found(searching))
        await asyncio.wait({search}, timeout=0.5)
        go_on.set()
        await work
        assert await search == [TRACE_ID]


async def test_a_search_finds_more_than_was_indexed_at_once(postgres_url: str) -> None:
    """However many jobs wait, and whoever else works on them."""
    async with (
        await open_backend(postgres_url) as one,
        await open_backend(postgres_url) as other,
    ):
        for number in range(1, 41):
            await one.traces.record([otel_span(trace_id=f"{number:032x}", name="wanted")])
        answers = await asyncio.gather(found(one), found(other), found(one))
    assert [len(answer) for answer in answers] == [40, 40, 40]


async def test_indexing_holds_the_database_for_no_more_than_some_hundred_spans() -> None:
    """Jobs are as large as the writes were; what is left over is done the next time."""
    async with await open_backend("sqlite:///:memory:") as backend:
        for batch in range(3):
            trace_id = f"{batch + 1:032x}"
            ids = [f"{number + 1:016x}" for number in range(300)]
            spans = [otel_span(trace_id=trace_id, span_id=each, name="wanted") for each in ids]
            await backend.traces.record(spans)
        done = [await backend.trace_memory.index.step() for _ in range(3)]
        assert done == [2, 1, 0]
        assert len(await found(backend)) == 3
