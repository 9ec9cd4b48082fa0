"""The registry of agents: over the database of the service, or over the database itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from commonhold.auth.issuers import Issuers
from commonhold.compose.issuers import issuers_of
from commonhold.compose.storage import LateBackend, open_current
from commonhold.service.audit import AuditTrail
from commonhold.service.registry import AgentRegistry
from commonhold.settings import Settings
from commonhold.sql.audit import SqlAudit
from commonhold.sql.registry import SqlRegistry


def registry_over(
    late: LateBackend, forget: Callable[[], None], issuers: Issuers | None
) -> AgentRegistry:
    """The agents of a service whose database may not be open yet, and who vouches for them."""
    return AgentRegistry(
        lambda: SqlRegistry(late.opened().database), forget, issuers=lambda: issuers
    )


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[AgentRegistry]:
    """The agents in the database itself: there is no need of a service, nor of a key.

    Raises:
        Unavailable: the database cannot be opened.
        SchemaOutdated: it has no place for agents yet.
    """

    def issuers() -> Issuers | None:
        return issuers_of(settings) if settings.oidc_issuers else None

    async with open_current(settings, may_make=True) as backend:
        registry, log = SqlRegistry(backend.database), SqlAudit(backend.database)
        yield AgentRegistry(lambda: registry, audit=AuditTrail(lambda: log), issuers=issuers)
