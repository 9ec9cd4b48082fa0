"""Postgres: one asyncpg pool for all stores.

Pooled connections hold no session state, so nothing is reset when one is given back; LISTEN and
migrations use connections of their own. A unit that loses against another one (serialization
failure, deadlock) is run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from commonhold.errors import (
    Closed,
    CommonholdError,
    Conflict,
    Internal,
    InvalidRequest,
    SchemaOutdated,
    StorageFull,
    Unavailable,
)
from commonhold.sql.database import Listener, Row, Unit
from commonhold.sql.listener import NOTIFY, PostgresListener
from commonhold.sql.statement import Command, Copy, Statement, check_texts

T = TypeVar("T")

TRIES = 5
"""Runs of a unit before a serialization failure or a deadlock is given back."""

ACQUIRE_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 30.0

_LOST = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalClientError,
)


class PostgresTx:
    """Statements on one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.changed = 0

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        compiled = _command(statement).shape(args)
        row: Row | None = await self._connection.fetchrow(compiled.text, *compiled.values(args))
        if statement.writes and row is not None:
            self.changed += 1
        return row

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        compiled = _command(statement).shape(args)
        rows: Sequence[Row] = await self._connection.fetch(compiled.text, *compiled.values(args))
        return rows

    async def run(self, statement: Statement, /, **args: Any) -> int:
        compiled = _command(statement).shape(args)
        tag = await self._connection.execute(compiled.text, *compiled.values(args))
        return self._count(tag)

    async def many(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> int:
        if not rows:
            return 0
        if statement.copy is not None:
            return await self._copy(statement, statement.copy, rows, args)
        return await self.run(statement, **args, **_columns(statement, rows))

    async def _copy(
        self,
        statement: Statement,
        copy: Copy,
        rows: Sequence[Sequence[Any]],
        args: Mapping[str, Any],
    ) -> int:
        check_texts(statement.rows, rows)
        given = tuple([args[name] for name in copy.given])
        tag = await self._connection.copy_records_to_table(
            copy.table, records=[(*given, *row) for row in rows], columns=copy.columns
        )
        return self._count(tag)

    async def compound(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> Row | None:
        row = await self.one(statement, **args, **_columns(statement, rows))
        if row is not None:
            self.changed += len(rows)
        return row

    def transaction(self, **options: Any) -> AbstractAsyncContextManager[Any]:
        """BEGIN ... COMMIT around a block."""
        transaction: AbstractAsyncContextManager[Any] = self._connection.transaction(**options)
        return transaction

    async def script(self, text: str, /) -> None:
        """Execute the commands of a migration."""
        await self._connection.execute(text)

    async def query(self, text: str, /, *values: Any) -> Sequence[Row]:
        """Rows of a command that is not a named statement: introspection and migrations."""
        rows: Sequence[Row] = await self._connection.fetch(text, *values)
        return rows

    def _count(self, tag: str) -> int:
        last = tag.rpartition(" ")[2]
        count = int(last) if last.isdigit() else 0
        self.changed += count
        return count


def _command(statement: Statement) -> Command:
    return statement.commands["postgres"][0]


def _columns(statement: Statement, rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Bulk rows turned into one array per column, NULs refused as everywhere."""
    check_texts(statement.rows, rows)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(statement.rows)
    return {name: list(column) for name, column in zip(statement.rows, columns, strict=True)}


class PostgresDatabase:
    """A Postgres database behind the `Database` protocol."""

    few_rows = 1000
    writers = 3
    has_partitions = True
    has_neighbours = True
    look_every_s = 5.0

    def __init__(self, pool: Any, waiters: int, dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._waiting = 0
        self._waiters = waiters
        self._rows_written = 0
        self._closed = False

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        pool_size: int,
        statement_cache_size: int,
        waiters: int,
        command_timeout_s: float | None = COMMAND_TIMEOUT_S,
    ) -> PostgresDatabase:
        """Connect; no `command_timeout_s` lets migrations take the time they need.

        Raises:
            Unavailable: the server cannot be reached or refuses the login.
            InvalidRequest: the URL is not usable.
        """
        dsn, options = split_url(url)
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=int(options.get("pool_size", pool_size)),
                statement_cache_size=int(options.get("statement_cache_size", statement_cache_size)),
                max_inactive_connection_lifetime=600,
                command_timeout=command_timeout_s,
                timeout=10,
                reset=_keep,
                server_settings={"application_name": "commonhold", "jit": "off"},
            )
        except Exception as error:
            raise from_postgres(error) from error
        return cls(pool, waiters, dsn)

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        async with self._tx() as tx:
            return await tx.one(statement, **args)

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        async with self._tx() as tx:
            return await tx.all(statement, **args)

    async def few(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        return await self.all(statement, **args)

    async def run(self, statement: Statement, /, **args: Any) -> int:
        async with self._tx() as tx:
            return await tx.run(statement, **args)

    async def write(self, unit: Unit[T], /) -> T:
        for _ in range(TRIES - 1):
            try:
                return await self._write_once(unit)
            except _Lost:
                await asyncio.sleep(0)
        return await self._write_once(unit)

    async def _write_once(self, unit: Unit[T]) -> T:
        async with self._tx() as tx, tx.transaction():
            return await unit(tx)

    async def read(self, unit: Unit[T], /) -> T:
        async with (
            self._tx() as tx,
            tx.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await unit(tx)

    async def optimistic(self, unit: Unit[T], /) -> T:
        async with self._tx() as tx:
            return await unit(tx)

    async def check(self) -> None:
        async with self._tx() as tx:
            await tx.query("SELECT 1")

    async def notify(self, text: str, /) -> None:
        async with self._tx() as tx:
            await tx.query(NOTIFY, text)

    def listen(self, heard: Callable[[str | None], None], /) -> Listener:
        return PostgresListener(self._dsn, heard)

    def stats(self) -> Mapping[str, float]:
        return {
            "pool_size": self._pool.get_size(),
            "pool_idle": self._pool.get_idle_size(),
            "pool_waiting": self._waiting,
            "rows_written_total": self._rows_written,
        }

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await asyncio.wait_for(self._pool.close(), COMMAND_TIMEOUT_S)
        except (TimeoutError, *_GONE):
            self._pool.terminate()

    @asynccontextmanager
    async def _tx(self) -> AsyncIterator[PostgresTx]:
        """A connection for one call; whatever goes wrong leaves as an error of ours."""
        connection = None
        try:
            connection = await self._acquire()
            tx = PostgresTx(connection)
            yield tx
            self._rows_written += tx.changed
        except CommonholdError:
            raise
        except Exception as error:
            raise from_postgres(error) from error
        finally:
            if connection is not None:
                await self._release(connection)

    async def _acquire(self) -> Any:
        if self._closed:
            raise Closed
        if self._waiting >= self._waiters:
            raise Unavailable("Too many requests wait for a connection. Try again.")
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable("No database connection became free in time. Try again.") from None
        finally:
            self._waiting -= 1

    async def _release(self, connection: Any) -> None:
        try:
            await self._pool.release(connection)
        except _GONE:  # it broke while we held it; the pool has already dropped it
            return


class _Lost(Conflict):
    """Another transaction was faster; the unit may be run again."""


async def _keep(connection: Any) -> None:
    """Pooled connections hold no session state: nothing to reset."""


def split_url(url: str) -> tuple[str, dict[str, str]]:
    """The URL for the driver, and the options in it that are ours.

    Everything else is passed through unparsed, so that the driver's own precedence survives.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    ours = {"pool_size", "statement_cache_size"}
    options = {name: value for name, value in query if name in ours}
    if bad := [name for name, value in options.items() if not value.isdigit()]:
        raise InvalidRequest(f"{bad[0]} in the database URL must be a whole number.")
    rest = urlencode([(name, value) for name, value in query if name not in ours])
    return urlunsplit(parts._replace(query=rest)), options


def from_postgres(error: Exception) -> CommonholdError:
    """The error of our own that an exception of asyncpg stands for."""
    if isinstance(error, CommonholdError):
        return error
    for kinds, make in _MEANINGS:
        if isinstance(error, kinds):
            return make(error)
    return Internal()


def _taken(error: Any) -> CommonholdError:
    return Conflict(f"The database refused the row: {error.constraint_name} is taken.")


_MEANINGS: Sequence[tuple[tuple[type[Exception], ...], Callable[[Exception], CommonholdError]]] = (
    (_LOST, lambda _: _Lost("Other writers were faster again and again. Try again.")),
    ((asyncpg.DiskFullError,), lambda _: StorageFull()),
    ((asyncpg.UniqueViolationError,), _taken),
    (
        (asyncpg.IntegrityConstraintViolationError,),
        lambda _: Conflict("The database refused the row."),
    ),
    ((asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError), lambda _: SchemaOutdated()),
    (
        (asyncpg.DataError, UnicodeError, OverflowError),
        lambda _: InvalidRequest("A number or a text is outside of what the database can hold."),
    ),
    (
        (asyncpg.InvalidAuthorizationSpecificationError,),
        lambda _: Unavailable("The database refused the login. Check user and password."),
    ),
    (
        (asyncpg.InvalidCatalogNameError,),
        lambda _: Unavailable("The database does not exist on that server. Create it first."),
    ),
    (
        (asyncpg.ReadOnlySQLTransactionError,),
        lambda _: Unavailable("The database is read-only now. Try again."),
    ),
    (
        (asyncpg.exceptions.ClientConfigurationError, ValueError),
        lambda _: InvalidRequest("The database URL cannot be used: check host, port, options."),
    ),
    (_GONE, lambda _: Unavailable("The database cannot be reached. Try again.")),
)
"""What each exception means, most specific first."""
