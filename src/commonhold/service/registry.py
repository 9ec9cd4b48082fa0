"""Agents registered, stopped and bound to who they are elsewhere, by who may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from commonhold.auth.bindable import check_bindable
from commonhold.auth.issuers import Issuers
from commonhold.auth.principal import Principal
from commonhold.contract.audit import Audit
from commonhold.contract.registry import Registry
from commonhold.errors import NotFound
from commonhold.model import clock, ids
from commonhold.model.clock import Clock
from commonhold.model.registry import (
    Binding,
    Change,
    Identity,
    NewAgent,
    Registered,
    change_of,
)
from commonhold.service.audit import tell


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent, and what is bound to it."""

    agent: Registered
    bindings: tuple[Binding, ...] = ()


class AgentRegistry:
    """The agents of a service. `forget` is told of each change, so that this process heeds it at once.

    `audit` is told of what is done where no request stands behind it. `issuers` are those that
    vouch for identities, where that is known.
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        forget: Callable[[], None] = lambda: None,
        now: Clock = clock.now,
        audit: Audit | None = None,
        issuers: Callable[[], Issuers | None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._forget = forget
        self._now = now
        self._audit = audit
        self._issuers = issuers

    async def put(self, caller: Principal, new: NewAgent) -> Entry:
        """Register an agent of the caller's tenant, or change what is given of one that is."""
        found = await self._registry().put(caller.tenant, new, caller.actor, self._now())
        await self._changed(caller, new.agent, change_of(new))
        return await self._entry(found)

    async def get(self, caller: Principal, agent: str) -> Entry:
        """An agent of the caller's tenant.

        Raises:
            NotFound: it is not registered.
        """
        found = await self._registry().find(caller.tenant, agent)
        if found is None:
            raise NotFound(f"Agent {agent} is not registered.")
        return await self._entry(found)

    async def list(self, caller: Principal) -> Sequence[Entry]:
        """The agents of the caller's tenant, by name."""
        found = await self._registry().list(caller.tenant)
        bound = _by_agent(await self._registry().bindings(caller.tenant))
        return [Entry(each, tuple(bound.get(each.agent, ()))) for each in found]

    async def delete(self, caller: Principal, agent: str) -> None:
        """Forget an agent and its bindings; its keys open nothing any more.

        Raises:
            NotFound: it is not registered.
        """
        await self._registry().delete(caller.tenant, agent)
        await self._changed(caller, agent, "removed")

    async def bind(self, caller: Principal, agent: str, identity: Identity) -> Binding:
        """Let an identity be this agent.

        Raises:
            InvalidRequest: nobody vouches for the identity here.
            TenantConflict: it is of another tenant.
            NotFound: the agent is not registered.
            Conflict: the identity is an agent already.
        """
        issuers = self._issuers()
        if issuers is not None:
            check_bindable(identity, caller.tenant, issuers)
        made = ids.new_id("bind")
        binding = Binding(made, identity, caller.tenant, agent, caller.actor, self._now())
        await self._registry().bind(binding)
        await self._changed(caller, agent, "bound")
        return binding

    async def unbind(self, caller: Principal, agent: str, binding_id: str) -> Binding:
        """Let an identity be this agent no more.

        Raises:
            NotFound: the agent has no such binding.
        """
        gone = await self._registry().unbind(caller.tenant, agent, binding_id)
        await self._changed(caller, agent, "unbound")
        return gone

    async def _changed(self, caller: Principal, agent: str, done: Change) -> None:
        self._forget()
        await tell(self._audit, caller, "agents.manage", ("agent", agent), reason=done)

    async def _entry(self, agent: Registered) -> Entry:
        bindings = await self._registry().bindings(agent.tenant, agent.agent)
        return Entry(agent, tuple(bindings))


def _by_agent(bindings: Iterable[Binding]) -> Mapping[str, list[Binding]]:
    found: dict[str, list[Binding]] = {}
    for each in bindings:
        found.setdefault(each.agent, []).append(each)
    return found
