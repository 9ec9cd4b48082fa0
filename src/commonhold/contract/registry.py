"""The contract of the registry of agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from commonhold.model.clock import Micros
from commonhold.model.registry import Binding, Identity, NewAgent, Registered


class Registry(Protocol):
    """Agents of every tenant; who may see which is decided above.

    G1. An identity is bound to one agent of one tenant at most.
    G2. With an agent go its bindings.
    G3. A key that is made for an agent registers it, if it is not; nothing else changes then.
    """

    async def put(self, tenant: str, new: NewAgent, by: str, now: Micros, /) -> Registered:
        """Register an agent, or change what is given of one that is."""

    async def find(self, tenant: str, agent: str, /) -> Registered | None:
        """An agent, or None if it is not registered."""

    async def list(self, tenant: str, /) -> Sequence[Registered]:
        """The agents of a tenant, by name."""

    async def delete(self, tenant: str, agent: str, /) -> None:
        """Forget an agent and its bindings.

        Raises:
            NotFound: it is not registered.
        """

    async def bind(self, binding: Binding, /) -> None:
        """Bind an identity to an agent.

        Raises:
            NotFound: the agent is not registered.
            Conflict: the identity is bound already.
        """

    async def unbind(self, tenant: str, agent: str, binding_id: str, /) -> Binding:
        """Forget a binding, and return it.

        Raises:
            NotFound: the agent has no such binding.
        """

    async def bindings(self, tenant: str, agent: str | None = None, /) -> Sequence[Binding]:
        """The bindings of one agent of a tenant, or of all, oldest first."""

    async def bound(self, identity: Identity, /) -> Registered | None:
        """The agent that an identity is, whichever tenant it is of, or None."""
