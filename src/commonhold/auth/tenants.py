"""Of which tenant a request is, and whether that one is let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from commonhold.auth import Authenticator, Headers
from commonhold.auth.principal import Principal
from commonhold.errors import (
    TenantConflict,
    TenantDisabled,
    TenantRequired,
    TenantUnknown,
    Unavailable,
)
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros
from commonhold.model.tenant import SINGLE, Tenant, can_be_tenant

TTL_S = 2
"""How long a tenant is believed to be let in before it is looked up again, in seconds."""

PLATFORM = "platform"
"""Who is of no tenant in particular, and reads and writes nothing of any."""

_SECOND = 1_000_000


def settle(*named: str | None) -> str:
    """The one tenant that everything names which names one at all.

    Raises:
        TenantRequired: nothing does.
        TenantConflict: two do not agree.
        TenantUnknown: no tenant can be called that.
    """
    found = {name for name in named if name}
    if not found:
        raise TenantRequired
    if len(found) > 1:
        raise TenantConflict
    name = found.pop()
    if not can_be_tenant(name):
        raise TenantUnknown
    return name


class TenantDoor:
    """Lets in who is of a tenant that is there and active. It remembers such for two seconds."""

    def __init__(
        self, find: Callable[[str], Awaitable[Tenant | None]], now: Clock = clock.now
    ) -> None:
        self._find = find
        self._now = now
        self._until: dict[str, Micros] = {}

    async def check(self, tenant: str, *, may_be_stale: bool = False) -> None:
        """Return when the tenant is let in.

        Raises:
            TenantUnknown: there is no such tenant.
            TenantDisabled: it is kept out.
            Unavailable: nobody can be asked, and it is not known well enough.
        """
        now = self._now()
        known = self._until.get(tenant)
        if known is not None and now < known:
            return
        try:
            found = await self._find(tenant)
        except Unavailable:
            if known is not None and may_be_stale:
                return
            raise
        self._until.pop(tenant, None)
        if found is None:
            raise TenantUnknown
        if found.status != "active":
            raise TenantDisabled
        self._until[tenant] = Micros(now + TTL_S * _SECOND)

    def forget(self, tenant: str) -> None:
        """Look this tenant up again before anybody of it is let in."""
        self._until.pop(tenant, None)


class OfATenant:
    """An `Authenticator` behind which everybody is of a tenant that is let in."""

    def __init__(self, authenticate: Authenticator, door: TenantDoor) -> None:
        self._authenticate = authenticate
        self._door = door

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: there is no credential, or a bad one.
            Forbidden: it is of no tenant that is let in.
        """
        caller = await self._authenticate(headers, agent, may_be_stale=may_be_stale)
        if caller.kind != PLATFORM:
            await self._door.check(settle(caller.tenant), may_be_stale=may_be_stale)
        return caller


class OfTheOne:
    """An `Authenticator` behind which nobody names another tenant than the one there is.

    A token or a gateway might. The tenant of a key was said by who made it.
    """

    def __init__(self, authenticate: Authenticator) -> None:
        self._authenticate = authenticate

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: there is no credential, or a bad one.
            TenantUnknown: it is of another tenant.
        """
        caller = await self._authenticate(headers, agent, may_be_stale=may_be_stale)
        if caller.method != "key" and caller.tenant != SINGLE:
            raise TenantUnknown(f"There is one tenant here, and it is called {SINGLE}.")
        return caller
