"""Many traces out of some: what the service stored is copied, with other ids and at other times.

So whatever its schema is, the copies are rows as it writes them, in every table that knows traces.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from bench.traces.subjects import Backend, Place

IDS = ("trace_id", "span_id", "parent_span_id", "session_id", "feedback_id")
"""Columns that are other in each copy, the same other everywhere."""

TIMES = {"_at": 1, "_ns": 1000}
"""Columns that are moved, by how their names end: microseconds, and nanoseconds."""

NO_TIMES = ("duration_ns",)

BATCH = 100
"""Copies made in one transaction."""

POSTGRES_TABLES = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relnamespace = current_schema()::regnamespace
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
ORDER BY c.relname, a.attnum
"""
SQLITE_TABLES = """
SELECT t.name, c.name, lower(c.type)
FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
WHERE t.schema = 'main' AND t.type = 'table'
  AND NOT (c.pk = 1 AND c.type = 'INTEGER' AND NOT t.wr
           AND (SELECT max(pk) FROM pragma_table_info(t.name)) = 1)
ORDER BY t.name, c.cid
"""
"""Tables and their columns, without those that number themselves."""

Told = Callable[[str], None]


class Sql(Protocol):
    """A connection of either kind."""

    async def run(self, statement: str) -> None: ...

    async def rows(self, query: str) -> list[tuple[Any, ...]]: ...


async def copy(place: Place, first: int, last: int, apart_us: int, told: Told) -> None:
    """Add copies `first` to `last` of every trace that is there before the first copy."""
    async with opened(place) as sql:
        tables = _tables(await sql.rows(LISTS[place.backend]))
        for table in tables:
            if first == 1:
                await sql.run(f"CREATE TABLE {table.source} AS SELECT * FROM {table.name}")
            for start in range(first, last + 1, BATCH):
                end = min(start + BATCH - 1, last)
                told(f"{place.backend}: {table.name}, copy {end:,} of {last:,}")
                await sql.run(table.copying(place.backend, start, end, apart_us))
        await sql.run("VACUUM ANALYZE" if place.backend == "postgres" else "ANALYZE")


LISTS: dict[Backend, str] = {"sqlite": SQLITE_TABLES, "postgres": POSTGRES_TABLES}


@dataclass(frozen=True, slots=True)
class Table:
    """A table and those of its columns that are written, with their types."""

    name: str
    columns: dict[str, str]

    @property
    def source(self) -> str:
        """Where its originals are kept meanwhile."""
        return f"original_{self.name}"

    def copying(self, backend: Backend, first: int, last: int, apart_us: int) -> str:
        """The statement that adds copies `first` to `last`, each so much earlier than the last."""
        values = [_value(backend, *column, apart_us) for column in self.columns.items()]
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)})\n"
            f"WITH RECURSIVE copies (k) AS (SELECT {first} UNION ALL"
            f" SELECT k + 1 FROM copies WHERE k < {last})\n"
            f"SELECT {', '.join(values)} FROM copies CROSS JOIN {self.source}{self._order(backend)}"
        )

    def _order(self, backend: Backend) -> str:
        """SQLite keeps rows by their key: in order it is written from one end to the other."""
        return f" ORDER BY {[*self.columns].index('trace_id') + 1}" if backend == "sqlite" else ""


def _value(backend: Backend, column: str, kind: str, apart_us: int) -> str:
    if column in IDS:
        return renewing(backend, column, kind)
    scale = next((TIMES[end] for end in TIMES if column.endswith(end)), 0)
    if not scale or column in NO_TIMES:
        return column
    return f"{column} - k * CAST({apart_us * scale} AS bigint)"


def renewing(backend: Backend, column: str, kind: str) -> str:
    """The expression of another id, for copy k."""
    if backend == "sqlite":
        return f"renewed({column}, k)"
    if kind == "bytea":
        return f"substr(decode(md5({column}::text || k), 'hex'), 1, length({column}))"
    return f"left(md5({column} || k), length({column}))"


def renewed(old: str | bytes | None, k: int) -> str | bytes | None:
    """For SQLite, another id of the same length."""
    if not old:
        return old
    digest = hashlib.md5(f"{old!r}{k}".encode(), usedforsecurity=False)
    return digest.hexdigest()[: len(old)] if isinstance(old, str) else digest.digest()[: len(old)]


def _tables(rows: list[tuple[Any, ...]]) -> list[Table]:
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in rows:
        found.setdefault(name, {})[column] = kind
    return [
        Table(name, columns)
        for name, columns in found.items()
        if "trace_id" in columns and not name.startswith("original_")
    ]


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Sql]:
    """A connection that does not wait for the disk."""
    if place.backend == "sqlite":
        with closing(sqlite3.connect(place.address, isolation_level=None)) as file:
            file.create_function("renewed", 2, renewed, deterministic=True)
            for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-2000000"):
                file.execute(f"PRAGMA {pragma}")
            yield _Sqlite(file)
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    connection = await asyncpg.connect(place.address)
    try:
        await connection.execute("SET synchronous_commit = off")
        yield _Postgres(connection)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class _Sqlite:
    file: sqlite3.Connection

    async def run(self, statement: str) -> None:
        self.file.execute(statement)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.file.execute(query).fetchall()


@dataclass(frozen=True, slots=True)
class _Postgres:
    connection: Any

    async def run(self, statement: str) -> None:
        await self.connection.execute(statement)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.connection.fetch(query)]
