"""The registry of agents over SQL."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.errors import Conflict, NotFound
from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.opaque import EMPTY_LIST
from commonhold.model.registry import Binding, Identity, NewAgent, Registered
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.statement import statement

PUT = statement("put_agent")
GET = statement("get_agent")
LIST = statement("list_registered")
DELETE = statement("delete_agent")
DELETE_BINDINGS = statement("delete_bindings")
BIND = statement("bind_agent")
UNBIND = statement("unbind_agent")
BINDINGS = statement("list_bindings")
BOUND = statement("find_bound")


class SqlRegistry:
    """`contract.registry.Registry` on a database: whose an identity is, is asked across tenants."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, tenant: str, new: NewAgent, by: str, now: Micros, /) -> Registered:
        types = None if new.agent_types is None else opaque.dumps(list(new.agent_types))
        row = await self._db.within(tenant).one(
            PUT,
            tenant=tenant,
            agent=new.agent,
            status=new.status,
            agent_types=types,
            any_type=EMPTY_LIST,
            created_by=by,
            now=now,
        )
        if row is None:
            raise AssertionError("an upsert gives its row")
        return _registered(row)

    async def find(self, tenant: str, agent: str, /) -> Registered | None:
        row = await self._db.within(tenant).one(GET, tenant=tenant, agent=agent)
        return None if row is None else _registered(row)

    async def list(self, tenant: str, /) -> Sequence[Registered]:
        found = await self._db.within(tenant).all(LIST, tenant=tenant)
        return [_registered(row) for row in found]

    async def delete(self, tenant: str, agent: str, /) -> None:
        async def unit(tx: Tx) -> None:
            if await tx.one(DELETE, tenant=tenant, agent=agent) is None:
                raise not_registered(agent)
            await tx.run(DELETE_BINDINGS, tenant=tenant, agent=agent)

        await self._db.within(tenant).write(unit)

    async def bind(self, binding: Binding, /) -> None:
        async def unit(tx: Tx) -> None:
            if await tx.one(GET, tenant=binding.tenant, agent=binding.agent) is None:
                raise not_registered(binding.agent)
            if await tx.one(BIND, **_stored(binding)) is None:
                raise Conflict(
                    f"{binding.identity.subject} of {binding.identity.issuer} is bound to an agent"
                    " already; unbind it there first."
                )

        await self._db.within(binding.tenant).write(unit)

    async def unbind(self, tenant: str, agent: str, binding_id: str, /) -> Binding:
        given = {"tenant": tenant, "agent": agent, "binding_id": binding_id}
        row = await self._db.within(tenant).one(UNBIND, **given)
        if row is None:
            raise NotFound(f"Agent {agent} has no binding {binding_id}.")
        return _binding(row)

    async def bindings(self, tenant: str, agent: str | None = None, /) -> Sequence[Binding]:
        found = await self._db.within(tenant).all(BINDINGS, tenant=tenant, agent=agent)
        return [_binding(row) for row in found]

    async def bound(self, identity: Identity, /) -> Registered | None:
        row = await self._db.one(
            BOUND, kind=identity.kind, issuer=identity.issuer, subject=identity.subject
        )
        return None if row is None else _registered(row)


def not_registered(agent: str) -> NotFound:
    """The error where an agent is not in the registry."""
    return NotFound(f"Agent {agent} is not registered. `commonhold agents register` does that.")


def _stored(binding: Binding) -> dict[str, str | int]:
    return {
        "binding_id": binding.binding_id,
        "kind": binding.identity.kind,
        "issuer": binding.identity.issuer,
        "subject": binding.identity.subject,
        "tenant": binding.tenant,
        "agent": binding.agent,
        "created_by": binding.created_by,
        "now": binding.created_at,
    }


def _registered(row: Row) -> Registered:
    tenant, agent, status, types, *rest = row
    return Registered(tenant, agent, status, tuple(opaque.loads(types)), *rest)


def _binding(row: Row) -> Binding:
    binding_id, kind, issuer, subject, *rest = row
    return Binding(binding_id, Identity(kind, issuer, subject), *rest)
