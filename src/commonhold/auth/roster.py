"""Which agent an identity is, and whether that may call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from commonhold.auth.believed import Believed
from commonhold.errors import AgentDisabled, UnknownAgent
from commonhold.model import clock
from commonhold.model.clock import Clock
from commonhold.model.registry import Identity, Registered

TTL_US = 1_000_000
"""How long an answer is believed, in microseconds. Whom a token stands for, which is made of it, is
believed as long again: a change is heeded within two seconds, as one of a key is."""

Find = Callable[[Identity], Awaitable[Registered | None]]
"""The agent that an identity is bound to, or None."""


class Roster:
    """Looks identities up, and believes the answer for a moment."""

    def __init__(self, find: Find, now: Clock = clock.now) -> None:
        self._find = find
        self._now = now
        self._known = Believed[Identity, Registered | None](TTL_US, now)

    async def find(self, identity: Identity) -> Registered | None:
        """The agent that an identity is, or None."""
        known = self._known.get(identity)
        if known is not None:
            return known[0]
        asked_at = self._now()
        return self._known.keep(identity, await self._find(identity), asked_at)

    def forget(self) -> None:
        """Look every identity up again: an agent was changed."""
        self._known.clear()


def admitted(found: Registered | None, who: str) -> Registered:
    """Return the agent if it may call; `who` is how the caller proved to be it.

    Raises:
        UnknownAgent: nobody registered it.
        AgentDisabled: it was stopped.
    """
    if found is None:
        raise UnknownAgent(f"{who} is no registered agent. An operator registers it.")
    if found.status == "disabled":
        raise AgentDisabled(f"Agent {found.agent} is disabled. An operator enables it again.")
    return found
