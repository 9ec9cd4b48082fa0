"""On whose behalf a store is used: the tenant it sees, and the author it writes as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Delegation = Literal["self", "verified", "asserted", "anonymous"]
"""How sure we are of the author: by itself, proven for a user, claimed for a user, not at all."""

Sharing = Literal["fleet", "user", "owner"]
"""Which agents of a tenant a session is for: all, those that prove its user, those that hold it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: stamped on every row by the store, never taken from a body.

    `agent` and `user` are empty when there is none; `actor` is the key of the calling principal.
    """

    agent: str = ""
    user: str = ""
    actor: str = "anon"
    delegation: Delegation = "anonymous"


@dataclass(frozen=True, slots=True)
class Only:
    """Which rows of the tenant there are for whoever uses a store; all of them where it is None.

    `part_of` is an agent: of traces and feedback there are those in which it had a part.
    `owned_by` is one too: what it neither wrote nor holds, it does not change or remove.
    `user` is whose rows there are.
    Of sessions there are those of the user `of_user`, and those that the agent `held_by` created or
    holds.
    """

    part_of: str | None = None
    owned_by: str | None = None
    user: str | None = None
    of_user: str | None = None
    held_by: str | None = None


EVERY = Only()
"""Every row of the tenant."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a store is bound to. Every statement is keyed by `tenant` first."""

    tenant: str = "default"
    author: Author = field(default_factory=Author)
    only: Only = EVERY


ANYONE = Scope()
"""Mode `none`: one tenant, nobody in particular."""
