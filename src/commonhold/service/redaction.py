"""The policies of tenants: looked up for every write, and changed by who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commonhold.auth.principal import Principal
from commonhold.contract.audit import Audit
from commonhold.contract.redaction import Policies
from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.model.redaction import Policy, PolicyChange, StoredChange
from commonhold.service.audit import tell

TTL_S = 2.0
"""How long a policy is gone by before it is looked up again, in seconds."""

REMEMBERED = 4096
"""Tenants whose policies a process remembers."""


@dataclass(slots=True)
class _Known:
    policy: Policy
    until: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The policy of a tenant, and what of it is the tenant's own, if anything is."""

    policy: Policy
    stored: StoredChange | None


class PolicyDesk:
    """Policies over storage that may not be open yet; `default` is that of the service.

    `audit` is told of what is changed where no request stands behind it.
    """

    def __init__(
        self,
        policies: Callable[[], Policies],
        default: Policy,
        monotonic: Callable[[], float] = clock.monotonic,
        audit: Audit | None = None,
    ) -> None:
        self._policies = policies
        self._default = default
        self._monotonic = monotonic
        self._audit = audit
        self._known: dict[str, _Known] = {}

    async def policy_of(self, tenant: str) -> Policy:
        """The policy of a tenant as it was two seconds ago or later.

        Raises:
            Unavailable: it cannot be looked up now, so nothing is written.
        """
        known, now = self._known.get(tenant), self._monotonic()
        if known is not None and now < known.until:
            return known.policy
        if known is not None:
            known.until = now + TTL_S  # one of many asks; the others go by what is known meanwhile
        try:
            standing = await self._standing(tenant)
        except CommonholdError:
            self._known.pop(tenant, None)
            raise
        self._remember(tenant, _Known(standing.policy, now + TTL_S))
        return standing.policy

    async def find(self, caller: Principal) -> Standing:
        """The policy of the caller's tenant."""
        return await self._standing(caller.tenant)

    async def change(self, caller: Principal, change: PolicyChange) -> Standing:
        """What the caller's tenant has different from now on. This process heeds it at once."""
        stored = StoredChange(change, clock.now(), caller.actor)
        await self._policies().put(caller.tenant, stored)
        self._known.pop(caller.tenant, None)
        standing = Standing(change.over(self._default), stored)
        resource = ("redaction", str(standing.policy))
        await tell(self._audit, caller, "redaction.write", resource)
        return standing

    async def _standing(self, tenant: str) -> Standing:
        stored = await self._policies().find(tenant)
        change = PolicyChange() if stored is None else stored.change
        return Standing(change.over(self._default), stored)

    def _remember(self, tenant: str, known: _Known) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[tenant] = known
