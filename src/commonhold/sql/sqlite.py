"""SQLite: one writer thread, many readers.

A write is a unit of work sent to the writer thread and driven to its end there. Units that queue
up while a commit is under way share the next one: each runs in a savepoint of its own, so a unit
that fails takes nothing with it, and all are acknowledged after the one fsync. Reads see the last
commit (WAL) and never wait for the writer. Statements that touch a bounded handful of pages run on
the event loop: a hop to a thread costs ten times what they do.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from commonhold.errors import Closed, Unavailable
from commonhold.sql.database import Row, Unit
from commonhold.sql.failures import from_sqlite
from commonhold.sql.statement import Command, Statement

T = TypeVar("T")

BATCH = 128
"""Most units that share one commit: bounds the delay of the first."""

READERS = 4
BUSY_TIMEOUT_MS = 5000
FLOOR = (3, 37, 0)
"""STRICT tables need this SQLite; RETURNING needs 3.35."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
)


class SqliteTx:
    """Statements on one connection, complete when called: awaiting them never suspends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.changed = 0

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        return self.fetch_one(statement, args)

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        return self.fetch_all(statement, args)

    async def run(self, statement: Statement, /, **args: Any) -> int:
        cursor = self._execute(_first(statement), args)
        return self._count(cursor)

    async def many(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> int:
        return self._bulk(_first(statement), statement.rows, rows, args)

    async def compound(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> Row | None:
        decide, *between, insert = statement.commands["sqlite"]
        cursor = self._execute(decide, args)
        row: Row | None = cursor.fetchone()
        if row is None:
            return None
        self._count(cursor)
        seen = {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
        known = {**args, **seen}
        for command in between:
            self._count(self._execute(command, known))
        self._bulk(insert, statement.rows, rows, known)
        return row

    async def script(self, text: str) -> None:
        """Execute the commands of a migration one by one, inside the transaction."""
        command = ""
        for line in text.splitlines(keepends=True):
            command += line
            if sqlite3.complete_statement(command):
                self._connection.execute(command)
                command = ""

    async def query(self, text: str, *values: Any) -> Sequence[Row]:
        """Rows of a command that is not a named statement: introspection and migrations."""
        return self._connection.execute(text, values).fetchall()

    def fetch_one(self, statement: Statement, args: Mapping[str, Any]) -> Row | None:
        cursor = self._execute(_first(statement), args)
        row: Row | None = cursor.fetchone()
        if statement.writes:
            cursor.fetchall()  # RETURNING: the statement is done only when it is drained
            self._count(cursor)
        return row

    def fetch_all(self, statement: Statement, args: Mapping[str, Any]) -> Sequence[Row]:
        return self._execute(_first(statement), args).fetchall()

    def _execute(self, command: Command, args: Mapping[str, Any]) -> sqlite3.Cursor:
        compiled = command.shape(args)
        return self._connection.execute(compiled.text, compiled.values(args))

    def _bulk(
        self,
        command: Command,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        args: Mapping[str, Any],
    ) -> int:
        if not rows:
            return 0
        first = {**args, **dict(zip(columns, rows[0], strict=True))}
        compiled = command.shape(first)
        values = (compiled.values({**args, **dict(zip(columns, row, strict=True))}) for row in rows)
        return self._count(self._connection.executemany(compiled.text, values))

    def _count(self, cursor: sqlite3.Cursor) -> int:
        count = max(cursor.rowcount, 0)
        self.changed += count
        return count


def _first(statement: Statement) -> Command:
    return statement.commands["sqlite"][0]


def drive(work: Awaitable[T]) -> T:
    """Run a unit to its end here and now.

    Raises:
        RuntimeError: the unit awaited something else than its `tx`.
    """
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as done:
        result: T = done.value
        return result
    steps.throw(RuntimeError("a unit of work may await nothing but its tx"))
    raise AssertionError("unreachable")


@dataclass(slots=True)
class _Job:
    unit: Unit[Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    context: contextvars.Context
    result: Any = None
    error: BaseException | None = None

    def finish(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteWriter:
    """The one thread that writes: takes what is queued, runs it, commits once, answers all."""

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._queue: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self.rows_written = 0
        self.commits = 0
        self._thread = threading.Thread(target=self._serve, name="commonhold-writer", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Units waiting for the writer."""
        return len(self._queue)

    async def submit(self, unit: Unit[T]) -> T:
        """Run a unit and return its result once it is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = _Job(unit, future, loop, contextvars.copy_context())
        with self._wake:
            if self._closing:
                raise Closed
            if len(self._queue) >= self._limit:
                raise Unavailable("The write queue is full. Nothing was written; try again.")
            self._queue.append(job)
            self._wake.notify()
        return await future

    def close(self) -> None:
        """Refuse new units, finish the queued ones, and end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _serve(self) -> None:
        try:
            while batch := self._take():
                self._run_batch(self._connection, batch)
        finally:
            self._connection.close()

    def _take(self) -> list[_Job]:
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            count = min(len(self._queue), BATCH)
            return [self._queue.popleft() for _ in range(count)]

    def _run_batch(self, connection: sqlite3.Connection, batch: list[_Job]) -> None:
        live = [job for job in batch if not job.future.cancelled()]
        if not self._commit_together(connection, live):
            for job in live:
                self._commit_together(connection, [job])
        _answer(live)

    def _commit_together(self, connection: sqlite3.Connection, batch: list[_Job]) -> bool:
        """Run a batch in one transaction; False when it was lost as a whole and may be retried."""
        tx = SqliteTx(connection)
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                self._run_one(connection, tx, job, alone=len(batch) == 1)
                if not connection.in_transaction:
                    raise sqlite3.OperationalError("the transaction was rolled back")
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  (whatever it is, every waiter must hear of it)
            _rollback(connection)
            if len(batch) > 1:
                return False
            for job in batch:
                job.error = job.error or from_sqlite(error)
            return True
        self.rows_written += tx.changed
        self.commits += 1
        return True

    def _run_one(
        self, connection: sqlite3.Connection, tx: SqliteTx, job: _Job, *, alone: bool
    ) -> None:
        job.error = None
        if not alone:
            connection.execute("SAVEPOINT unit")
        try:
            job.result = job.context.run(drive, job.unit(tx))
        except Exception as error:
            job.error = from_sqlite(error)
            job.error.__cause__ = error if job.error is not error else None
            if alone:
                raise
            if connection.in_transaction:
                connection.execute("ROLLBACK TO unit")
        if not alone and connection.in_transaction:
            connection.execute("RELEASE unit")


