"""Whether an agent may call: it is registered, and nobody stopped it."""

from __future__ import annotations

from commonhold.errors import AgentDisabled, UnknownAgent
from commonhold.model.registry import Registered


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
