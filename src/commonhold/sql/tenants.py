"""Tenants over SQL."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.errors import Conflict, NotFound
from commonhold.model.clock import Micros
from commonhold.model.tenant import Status, Tenant
from commonhold.sql.database import Database
from commonhold.sql.statement import statement

ADD = statement("add_tenant")
GET = statement("get_tenant")
LIST = statement("list_tenants")
SET_STATUS = statement("set_tenant_status")


class SqlTenants:
    """`contract.tenants.Tenants` on a database, across all of them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def create(self, name: str, at: Micros, /) -> Tenant:
        row = await self._db.one(ADD, tenant=name, now=at)
        if row is None:
            raise Conflict(f"There is a tenant {name} already.")
        return Tenant(*row)

    async def find(self, name: str, /) -> Tenant | None:
        row = await self._db.one(GET, tenant=name)
        return None if row is None else Tenant(*row)

    async def list(self) -> Sequence[Tenant]:
        return [Tenant(*row) for row in await self._db.all(LIST)]

    async def set_status(self, name: str, status: Status, /) -> Tenant:
        row = await self._db.one(SET_STATUS, tenant=name, status=status)
        if row is None:
            raise NotFound(f"Tenant {name} not found")
        return Tenant(*row)
