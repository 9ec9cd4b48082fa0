"""The full-text index of spans, which follows what is committed.

Cutting a span's texts into words costs more than writing it, so it is not done while its sender
waits: the transaction that writes spans plans the work (`span_job`), and the work is done when there
is time, or before somebody searches. A crash loses none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from commonhold.model import clock, opaque
from commonhold.model.span_words import words_of_span
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.meanings import attributes_in, meaning_of_texts
from commonhold.sql.statement import Statement, statement

TAKE = statement("take_jobs")
AWAIT = statement("await_jobs")
LAST = statement("last_job")
END = statement("end_jobs")
READ = statement("read_spans")
STARTS = statement("read_starts")
PUT = statement("index_spans")
TIME = statement("time_spans")

AT_ONCE = 8
ENOUGH_SPANS = 500
"""Jobs of one transaction, and spans after which it takes no further one: few, so that writers wait
for it only shortly."""

PATIENCE_S = 5.0
"""How long a search waits, in seconds, for the index to catch up with what was written before."""


class SpanIndex:
    """Indexes what was committed."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._lock = asyncio.Lock()

    async def catch_up(self, patience_s: float = PATIENCE_S) -> None:
        """Index what is committed by now, or as much of it as can be done in time.

        What another process is indexing is waited for: to pass over it would be to search without.
        """
        deadline = clock.monotonic() + patience_s
        async with self._lock:
            until = await self._last(None)
            while until is not None and clock.monotonic() < deadline:
                await self._db.write(partial(_step, AWAIT))
                until = await self._last(until)

    async def step(self) -> int:
        """Do the oldest jobs that nobody is at; how many that were."""
        return await self._db.write(partial(_step, TAKE))

    async def _last(self, until: int | None) -> int | None:
        row = await self._db.one(LAST, kind="index", until=until)
        return None if row is None else row[0]


async def _step(take: Statement, tx: Tx) -> int:
    jobs = await tx.all(take, kind="index", limit=AT_ONCE)
    if not jobs:
        return 0
    done: list[int] = []
    seen = 0
    for number, tenant, day, spans in jobs:
        seen += await _index(tx, tenant, day, opaque.loads(spans))
        done.append(number)
        if seen >= ENOUGH_SPANS:
            break
    await tx.run(END, numbers=opaque.dumps(done))
    return len(done)


async def _index(tx: Tx, tenant: str, day: int, wanted: Mapping[str, Sequence[str]]) -> int:
    """Index the spans wanted of each trace; how many spans were read."""
    traces = {"tenant": tenant, "listed": opaque.dumps(list(wanted))}
    found = await tx.all(READ, day=day, **traces)
    starts = {row[0]: row[1] for row in await tx.all(STARTS, **traces)}
    told = [
        (row[0], row[1], words, starts.get(row[0], 0))
        for row in found if row[1] in wanted[row[0]] if (words := _words(row))
    ]  # fmt: skip
    await tx.many(PUT, told, tenant=tenant, day=day)
    # Last, so that a span which makes a trace begin earlier and is committed meanwhile counts.
    await tx.run(TIME, day=day, **traces)
    return len(found)


def _words(row: Row) -> str:
    """The words of a row of `read_spans`."""
    attributes = attributes_in(row[7])
    meaning = meaning_of_texts(row[3], attributes)
    return words_of_span(row[3], (meaning.input, meaning.output), attributes)
