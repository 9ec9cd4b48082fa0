"""From the settings to what redacts, and to what says how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from commonhold.compose.storage import LateBackend, open_current
from commonhold.model.redaction import Policy, capture_of, groups_of
from commonhold.service.audit import AuditTrail
from commonhold.service.redaction import PolicyDesk
from commonhold.settings import Settings
from commonhold.sql.audit import SqlAudit
from commonhold.sql.redaction import SqlPolicies


def policy_of(settings: Settings) -> Policy:
    """The policy of a service, for tenants that have none of their own."""
    return Policy(capture_of(settings.capture), groups_of(settings.redact))


def policies_of(settings: Settings, late: LateBackend) -> PolicyDesk:
    """The policies of a service over a database that may not be open yet."""
    return PolicyDesk(lambda: SqlPolicies(late.opened().database), policy_of(settings))


@asynccontextmanager
async def open_policies(settings: Settings) -> AsyncIterator[PolicyDesk]:
    """The policies in the database itself: there is no need of a service, nor of a key.

    Raises:
        Unavailable: the database cannot be opened.
        SchemaOutdated: it has no place for policies yet.
    """
    async with open_current(settings) as backend:
        policies, log = SqlPolicies(backend.database), SqlAudit(backend.database)
        trail = AuditTrail(lambda: log)
        yield PolicyDesk(lambda: policies, policy_of(settings), audit=trail)
