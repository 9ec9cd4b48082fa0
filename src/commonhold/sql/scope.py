"""The columns a scope puts on every row."""

from __future__ import annotations

from typing import TypedDict

from commonhold.model.scope import Author, Delegation, Scope


class Stamp(TypedDict):
    """Who writes, as named parameters of a statement."""

    owner_agent: str
    owner_user: str
    actor: str
    delegation: Delegation


def stamp(scope: Scope) -> Stamp:
    """The author columns of a scope."""
    author = scope.author
    return Stamp(
        owner_agent=author.agent,
        owner_user=author.user,
        actor=author.actor,
        delegation=author.delegation,
    )


def scope_of(tenant: str, stamped: Stamp) -> Scope:
    """The scope whose author columns these are."""
    author = Author(
        stamped["owner_agent"], stamped["owner_user"], stamped["actor"], stamped["delegation"]
    )
    return Scope(tenant, author)
