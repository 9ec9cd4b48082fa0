"""Tenants made, listed, kept out and let in again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from commonhold.contract.audit import Audit
from commonhold.contract.tenants import Tenants
from commonhold.errors import NotFound
from commonhold.model import clock
from commonhold.model.clock import Clock
from commonhold.model.tenant import Status, Tenant, can_be_tenant, check_tenant
from commonhold.service.audit import tell
from commonhold.service.keys import BOOTSTRAP


class TenantList:
    """The tenants of a service. `forget` is told of each that changes: this process heeds it now.

    `audit` is told of what is done where no request stands behind it.
    """

    def __init__(
        self,
        tenants: Callable[[], Tenants],
        forget: Callable[[str], None] = lambda _tenant: None,
        now: Clock = clock.now,
        audit: Audit | None = None,
    ) -> None:
        self._tenants = tenants
        self._forget = forget
        self._now = now
        self._audit = audit

    async def create(self, name: str) -> Tenant:
        """A new tenant.

        Raises:
            InvalidRequest: none can be called that.
            Conflict: there is one of that name.
        """
        made = await self._tenants().create(check_tenant(name), self._now())
        await self._tell(name)
        return made

    async def list(self) -> Sequence[Tenant]:
        """Every tenant, by name."""
        return await self._tenants().list()

    async def set_status(self, name: str, status: Status) -> Tenant:
        """Keep a tenant out, or let it in again; its data stays as it is.

        Raises:
            NotFound: there is none of that name.
        """
        if not can_be_tenant(name):
            raise NotFound(f"Tenant {name} not found")
        found = await self._tenants().set_status(name, status)
        self._forget(name)
        await self._tell(name)
        return found

    async def _tell(self, name: str) -> None:
        await tell(self._audit, BOOTSTRAP, "tenants.manage", ("tenant", name))
