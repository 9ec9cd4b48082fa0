"""The policies of tenants over SQL."""

from __future__ import annotations

from commonhold.model.clock import Micros
from commonhold.model.redaction import PolicyChange, StoredChange, capture_of, groups_of
from commonhold.sql.database import Database
from commonhold.sql.statement import statement

GET = statement("get_redaction")
PUT = statement("put_redaction")


class SqlPolicies:
    """`contract.redaction.Policies` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def find(self, tenant: str, /) -> StoredChange | None:
        row = await self._db.within(tenant).one(GET, tenant=tenant)
        if row is None:
            return None
        capture, groups, updated_at, updated_by = row
        change = PolicyChange(
            None if capture is None else capture_of(capture),
            None if groups is None else groups_of(groups.split()),
        )
        return StoredChange(change, Micros(updated_at), updated_by)

    async def put(self, tenant: str, stored: StoredChange, /) -> None:
        change = stored.change
        await self._db.within(tenant).run(
            PUT,
            tenant=tenant,
            capture=change.capture,
            rule_groups=None if change.groups is None else " ".join(change.groups),
            updated_at=stored.updated_at,
            updated_by=stored.updated_by,
        )