def _rollback(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _answer(batch: Sequence[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_finish_all, jobs)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _finish_all(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.finish()


class SqliteDatabase:
    """A SQLite file, or one in memory, behind the `Database` protocol."""

    def __init__(self, path: str, *, readers: int = READERS, queue_limit: int = 1024) -> None:
        self.path = path
        self._in_memory = path == ":memory:"
        self._closed = False
        _check_version()
        try:
            self._writer = SqliteWriter(open_connection(path), queue_limit)
        except sqlite3.Error as error:
            raise from_sqlite(error) from error
        self._readers = ThreadPoolExecutor(readers, "commonhold-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._hot: sqlite3.Connection | None = None

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        if statement.writes or self._in_memory:
            return await self._writer.submit(lambda tx: tx.one(statement, **args))
        if statement.is_hot:
            return self._read_here(statement, args)
        return await self._read(lambda tx: tx.fetch_one(statement, args))

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        if self._in_memory:
            return await self._writer.submit(lambda tx: tx.all(statement, **args))
        return await self._read(lambda tx: tx.fetch_all(statement, args))

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

    def _read_here(self, statement: Statement, args: Mapping[str, Any]) -> Row | None:
        if self._closed:
            raise Closed
        try:
            if self._hot is None:
                self._hot = self._open_reader()
            return ReadTx(self._hot).fetch_one(statement, args)
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
            return work(ReadTx(connection))
        except Exception as error:
            raise from_sqlite(error) from error

    def _open_reader(self) -> sqlite3.Connection:
        connection = open_connection(self.path)
        connection.execute("PRAGMA query_only=ON")
        self._opened.append(connection)
        return connection


class ReadTx(SqliteTx):
    """Reads on a connection that refuses writes."""

    def in_one_view(self, unit: Unit[T]) -> T:
        """Run a unit in a read transaction."""
        self._connection.execute("BEGIN")
        try:
            return drive(unit(self))
        finally:
            self._connection.execute("ROLLBACK")

    def ping(self) -> None:
        """Ask the file for its header."""
        self._connection.execute("PRAGMA schema_version").fetchone()


def open_connection(path: str) -> sqlite3.Connection:
    """A connection with every pragma set, transactions ours to begin and end.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def _check_version() -> None:
    if sqlite3.sqlite_version_info < FLOOR:
        floor = ".".join(map(str, FLOOR))
        raise Unavailable(
            f"SQLite {floor} or newer is needed; this Python has {sqlite3.sqlite_version}."
        )
