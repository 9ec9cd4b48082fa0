"""Tenants made, listed, kept out and let in again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from commonhold.contract.tenants import Tenants
from commonhold.errors import NotFound
from commonhold.model import clock
from commonhold.model.clock import Clock
from commonhold.model.tenant import Status, Tenant, can_be_tenant, check_tenant


class TenantList:
    """The tenants of a service. `forget` is told of each that changes: this process heeds it now."""

    def __init__(
        self,
        tenants: Callable[[], Tenants],
        forget: Callable[[str], None] = lambda _tenant: None,
        now: Clock = clock.now,
    ) -> None:
        self._tenants = tenants
        self._forget = forget
        self._now = now

    async def create(self, name: str) -> Tenant:
        """A new tenant.

        Raises:
            InvalidRequest: none can be called that.
            Conflict: there is one of that name.
        """
        return await self._tenants().create(check_tenant(name), self._now())

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
        return found
