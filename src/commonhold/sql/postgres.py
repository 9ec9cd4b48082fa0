"""Postgres: one asyncpg pool for all stores, or two where a wall stands between tenants.

Pooled connections hold no session state, so nothing is reset when one is given back; LISTEN and
migrations use connections of their own. A unit that loses against another one (serialization
failure, deadlock) is run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from commonhold.errors import Closed, CommonholdError, InvalidRequest, Unavailable
from commonhold.sql.database import Listener, Row, Unit
from commonhold.sql.listener import NOTIFY, PostgresListener
from commonhold.sql.postgres_failures import GONE, Lost, from_postgres
from commonhold.sql.statement import Command, Copy, Statement, check_texts
from commonhold.sql.wall import behind_wall

T = TypeVar("T")

TRIES = 5
"""Runs of a unit before a serialization failure or a deadlock is given back."""

ACQUIRE_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 30.0


class PostgresTx:
    """Statements on one connection; with a `tenant`, each is sent from behind the wall."""

    def __init__(self, connection: Any, tenant: str | None = None) -> None:
        self._connection = connection
        self._tenant = tenant
        self.changed = 0

    async def one(self, statement: Statement, /, **args: Any) -> Row | None:
        text, values = self._sent(statement, args)
        row: Row | None = await self._connection.fetchrow(text, *values)
        if statement.writes and row is not None:
            self.changed += 1
        return row

    async def all(self, statement: Statement, /, **args: Any) -> Sequence[Row]:
        text, values = self._sent(statement, args)
        rows: Sequence[Row] = await self._connection.fetch(text, *values)
        return rows

    async def run(self, statement: Statement, /, **args: Any) -> int:
        text, values = self._sent(statement, args)
        return self._count(await self._connection.execute(text, *values))

    async def many(
        self, statement: Statement, rows: Sequence[Sequence[Any]], /, **args: Any
    ) -> int:
        if not rows:
            return 0
        if statement.copy is not None and self._tenant is None:  # row security refuses COPY
            return await self._copy(statement, statement.copy, rows, args)
        return await self.run(statement, **args, **_columns(statement, rows))

    async def _copy(
        self,
        statement: Statement,
        copy: Copy,
        rows: Sequence[Sequence[Any]],
        args: Mapping[str, Any],
    ) -> int:
        given = tuple([args[name] for name in copy.given])
        # One by one, as thousands of new tuples at once would set off the garbage collector.
        records = ((*given, *row) for row in rows)
        try:
            tag = await self._connection.copy_records_to_table(
                copy.table, records=records, columns=copy.columns
            )
        except asyncpg.CharacterNotInRepertoireError:
            check_texts(statement.rows, rows)  # which of them it was
            raise
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

    def _sent(self, statement: Statement, args: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """The text for the server, and its parameters."""
        compiled = _command(statement).shape(args)
        values = compiled.values(args)
        if self._tenant is None:
            return compiled.text, values
        return behind_wall(compiled.text, len(values) + 1), (*values, self._tenant)

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


@dataclass(slots=True)
class _Load:
    """What goes on in one pool, whoever uses it."""

    waiting: int = 0
    rows_written: int = 0
    is_closed: bool = False


class PostgresDatabase:
    """A Postgres database behind the `Database` protocol.

    `served`, when there is one, is a pool of a role that sees one tenant at a time: what is done
    `within` a tenant goes there, and everything else does not. `tenant` is the one it is within.
    """

    few_rows = 1000
    writers = 2
    has_partitions = True
    has_neighbours = True
    look_every_s = 5.0

    def __init__(self, pool: Any, waiters: int, dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._waiters = waiters
        self._load = _Load()
        self.tenant: str | None = None
        self.served: PostgresDatabase | None = None

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

    def within(self, tenant: str, /) -> PostgresDatabase:
        if self.served is None:
            return self
        seen = copy(self.served)
        seen.tenant = tenant
        return seen

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
            except Lost:
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
        if self.served is not None:
            await self.served.check()

    async def notify(self, text: str, /) -> None:
        async with self._tx() as tx:
            await tx.query(NOTIFY, text)

    def listen(self, heard: Callable[[str | None], None], /) -> Listener:
        return PostgresListener(self._dsn, heard)

    def stats(self) -> Mapping[str, float]:
        numbers = {
            "pool_size": self._pool.get_size(),
            "pool_idle": self._pool.get_idle_size(),
            "pool_waiting": self._load.waiting,
            "rows_written_total": self._load.rows_written,
        }
        more = {} if self.served is None else self.served.stats()
        return {name: count + more.get(name, 0) for name, count in numbers.items()}

    async def aclose(self) -> None:
        if self._load.is_closed:
            return
        self._load.is_closed = True
        if self.served is not None:
            await self.served.aclose()
        try:
            await asyncio.wait_for(self._pool.close(), COMMAND_TIMEOUT_S)
        except (TimeoutError, *GONE):
            self._pool.terminate()

    @asynccontextmanager
    async def _tx(self) -> AsyncIterator[PostgresTx]:
        """A connection for one call; whatever goes wrong leaves as an error of ours."""
        connection = None
        try:
            connection = await self._acquire()
            tx = PostgresTx(connection, self.tenant)
            yield tx
            self._load.rows_written += tx.changed
        except CommonholdError:
            raise
        except Exception as error:
            raise from_postgres(error) from error
        finally:
            if connection is not None:
                await self._release(connection)

    async def _acquire(self) -> Any:
        if self._load.is_closed:
            raise Closed
        if self._load.waiting >= self._waiters:
            raise Unavailable("Too many requests wait for a connection. Try again.")
        self._load.waiting += 1
        try:
            return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable("No database connection became free in time. Try again.") from None
        finally:
            self._load.waiting -= 1

    async def _release(self, connection: Any) -> None:
        try:
            await self._pool.release(connection)
        except GONE:  # it broke while we held it; the pool has already dropped it
            return


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
