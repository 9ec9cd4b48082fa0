"""Erasures of a service: over a database that opens late, and the chore that carries them on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from commonhold.auth.principal import Principal
from commonhold.compose.storage import LateBackend, open_current
from commonhold.contract.erasures import Erasures
from commonhold.model.scope import Scope
from commonhold.service.audit import AuditTrail
from commonhold.service.erasures import ToldErasures
from commonhold.settings import Settings
from commonhold.sql import SqlBackend
from commonhold.sql.audit import SqlAudit

IDLE_S = 5.0
"""How often it is looked for an erasure that nobody carries on, in seconds."""


class ErasureDesk:
    """What a service knows of erasures."""

    def __init__(self, late: LateBackend) -> None:
        self._late = late

    def of(self, scope: Scope) -> Erasures:
        """The erasures that a scope sees.

        Raises:
            Unavailable: the database is not open.
        """
        return self._late.opened().bind(scope).erasures

    async def step(self, backend: SqlBackend) -> float:
        """Carry on the erasure that waits longest, to its end; in how many seconds to come again."""
        claim = await backend.eraser.claim()
        if claim is None:
            return IDLE_S
        while claim is not None:
            claim = await backend.eraser.step(claim)
        return 0.0


@asynccontextmanager
async def open_erasures(settings: Settings, caller: Principal) -> AsyncIterator[Erasures]:
    """The erasures of a tenant in the database itself; those that are asked for are audit events.

    Raises:
        Unavailable: the database cannot be opened.
        SchemaOutdated: it has no place for them yet.
    """
    async with open_current(settings) as backend:
        scope, log = Scope(caller.tenant, caller.stamp), SqlAudit(backend.database)
        yield ToldErasures(backend.bind(scope).erasures, caller, AuditTrail(lambda: log))
