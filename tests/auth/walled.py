"""A Postgres in which a wall stands between tenants, with the roles that a deployment has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from commonhold.sql import SqlBackend, SqlOptions, open_backend
from tests.databases import Databases

SECRET = "wall"
"""The password of the roles, where a server asks for one."""

TO_THE_OWNER = """
DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    LOOP EXECUTE format('ALTER TABLE %s OWNER TO {}', t); END LOOP;
END $$
"""
"""Quicker than to migrate as the owner."""


@dataclass(frozen=True, slots=True)
class Walled:
    """The addresses of one database: as a superuser, and as the role of each kind."""

    admin: str
    run_id: str

    @property
    def owner(self) -> str:
        """As the owner of the tables, who migrates."""
        return self.url("owner")

    @property
    def app(self) -> str:
        """As the service, which sees one tenant at a time."""
        return self.url("app")

    @property
    def maintenance(self) -> str:
        """As what works across tenants."""
        return self.url("maintenance")

    def role(self, kind: str) -> str:
        """The name of a role; roles belong to the whole server."""
        return f"ch_{kind}_{self.run_id}"

    def url(self, kind: str) -> str:
        """The address of the database as a role of that kind."""
        parts = urlsplit(self.admin)
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{self.role(kind)}:{SECRET}@{host}").geturl()

    async def as_admin(self, *statements: str) -> None:
        """Execute statements as a superuser, who may do anything."""
        connection = await asyncpg.connect(self.admin)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    async def opened(self, pool_size: int = 2, app: str = "") -> SqlBackend:
        """The database as the service opens it."""
        options = SqlOptions(pool_size=pool_size, maintenance=self.maintenance)
        return await open_backend(app or self.app, upgrade=False, options=options)


@asynccontextmanager
async def walled(databases: Databases) -> AsyncIterator[Walled]:
    """A database as the documentation says to make one."""
    name = databases.create_migrated()
    made = Walled(databases.dsn(name), uuid4().hex[:12])
    owner, app, maintenance = (made.role(kind) for kind in ("owner", "app", "maintenance"))
    login = f"LOGIN PASSWORD '{SECRET}'"
    await made.as_admin(
        f"CREATE ROLE {owner} {login} BYPASSRLS",
        f"CREATE ROLE {app} {login}",
        f"CREATE ROLE {maintenance} {login} BYPASSRLS IN ROLE {owner}",
        f"GRANT CREATE ON SCHEMA public TO {owner}",
        TO_THE_OWNER.format(owner),
    )
    async with await open_backend(made.owner, upgrade=False) as backend:
        await backend.secure(app)
    yield made
    databases.drop(name)
    await Walled(databases.dsn("postgres"), "").as_admin(f"DROP ROLE {app}, {maintenance}, {owner}")
