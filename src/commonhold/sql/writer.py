"""The one thread that writes to a SQLite database.

Units that queue up while a commit is under way share the next one, and are acknowledged after its
one fsync. When a unit fails and has changed something, the shared transaction is undone and each
unit is run in one of its own: a unit that fails takes nothing with it.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from commonhold.errors import Closed, Unavailable
from commonhold.sql.connection import SqliteTx, drive
from commonhold.sql.database import Unit
from commonhold.sql.failures import from_sqlite

T = TypeVar("T")

BATCH = 128
"""Most units that share one commit: bounds the delay of the first."""

GATHER_S = 0.001
"""How long a commit may wait, in seconds, for as many units as the last one had: who was just
answered is about to ask again. A lone writer never waits."""


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
        self._goal = 1
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
            if len(self._queue) == 1 or len(self._queue) >= self._goal:
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
            if len(self._queue) < self._goal and not self._closing:
                self._wake.wait(GATHER_S)
            count = self._goal = min(len(self._queue), BATCH)
            return [self._queue.popleft() for _ in range(count)]

    def _run_batch(self, connection: sqlite3.Connection, batch: list[_Job]) -> None:
        live = [job for job in batch if not job.future.cancelled()]
        if not self._commit_together(connection, live):
            for job in live:
                self._commit_together(connection, [job])
        _answer(live)

    def _commit_together(self, connection: sqlite3.Connection, batch: list[_Job]) -> bool:
        """Run a batch in one transaction; False when it was undone as a whole and may be retried."""
        tx = SqliteTx(connection)
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                _run(connection, tx, job)
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


def _run(connection: sqlite3.Connection, tx: SqliteTx, job: _Job) -> None:
    """Run one unit; it raises only when what it left behind spoils the transaction.

    A unit that fails has mostly changed nothing yet, and then its neighbours need no protection.
    A savepoint around each would cost two more statements, and at each one the interpreter.
    """
    job.error = None
    before = connection.total_changes
    try:
        job.result = job.context.run(drive, job.unit(tx))
    except Exception as error:
        job.error = from_sqlite(error)
        job.error.__cause__ = error if job.error is not error else None
        if connection.total_changes != before or tx.has_run_script:
            raise
    if not connection.in_transaction:
        raise sqlite3.OperationalError("the transaction was rolled back")


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
