"""One SQLite connection: how it is opened, and statements on it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar

from commonhold.errors import Unavailable
from commonhold.sql.database import Row, Unit
from commonhold.sql.statement import Command, Statement, check_texts

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
LOCKED_TRIES, LOCKED_PAUSE_S = 50, 0.02
BULK_SIZES = (128, 32, 16, 8, 4, 2, 1)
FLOOR = (3, 37, 0)
"""STRICT tables need this SQLite; RETURNING needs 3.35."""

WAL_PAGES = 8192
"""Pages of 8 KiB after which the log is copied into the file: pages that are written again and
again, those of the indexes, are copied once. The default of 1000 copies at nearly every bulk write."""

_PRAGMAS = (
    "PRAGMA page_size=8192",  # of a new file: half as many are written for each row of a kilobyte
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
    f"PRAGMA wal_autocheckpoint={WAL_PAGES}",
)


class SqliteTx:
    """Statements on one connection, complete when called: awaiting them never suspends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.changed = 0
        self.has_run_script = False

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
        if not rows:
            return 0
        return self._bulk(_first(statement), statement.rows, rows, args)

    async def compound(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> Row | None:
        decide, *others = statement.commands["sqlite"]
        cursor = self._execute(decide, args)
        row: Row | None = cursor.fetchone()
        if row is None:
            return None
        self._count(cursor)
        seen = {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
        known = {**args, **seen}
        for command in others:
            if command.is_bulk:
                self._bulk(command, statement.rows, rows, known)
            else:
                self._count(self._execute(command, known))
        return row

    async def script(self, text: str) -> None:
        """Execute the commands of a migration, each ending a line, inside the transaction."""
        self.has_run_script = True
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
        # Many rows per execution: each one gives up the interpreter and has to get it back.
        check_texts(columns, rows)
        picked = command.picked(columns, rows)
        done = changed = 0
        while done < len(rows):
            size = next(size for size in BULK_SIZES if size <= len(rows) - done)
            compiled = command.shape(args, size)
            values = compiled.bulk_values(args, picked[done : done + size])
            changed += self._count(self._connection.execute(compiled.text, values))
            done += size
        return changed

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
        _patiently(connection, pragma)
    return connection


def _patiently(connection: sqlite3.Connection, pragma: str) -> None:
    """Two processes that open a new file change its journal mode at once, and SQLite does not wait.

    Raises:
        sqlite3.Error: it is locked for longer than that takes.
    """
    for _ in range(LOCKED_TRIES):
        try:
            connection.execute(pragma)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(LOCKED_PAUSE_S)
        else:
            return
    connection.execute(pragma)


def check_version() -> None:
    if sqlite3.sqlite_version_info < FLOOR:
        floor = ".".join(map(str, FLOOR))
        raise Unavailable(
            f"SQLite {floor} or newer is needed; this Python has {sqlite3.sqlite_version}."
        )
