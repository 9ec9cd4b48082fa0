"""Settings become a database: one that is waited for when it is not there yet."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from commonhold.contract.feedback import Feedback
from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.contract.traces import Traces
from commonhold.errors import Closed, CommonholdError, InvalidRequest, SchemaOutdated, Unavailable
from commonhold.model.scope import Scope
from commonhold.settings import Settings
from commonhold.settings.addresses import redact_url
from commonhold.sql import SqlBackend, SqlOptions, open_backend
from commonhold.sql.backend import sqlite_path
from commonhold.sql.meter import DailyLimits
from commonhold.sql.partitions import make_ahead

PATIENCE_S = 5.0
"""How long the start waits for the database before the service answers without it."""

FIRST_RETRY_S = 0.5
LAST_RETRY_S = 15.0
_log = logging.getLogger("commonhold.compose")


class LateBackend:
    """`contract.stores.Backend` that is there before its database is.

    It keeps trying to open the database. Until that succeeds every use raises `Unavailable` with
    the reason: the process stays up and says what it waits for, whatever restarts first.
    """

    def __init__(self, opener: Callable[[], Awaitable[SqlBackend]]) -> None:
        self._opener = opener
        self._backend: SqlBackend | None = None
        self._reason: Unavailable = Unavailable("The database is being opened. Try again.")
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()

    @property
    def sessions(self) -> Sessions:
        """Session storage, once it is open."""
        return self.opened().sessions

    @property
    def traces(self) -> Traces:
        """Trace storage, once it is open."""
        return self.opened().traces

    @property
    def feedback(self) -> Feedback:
        """Feedback storage, once it is open."""
        return self.opened().feedback

    @property
    def is_open(self) -> bool:
        """Whether the database is open."""
        return self._backend is not None

    def bind(self, scope: Scope, /) -> Backend:
        """The storage on behalf of `scope`, just as late."""
        return _LateBound(self, scope)

    async def check(self) -> None:
        """Return when the database is open and can serve.

        Raises:
            Unavailable: it is not, and the detail says why.
        """
        await self.opened().check()

    def stats(self) -> Mapping[str, float]:
        """Numbers of the database for `/metrics`: none while it is not open."""
        return {} if self._backend is None else self._backend.database.stats()

    async def start(self, patience_s: float = PATIENCE_S) -> None:
        """Begin opening; return once the first try has ended, or after `patience_s`."""
        self._task = asyncio.create_task(self._keep_trying())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), patience_s)

    async def aclose(self) -> None:
        """Stop trying, and close what was opened."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        backend, self._backend, self._reason = self._backend, None, Closed()
        if backend is not None:
            await backend.aclose()

    def opened(self) -> SqlBackend:
        """The database itself.

        Raises:
            Unavailable: it is not open.
        """
        if self._backend is None:
            raise type(self._reason)(self._reason.detail)
        return self._backend

    async def _keep_trying(self) -> None:
        delay_s = FIRST_RETRY_S
        while not await self._try():
            # Replicas that lost the same database do not come back in step.
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311  (not a secret)
            delay_s = min(delay_s * 2, LAST_RETRY_S)

    async def _try(self) -> bool:
        try:
            self._backend = await self._opener()
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told and tried again)
            self._reason = _reason(error)
            _log.warning("The database is not available: %s", self._reason.detail)
            return False
        else:
            return True
        finally:
            self._tried.set()


class _LateBound:
    """A scope of a backend that may not be open yet: bound when it is first used."""

    def __init__(self, late: LateBackend, scope: Scope) -> None:
        self._late = late
        self._scope = scope
        self._bound: Backend | None = None

    @property
    def sessions(self) -> Sessions:
        return self._resolve().sessions

    @property
    def traces(self) -> Traces:
        return self._resolve().traces

    @property
    def feedback(self) -> Feedback:
        return self._resolve().feedback

    def bind(self, scope: Scope, /) -> Backend:
        return self._late.bind(scope)

    async def check(self) -> None:
        await self._late.check()

    async def aclose(self) -> None:
        await self._late.aclose()

    def _resolve(self) -> Backend:
        if self._bound is None:
            self._bound = self._late.opened().bind(self._scope)
        return self._bound


def _reason(error: Exception) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, CommonholdError):
        return Unavailable(error.detail)
    _log.error("Opening the database failed.", exc_info=error)
    return Unavailable("The database could not be opened. The log says more.")


