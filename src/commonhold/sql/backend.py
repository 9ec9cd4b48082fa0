"""A SQL database as a backend of all three surfaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from commonhold.errors import InvalidRequest, SchemaOutdated, Unsupported
from commonhold.model.scope import ANYONE, Scope
from commonhold.sql import introspect, steps, wall_check
from commonhold.sql.database import Database
from commonhold.sql.dialect import DialectName
from commonhold.sql.eraser import Eraser
from commonhold.sql.erasures import SqlErasures
from commonhold.sql.feedback import SqlFeedback
from commonhold.sql.logs import Memory
from commonhold.sql.meter import DailyLimits
from commonhold.sql.partitions import make_ahead
from commonhold.sql.reading import Beside
from commonhold.sql.sessions import SqlSessions
from commonhold.sql.sqlite import SqliteDatabase
from commonhold.sql.steps import SchemaStatus, Step
from commonhold.sql.traces import FORWARD, INDEX, SqlTraces, TraceMemory
from commonhold.sql.wall import raise_wall
from commonhold.sql.webhooks import SqlWebhooks

ACROSS = 4
"""Connections that work across tenants, at most: few do, and briefly."""


@dataclass(frozen=True, slots=True)
class SqlOptions:
    """How a database is opened.

    `pool_size` is the most Postgres connections; `statement_cache_size` 0 suits a pooler in
    transaction mode; `queue_limit` bounds what waits: units for the SQLite writer, requests for a
    Postgres connection. `forwards` plans for every span that it is sent on. `decoders`
    processes read what exporters send; with none of them this one does. `maintenance` is the URL
    of a role that works across tenants, where the role of the database itself sees one at a time.
    `limits` are what one agent may send in a day.
    """

    pool_size: int = 10
    statement_cache_size: int = 512
    queue_limit: int = 1024
    forwards: bool = False
    decoders: int = 0
    maintenance: str = ""
    limits: DailyLimits | None = None


class SqlBackend:
    """`contract.stores.Backend` on SQLite or Postgres."""

    def __init__(
        self,
        database: Database,
        dialect: DialectName,
        scope: Scope = ANYONE,
        memory: Memory | None = None,
        trace_memory: TraceMemory | None = None,
    ) -> None:
        self.database = database
        self.dialect: DialectName = dialect
        self._memory = memory or Memory(database)
        self.trace_memory = trace_memory or TraceMemory(database)
        own = database.within(scope.tenant)
        self.sessions = SqlSessions(own, scope, self._memory)
        self.traces = SqlTraces(own, scope, self.trace_memory)
        self.feedback = SqlFeedback(own, scope)
        self.webhooks = SqlWebhooks(own, scope)
        self.eraser = Eraser(database, self.trace_memory.index, self._memory.forget)
        self.erasures = SqlErasures(own, scope, self.eraser)

    def bind(self, scope: Scope, /) -> SqlBackend:
        """The same database, seen and written on behalf of `scope`."""
        return SqlBackend(self.database, self.dialect, scope, self._memory, self.trace_memory)

    async def check(self) -> None:
        """Return when the database answers and its schema is current."""
        await self.database.check()
        status = await self.status()
        if not status.is_current:
            raise SchemaOutdated(
                f"The database schema is at version {status.current}; this version needs "
                f"{status.expected}. Run `commonhold db upgrade`."
            )

    async def status(self) -> SchemaStatus:
        """Where the schema stands."""
        return await self.database.read(lambda tx: steps.read_status(tx, self.dialect))

    async def upgrade(self, progress: Callable[[Step], None] | None = None) -> tuple[Step, ...]:
        """Bring the schema to this version; the steps that were needed."""
        return await steps.apply_all(self.database, self.dialect, progress)

    async def verify(self) -> tuple[str, ...]:
        """What is wrong with the schema or the file, in sentences; nothing when all is well."""
        return await introspect.verify(self.database, self.dialect)

    async def secure(self, app: str) -> int:
        """Raise the wall between tenants, for the role `app` to work behind; how many tables.

        Raises:
            Unsupported: SQLite has none.
            InvalidRequest: that role does not exist, or passes by the wall.
        """
        if self.dialect == "sqlite":
            raise Unsupported("SQLite keeps no tenants apart. Several of them need Postgres.")
        return await raise_wall(self.database, app)

    async def wall_problems(self) -> tuple[str, ...]:
        """What is wrong with the wall between tenants, in sentences that say what to do."""
        return await wall_check.problems(self.database.within(""), self.database)

    async def wall_advice(self) -> str:
        """What would make the service quicker behind that wall; empty when nothing would."""
        return await wall_check.advice(self.database)

    async def aclose(self) -> None:
        """Finish what is in flight and close."""
        await self._memory.bell.aclose()
        await self.trace_memory.reading.aclose()
        await self.database.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def open_backend(
    url: str,
    *,
    upgrade: bool = True,
    options: SqlOptions | None = None,
    command_timeout_s: float | None = 30.0,
) -> SqlBackend:
    """Open `sqlite:///path`, `sqlite:///:memory:` or `postgresql://...`.

    With `upgrade` the schema is brought to this version first.

    Raises:
        InvalidRequest: the URL is not one of these.
        Unavailable: the database cannot be opened.
    """
    backend = await _connect(url, options or SqlOptions(), command_timeout_s)
    try:
        if upgrade:
            await backend.upgrade()
            await make_ahead(backend.database)
    except BaseException:
        await backend.aclose()
        raise
    return backend


async def _connect(url: str, options: SqlOptions, command_timeout_s: float | None) -> SqlBackend:
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return _backend(_open_sqlite(url, options), "sqlite", options)
    if scheme in ("postgresql", "postgres"):
        # The driver is an extra: only who names Postgres needs it.
        from commonhold.sql.postgres import PostgresDatabase  # noqa: PLC0415

        async def opened(address: str, pool_size: int) -> PostgresDatabase:
            return await PostgresDatabase.open(
                address,
                pool_size=pool_size,
                statement_cache_size=options.statement_cache_size,
                waiters=options.queue_limit,
                command_timeout_s=command_timeout_s,
            )

        if not options.maintenance:
            return _backend(await opened(url, options.pool_size), "postgres", options)
        database = await opened(options.maintenance, min(options.pool_size, ACROSS))
        try:
            database.served = await opened(url, options.pool_size)
        except BaseException:
            await database.aclose()
            raise
        return _backend(database, "postgres", options)
    raise InvalidRequest(f"{scheme}: is not a SQL database; use sqlite:///... or postgresql://...")


def _backend(database: Database, dialect: DialectName, options: SqlOptions) -> SqlBackend:
    jobs = (INDEX, FORWARD) if options.forwards else (INDEX,)
    reading = Beside(options.decoders) if options.decoders else None
    return SqlBackend(
        database, dialect, trace_memory=TraceMemory(database, jobs, reading, options.limits)
    )


def _open_sqlite(url: str, options: SqlOptions) -> SqliteDatabase:
    path = sqlite_path(url)
    if path != ":memory:" and not Path(path).absolute().parent.is_dir():
        raise InvalidRequest(f"The folder of {path} does not exist. Create it first.")
    return SqliteDatabase(path, queue_limit=options.queue_limit)


def sqlite_path(url: str) -> str:
    """The path in a SQLite URL: three slashes are relative, four absolute.

    Raises:
        InvalidRequest: there is no path in it.
    """
    parts = urlsplit(url)
    path = unquote(parts.path[1:])
    if parts.netloc or not path:
        raise InvalidRequest(
            "A SQLite URL is sqlite:///file.db (relative), sqlite:////folder/file.db (absolute) "
            "or sqlite:///:memory:."
        )
    return path
