"""The routes of tenants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Struct

from commonhold.errors import Unsupported
from commonhold.http.bodies import described
from commonhold.http.call import Answer, Call, reply
from commonhold.http.decode import decode
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.schema_types import Time
from commonhold.model.tenant import FORM, Status
from commonhold.model.wire_tenants import tenant_out
from commonhold.service.tenants import TenantList

Name = Annotated[str, described(pattern=f"^{FORM}$")]
State = Annotated[str, described(enum=["active", "disabled"])]


class NewTenant(Struct):
    """What a tenant is called."""

    tenant: Name


class Tenant(Struct, kw_only=True):
    """A tenant. Nobody of one that is `disabled` is let in; nothing of it is lost."""

    tenant: Name
    status: State
    created_at: Time


_NEW = msgspec.json.Decoder(NewTenant)
_ALL = "/v1/tenants"
_ACTION = "tenants.manage"


@dataclass(frozen=True, slots=True)
class TenantDesk:
    """Where tenants are asked for; without a list there is one, which is called `default`."""

    tenants: TenantList | None

    async def create_tenant(self, call: Call) -> Answer:
        made = await self._list().create(decode(_NEW, call).tenant)
        call.made = made.tenant
        return reply(tenant_out(made), 201)

    async def list_tenants(self, call: Call) -> Answer:
        return reply([tenant_out(each) for each in await self._list().list()])

    async def disable_tenant(self, call: Call) -> Answer:
        return await self._set(call, "disabled")

    async def enable_tenant(self, call: Call) -> Answer:
        return await self._set(call, "active")

    async def _set(self, call: Call, status: Status) -> Answer:
        return reply(tenant_out(await self._list().set_status(call.key, status)))

    def _list(self) -> TenantList:
        if self.tenants is None:
            raise Unsupported(
                "This service has one tenant: it runs without COMMONHOLD_TENANCY=required."
            )
        return self.tenants


def tenant_operations(tenants: TenantList | None) -> tuple[Operation, ...]:
    """Everything below `/v1/tenants`."""
    desk = TenantDesk(tenants)
    return (*_of_all(desk), *_of_one(desk))


def _of_all(desk: TenantDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            _ALL,
            desk.create_tenant,
            {201: Reply("It is there.", (Tenant,))},
            "Make a tenant",
            "tenants",
            action=_ACTION,
            errors=(409, 501),
            body=Body((NewTenant,)),
        ),
        Operation(
            "GET",
            _ALL,
            desk.list_tenants,
            {200: Reply("By name.", (list[Tenant],))},
            "Every tenant",
            "tenants",
            action=_ACTION,
            errors=(501,),
        ),
    )


def _of_one(desk: TenantDesk) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            f"{_ALL}/{{tenant}}/disable",
            desk.disable_tenant,
            {200: Reply("Nobody of it is let in.", (Tenant,))},
            "Keep a tenant out",
            "tenants",
            action=_ACTION,
            errors=(404, 501),
            doc="Other processes of the service heed it within two seconds. Nothing of it is lost.",
        ),
        Operation(
            "POST",
            f"{_ALL}/{{tenant}}/enable",
            desk.enable_tenant,
            {200: Reply("It is let in.", (Tenant,))},
            "Let a tenant in again",
            "tenants",
            action=_ACTION,
            errors=(404, 501),
        ),
    )