def check_database_url(settings: Settings) -> None:
    """Check what no waiting would mend.

    Raises:
        InvalidRequest: the URL is not usable, or the folder of a SQLite file does not exist.
    """
    path = sqlite_file(settings)
    if path is not None and not path.absolute().parent.is_dir():
        folder = path.absolute().parent
        raise InvalidRequest(f"The folder {folder} does not exist. Run: mkdir -p {folder}")


def sqlite_file(settings: Settings) -> Path | None:
    """The file of a SQLite database; None when it is in memory, or not SQLite.

    Raises:
        InvalidRequest: there is no path in the URL.
    """
    if not settings.database.startswith("sqlite:"):
        return None
    path = sqlite_path(settings.database)
    return None if path == ":memory:" else Path(path)


async def open_for_upkeep(settings: Settings, *, across: bool = False) -> SqlBackend:
    """Open the database without touching its schema, and without a limit on how long work takes.

    With `across` tenants, as the role that sees all of them, where there is one.

    Raises:
        Unavailable: it cannot be opened.
    """
    options = SqlOptions(pool_size=1, statement_cache_size=0)
    url = (across and settings.database_maintenance) or settings.database
    return await open_backend(url, upgrade=False, options=options, command_timeout_s=None)


@asynccontextmanager
async def open_current(settings: Settings, *, may_make: bool = False) -> AsyncIterator[SqlBackend]:
    """Open the database to work on it across tenants; with `may_make`, make an empty one current.

    Raises:
        Unavailable: it cannot be opened.
        SchemaOutdated: it is not at the schema of this version.
    """
    async with await open_for_upkeep(settings, across=True) as backend:
        status = await backend.status()
        may_make = may_make and settings.auto_upgrade and not settings.database_maintenance
        if status.current == 0 and may_make:
            await backend.upgrade()  # there is nothing yet: this is the first that comes
        elif not status.is_current:
            raise SchemaOutdated
        yield backend


async def wall_problems(settings: Settings) -> tuple[str, ...]:
    """What keeps the database from holding several tenants apart, in sentences.

    Raises:
        Unavailable: it cannot be opened.
    """
    options = SqlOptions(
        pool_size=1, statement_cache_size=0, maintenance=settings.database_maintenance
    )
    async with await open_backend(settings.database, upgrade=False, options=options) as backend:
        return await backend.wall_problems()


async def open_to_serve(settings: Settings) -> SqlBackend:
    options = SqlOptions(
        pool_size=settings.pool_size,
        statement_cache_size=settings.statement_cache_size,
        queue_limit=settings.queue_limit,
        forwards=bool(settings.traces_forward),
        decoders=settings.otlp_decoders,
        maintenance=settings.database_maintenance,
        limits=DailyLimits(settings.limit_spans_per_day, settings.limit_trace_bytes_per_day),
    )
    backend = await open_backend(settings.database, upgrade=False, options=options)
    try:
        if settings.tenancy == "required":
            await _require_wall(backend)
        elif settings.auto_upgrade:
            await _upgrade(backend, settings)
    except BaseException:
        await backend.aclose()
        raise
    await make_ahead(backend.database)
    status = await backend.status()
    fields = {"database": redact_url(settings.database), "schema": status.current}
    _log.info("The database is open.", extra={"fields": fields})
    return backend


async def _require_wall(backend: SqlBackend) -> None:
    """Serve several tenants only where the database keeps them apart; its owner migrates it."""
    status = await backend.status()
    if not status.is_current:
        raise SchemaOutdated(
            f"The database schema is at version {status.current}; this version needs"
            f" {status.expected}. Run `commonhold db upgrade` and `commonhold db secure` as the"
            " owner of the tables."
        )
    if problems := await backend.wall_problems():
        raise Unavailable(" ".join(problems))
    if told := await backend.wall_advice():
        _log.warning(told)


async def _upgrade(backend: SqlBackend, settings: Settings) -> None:
    if backend.dialect == "sqlite":  # one in memory has no second connection
        steps = await backend.upgrade()
    else:
        async with await open_for_upkeep(settings) as upkeep:
            steps = await upkeep.upgrade()
    for step in steps:
        _log.info("Applied migration %04d %s.", step.version, step.name)
