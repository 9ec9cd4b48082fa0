"""Which agent an identity is, and whether that may call."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from commonhold.errors import AgentDisabled, UnknownAgent
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros
from commonhold.model.registry import Identity, Registered

TTL_S = 2
"""How long an answer is believed, in seconds: as long as a key is."""

REMEMBERED = 4096
"""Identities that a process remembers, of agents and of others."""

_SECOND = 1_000_000

Find = Callable[[Identity], Awaitable[Registered | None]]
"""The agent that an identity is bound to, or None."""


class Roster:
    """Looks identities up, and believes the answer for a moment."""

    def __init__(self, find: Find, now: Clock = clock.now) -> None:
        self._find = find
        self._now = now
        self._known: OrderedDict[Identity, tuple[Registered | None, Micros]] = OrderedDict()

    async def find(self, identity: Identity) -> Registered | None:
        """The agent that an identity is, or None."""
        now = self._now()
        known = self._known.get(identity)
        if known is not None and now < known[1]:
            return known[0]
        found = await self._find(identity)
        self._known[identity] = found, Micros(now + TTL_S * _SECOND)
        self._known.move_to_end(identity)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

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
