"""The audit log of a service: over a database that opens late, written and sealed by its chores."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from commonhold.compose.keys import peppers_of
from commonhold.compose.storage import LateBackend, open_current
from commonhold.contract.audit import AuditLog, AuditPruner
from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.model.audit import AuditEvent
from commonhold.model.seal import SealKey
from commonhold.service.audit import IDLE_S, AuditTrail
from commonhold.service.audit_watch import Watch
from commonhold.service.sealing import Sealer
from commonhold.service.upkeep import Chore
from commonhold.settings import PREFIX, Settings
from commonhold.sql.audit import SqlAudit
from commonhold.sql.pruning import SqlPruner

_UNSEALED = (
    f"The audit log is not sealed: set {PREFIX}AUDIT_KEY to a secret of 32 bytes or more,"
    " or use a mode that has a pepper."
)
_log = logging.getLogger("commonhold.audit")


class AuditDesk:
    """Where the events of this process go. `trail` takes them, and `watch` those of requests."""

    def __init__(self, settings: Settings, late: LateBackend) -> None:
        self._late = late
        asks_nobody = settings.auth == "none"
        self.trail = AuditTrail(self.log)
        self.watch = Watch(self.trail, asks_nobody=asks_nobody)
        keys = seal_keys(settings)
        self._sealer = Sealer(keys[0]) if keys else None
        if not keys:
            _log.log(logging.WARNING if settings.insecure else logging.DEBUG, _UNSEALED)
        self.trail.note(_started(settings.auth))

    def log(self) -> AuditLog:
        """The log itself.

        Raises:
            Unavailable: the database is not open.
        """
        return SqlAudit(self._late.opened().database)

    def chores(self) -> Mapping[str, Chore]:
        """What is done again and again: events are written, and sealed."""
        return {"audit": self._write, "sealing": self._seal}

    async def aclose(self) -> None:
        """Write and seal what is left."""
        if self._late.is_open:
            await self.trail.aclose()
            with suppress(CommonholdError):
                await self._seal()

    async def _write(self) -> float:
        return await self.trail.step() if self._late.is_open else IDLE_S

    async def _seal(self) -> float:
        if self._sealer is None or not self._late.is_open:
            return IDLE_S
        return await self._sealer.step(self.log())


@asynccontextmanager
async def open_audit_log(settings: Settings) -> AsyncIterator[AuditLog]:
    """The audit log in the database itself: there is no need of a service.

    Raises:
        Unavailable: the database cannot be opened.
        SchemaOutdated: it has no place for events yet.
    """
    async with open_current(settings) as backend:
        yield SqlAudit(backend.database)


@asynccontextmanager
async def open_audit_pruner(settings: Settings) -> AsyncIterator[tuple[AuditLog, AuditPruner]]:
    """The same, and what takes old events away.

    Raises:
        Unavailable: the database cannot be opened, or its role may not take anything away.
        SchemaOutdated: it has no place for cuts yet.
    """
    async with open_current(settings) as backend:
        pruner = SqlPruner(backend.database)
        await pruner.check()
        yield SqlAudit(backend.database), pruner


def seal_keys(settings: Settings) -> tuple[SealKey, ...]:
    """The keys of seals, the one of new seals first; the others are of seals made before.

    Raises:
        InvalidSettings: the pepper cannot be read.
    """
    own = tuple(SealKey(each.encode()) for each in settings.audit_key)
    has_pepper = settings.pepper or settings.pepper_file
    peppers = peppers_of(settings) if has_pepper else ()
    return (*own, *(SealKey.derived(pepper.value) for pepper in peppers))


def _started(mode: str) -> AuditEvent:
    return AuditEvent(
        at=clock.now(),
        operation="service.start",
        decision="noted",
        actor="sys:service",
        resource_type="mode",
        resource_id=mode,
    )
