"""The floor under every ingest: the same rows, inserted by the driver and nothing else.

The rows are those that the service itself made of the same requests, read back from its table; only
their ids are new. A commit follows every hundred, as many as a request brings.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Any

import asyncpg
import httpx2

from bench.servers import Served
from bench.traces import requests
from bench.traces.subjects import COMMONHOLD, Place

IDS = ("trace_id", "span_id", "parent_span_id")
WRITERS = 4
"""Connections to Postgres, so that one waits for the disk while others send; SQLite has one writer."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the table of spans, by what its columns are called."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """What inserting them is called."""
        return "bare insert"

    def batches(self, count: int, seed: int = 7) -> Iterator[list[Row]]:
        """So many batches of a request's size, each with ids of its own."""
        random = Random(seed)
        places = [self.columns.index(name) for name in IDS if name in self.columns]
        starts = range(0, len(self.rows), requests.SPANS)
        kinds = cycle([self.rows[start : start + requests.SPANS] for start in starts])
        return (_renewed(batch, places, random) for batch in islice(kinds, count))


def _renewed(rows: Sequence[Row], places: Sequence[int], random: Random) -> list[Row]:
    """The same rows with other ids, equal where they were equal."""
    known: dict[Any, Any] = {}
    renewed = []
    for row in rows:
        cells = list(row)
        for place in places:
            old = cells[place]
            if old not in known:
                known[old] = _like(old, random)
            cells[place] = known[old]
        renewed.append(tuple(cells))
    return renewed


def _like(old: Any, random: Random) -> Any:
    if isinstance(old, str) and old:
        return random.randbytes(len(old) // 2).hex()
    return random.randbytes(len(old)) if isinstance(old, bytes) else old


async def sample(served: Served, place: Place) -> Rows:
    """What the service stores for one request of each kind.

    Raises:
        httpx2.HTTPStatusError: it does not take them.
    """
    sent = {"Content-Type": "application/x-protobuf"}
    async with httpx2.AsyncClient(base_url=served.url, timeout=60) as client:
        for body in requests.bodies(seed=5, count=requests.TEMPLATES):
            (await client.post("/v1/traces", content=body, headers=sent)).raise_for_status()
    query = f"SELECT * FROM {COMMONHOLD.table} ORDER BY trace_id, span_id"
    if place.backend == "sqlite":
        with closing(sqlite3.connect(f"file:{place.address}?mode=ro", uri=True)) as file:
            cursor = file.execute(query)
            return Rows(tuple(one[0] for one in cursor.description), tuple(cursor))
    connection = await asyncpg.connect(place.address)
    try:
        records = await connection.fetch(query)
    finally:
        await connection.close()
    return Rows(tuple(records[0].keys()), tuple(tuple(record) for record in records))


async def insert(place: Place, rows: Rows, count: int) -> tuple[int, float]:
    """Insert into a migrated database; how many rows, in how many seconds."""
    batches = list(rows.batches(count // requests.SPANS))
    insert_all = _into_sqlite if place.backend == "sqlite" else _into_postgres
    seconds = await insert_all(place, rows.columns, batches)
    return sum(len(batch) for batch in batches), seconds


async def _into_sqlite(place: Place, columns: Sequence[str], batches: list[list[Row]]) -> float:
    marks = ", ".join("?" for _ in columns)
    statement = f"INSERT INTO {COMMONHOLD.table} ({', '.join(columns)}) VALUES ({marks})"
    with closing(sqlite3.connect(place.address, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=FULL")
        started = time.perf_counter()
        for batch in batches:
            file.execute("BEGIN IMMEDIATE")
            file.executemany(statement, batch)
            file.execute("COMMIT")
        return time.perf_counter() - started


async def _into_postgres(place: Place, columns: Sequence[str], batches: list[list[Row]]) -> float:
    waiting = iter(batches)

    async def write(connection: Any) -> None:
        for batch in waiting:
            await connection.copy_records_to_table(COMMONHOLD.table, records=batch, columns=columns)

    connections = [await asyncpg.connect(place.address) for _ in range(WRITERS)]
    started = time.perf_counter()
    await asyncio.gather(*(write(connection) for connection in connections))
    took = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return took
