"""Who is asking: one frozen value, whatever the proof was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from commonhold.model.scope import Author, Delegation

Kind = Literal[
    "anyone",
    "user",
    "agent",
    "service",
    "operator",
    "viewer",
    "anonymous",
    "ingest",
    "feedback",
    "platform",
]
"""What kind of caller: `anyone` is the caller of mode `none`, who is not asked."""

Method = Literal["none", "key", "gateway", "oidc", "k8s", "spiffe"]
"""How a caller proved who it is."""

Scopes = frozenset[str]

EVERYTHING: Scopes = frozenset({"*"})
"""The scopes of who is not asked."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `actor` is the workload that calls, `subject` on whose behalf it does.

    `subject` is a user (`user:<issuer>|<name>`), the actor itself, or empty where there is none.
    `agent` is the registered name of the agent, and `user` the bare name of the user.
    `agent_types` are those that the agent may say to be of; any, where none is registered.
    """

    tenant: str = "default"
    subject: str = ""
    actor: str = "anon"
    kind: Kind = "anyone"
    agent: str = ""
    user: str = ""
    scopes: Scopes = EVERYTHING
    delegation: Delegation = "anonymous"
    method: Method = "none"
    credential_id: str = ""
    agent_types: tuple[str, ...] = ()

    @property
    def stamp(self) -> Author:
        """What is written on every row that this caller writes."""
        return Author(self.agent, self.user, self.actor, self.delegation)


ANYONE = Principal()
"""The caller of mode `none`."""
