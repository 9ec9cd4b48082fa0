"""What is asked of Postgres itself: to be quiet, and how many rows it reads for an append."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import asyncpg

import commonhold
from bench import payloads
from bench.curve.ours import texts

APPENDS = 5
COUNTERS = """
SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
     + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


async def put_off_checkpoints(url: str) -> None:
    """Whole pages go into the log after each; whom that hits would be chance."""
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1h'")
    await connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


async def analyze(urls: Iterable[str]) -> None:
    """Let Postgres count what it holds, as it does by itself within a minute."""
    for url in urls:
        connection = await asyncpg.connect(url)
        await connection.execute("ANALYZE")
        await connection.close()


async def read_by_append(url: str, lengths: tuple[int, ...]) -> dict[str, dict[int, float]]:
    """Rows and index entries read for one append of two messages, by the length of the session.

    Before and after Postgres has statistics. Nobody else may be connected to the database.
    """
    counter = await asyncpg.connect(url)
    try:
        for length in lengths:
            await _visit(counter, url, f"rows-{length}", 0, length)
        fresh = {length: await _of(counter, url, length, length) for length in lengths}
        await analyze([url])
        later = {n: await _of(counter, url, n, n + 2 * APPENDS) for n in lengths}
    finally:
        await counter.close()
    return {"without statistics": fresh, "with statistics": later}


async def _of(counter: Any, url: str, length: int, held: int) -> float:
    session = f"rows-{length}"
    start = await _count(counter)
    await _visit(counter, url, session, held, 0)
    idle = await _count(counter) - start
    start = await _count(counter)
    await _visit(counter, url, session, held, 2, APPENDS)
    return (await _count(counter) - start - idle) / APPENDS


async def _visit(
    counter: Any, url: str, session: str, start: int, count: int, times: int = 1
) -> None:
    """Append from connections of its own: what a connection read is counted when it ends."""
    async with commonhold.connect(url, agent="bench") as stores:
        for number in range(times if count else 0):
            first = start + number * count
            new = [payloads.varied(session, turn) for turn in range(first, first + count)]
            await stores.sessions.append(session, texts(new))
    while await counter.fetchval(OTHERS):  # noqa: ASYNC110 - a server tells nobody
        await asyncio.sleep(0.05)


async def _count(counter: Any) -> int:
    await counter.execute("SELECT pg_stat_clear_snapshot()")
    return int(await counter.fetchval(COUNTERS))
