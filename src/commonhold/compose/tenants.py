"""Tenancy: from the settings to the door that everybody passes, and to what makes tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from commonhold.auth import Authenticator
from commonhold.auth.principal import Principal
from commonhold.auth.tenants import OfATenant, OfTheOne, TenantDoor
from commonhold.compose.storage import LateBackend, open_current
from commonhold.errors import InvalidRequest, TenantRequired, TenantUnknown, Unsupported
from commonhold.model.key import Preset
from commonhold.model.nearest import nearest
from commonhold.model.tenant import SINGLE, Tenant, check_tenant
from commonhold.service.audit import AuditTrail
from commonhold.service.keys import BOOTSTRAP, PLATFORM
from commonhold.service.tenants import TenantList
from commonhold.settings import Settings
from commonhold.settings.tenancy import NEEDS_POSTGRES
from commonhold.sql.audit import SqlAudit
from commonhold.sql.tenants import SqlTenants


class Tenancy:
    """The tenants of a service over a database that may not be open yet.

    Where there is one, there is no `door`, and nobody makes `tenants`.
    """

    def __init__(self, settings: Settings, late: LateBackend) -> None:
        self._late = late
        self.door = TenantDoor(self._find) if settings.tenancy == "required" else None
        self.tenants = TenantList(self._all, self.door.forget) if self.door else None

    def of_a_tenant(self, authenticate: Authenticator) -> Authenticator:
        """Let in only who is of a tenant that is there and active."""
        return OfATenant(authenticate, self.door) if self.door else OfTheOne(authenticate)

    def _all(self) -> SqlTenants:
        return SqlTenants(self._late.opened().database)

    async def _find(self, name: str) -> Tenant | None:
        return await self._all().find(name)


@asynccontextmanager
async def open_tenants(settings: Settings) -> AsyncIterator[TenantList]:
    """The tenants in the database itself.

    Raises:
        Unsupported: there is one tenant, or can be no more.
        Unavailable: the database cannot be opened, or is not up to date.
    """
    if settings.tenancy != "required":
        raise Unsupported("There is one tenant. Set COMMONHOLD_TENANCY=required for several.")
    _check_database(settings)
    async with open_current(settings) as backend:
        tenants, log = SqlTenants(backend.database), SqlAudit(backend.database)
        yield TenantList(lambda: tenants, audit=AuditTrail(lambda: log))


async def tenant_of_key(settings: Settings, named: str | None, preset: Preset) -> str:
    """The tenant that a new key is of, when `named` is what was asked for.

    Raises:
        InvalidRequest: a key is of none, and one is named.
        TenantRequired: there are several, and none is named.
        TenantUnknown: there is none of that name.
    """
    if preset == PLATFORM:
        if named not in (None, SINGLE):
            raise InvalidRequest(f"A {PLATFORM} key is of no tenant: leave out --tenant.")
        return SINGLE
    return (await caller_of(settings, named)).tenant


async def caller_of(settings: Settings, named: str | None) -> Principal:
    """Who works on the database itself, for the tenant that is named.

    Raises:
        TenantRequired: there are several, and none is named.
        TenantUnknown: there is none of that name.
    """
    if settings.tenancy != "required":
        if named not in (None, SINGLE):
            raise TenantUnknown(
                f"There is one tenant, {SINGLE}. Set COMMONHOLD_TENANCY=required for several."
            )
        return BOOTSTRAP
    _check_database(settings)
    if named is None:
        raise TenantRequired("There are several tenants. Name one with --tenant.")
    async with open_tenants(settings) as tenants:
        known = {each.tenant for each in await tenants.list()}
        if check_tenant(named) not in known:
            meant = nearest(named, known) or f"Run `commonhold tenants create {named}` first."
            raise TenantUnknown(f"There is no tenant {named}. {meant}")
    return replace(BOOTSTRAP, tenant=named)


async def check_tenant_of_events(settings: Settings, named: str) -> None:
    """Refuse a tenant that has no events, as it is not there; `default` has those of none.

    Raises:
        TenantUnknown: there is none of that name.
    """
    if named != SINGLE:
        await caller_of(settings, named)


def _check_database(settings: Settings) -> None:
    if settings.database.startswith("sqlite:"):
        raise Unsupported(NEEDS_POSTGRES)
