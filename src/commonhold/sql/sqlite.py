"""SQLite: one writer thread, many readers.

A write is a unit of work sent to the writer thread and driven to its end there. Reads see the last
commit (WAL) and never wait for the writer. Statements that touch a bounded handful of pages run on
the event loop: a hop to a thread costs ten times what they do.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from commonhold.errors import Closed, Unsupported
from commonhold.sql.connection import ReadTx, check_version, open_connection
from commonhold.sql.database import FEW, Listener, Row, Unit
from commonhold.sql.failures import from_sqlite
from commonhold.sql.statement import Statement
from commonhold.sql.writer import SqliteWriter

T = TypeVar("T")

READERS = 4

READER_CACHE_KIB = 4096
"""Pages that each reading thread keeps; the file is in the system's cache anyhow."""


class SqliteDatabase:
    """A SQLite file, or one in memory, behind the `Database` protocol."""

    few_rows = FEW
    writers = 1
    has_partitions = False
    has_neighbours = False
    look_every_s = 1.0

    def __init__(self, path: str, *, readers: int = READERS, queue_limit: int = 1024) -> None:
        self.path = path
        self._in_memory = path == ":memory:"
        self._closed = False
        check_version()
        try:
            self._writer = SqliteWriter(open_connection(path), queue_limit)
        except sqlite3.Error as error:
            raise from_sqlite(error) from error
        self._readers = ThreadPoolExecutor(readers, "commonhold-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._hot: sqlite3.Connection | None = None

    def within(self, _tenant: str, /) -> SqliteDatabase:
        return self

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        if statement.writes or self._in_memory:
            return await self._writer.submit(lambda tx: tx.one(statement, **args))
        if statement.is_hot:
            return self._read_here(lambda tx: tx.fetch_one(statement, args))
        return await self._read(lambda tx: tx.fetch_one(statement, args))

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        if self._in_memory:
            return await self._writer.submit(lambda tx: tx.all(statement, **args))
        return await self._read(lambda tx: tx.fetch_all(statement, args))

    async def few(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        if self._in_memory:
            return await self._writer.submit(lambda tx: tx.all(statement, **args))
        return self._read_here(lambda tx: tx.fetch_all(statement, args))

    async def run(self, statement: Statement, /, **args: Any) -> int:
        return await self._writer.submit(lambda tx: tx.run(statement, **args))

    async def write(self, unit: Unit[T], /) -> T:
        return await self._writer.submit(unit)

    async def read(self, unit: Unit[T], /) -> T:
        if self._in_memory:
            return await self._writer.submit(unit)
        return await self._read(lambda tx: tx.in_one_view(unit))

    async def optimistic(self, unit: Unit[T], /) -> T:
        return await self._writer.submit(unit)

    async def check(self) -> None:
        if self._closed:
            raise Closed
        if not self._in_memory:
            await self._read(lambda tx: tx.ping())

    async def notify(self, text: str, /) -> None:
        raise Unsupported("SQLite tells other processes nothing.")

    def listen(self, heard: Callable[[str | None], None], /) -> Listener:
        raise Unsupported("SQLite hears nothing of other processes.")

    def stats(self) -> Mapping[str, float]:
        return {
            "write_queue_depth": self._writer.depth,
            "rows_written_total": self._writer.rows_written,
            "commits_total": self._writer.commits,
        }

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._writer.close()

    def _read_here(self, work: Callable[[ReadTx], T]) -> T:
        if self._closed:
            raise Closed
        try:
            if self._hot is None:
                self._hot = self._open_reader()
            return work(ReadTx(self._hot))
        except Exception as error:
            raise from_sqlite(error) from error

    async def _read(self, work: Callable[[ReadTx], T]) -> T:
        if self._closed:
            raise Closed
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read_in_thread, work)

    def _read_in_thread(self, work: Callable[[ReadTx], T]) -> T:
        try:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._open_reader()
                # It reads much and keeps little: the long history of one is of no use to the next.
                connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
            return work(ReadTx(connection))
        except Exception as error:
            raise from_sqlite(error) from error

    def _open_reader(self) -> sqlite3.Connection:
        connection = open_connection(self.path)
        connection.execute("PRAGMA query_only=ON")
        self._opened.append(connection)
        return connection
