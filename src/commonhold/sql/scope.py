"""The columns a scope puts on every row."""

from __future__ import annotations

from typing import TypedDict

from commonhold.model.scope import Author, Delegation, Only, Scope
from commonhold.model.summary import label


class Stamp(TypedDict):
    """Who writes, as named parameters of a statement."""

    owner_agent: str
    owner_user: str
    actor: str
    delegation: Delegation


class SessionKey(TypedDict):
    """One session, if it is within the reach of a scope, as named parameters of a statement."""

    tenant: str
    session_id: str
    of_user: str | None
    held_by: str | None


def session_key(scope: Scope, session_id: str) -> SessionKey:
    """The session that a scope means by this id."""
    only = scope.only
    return SessionKey(
        tenant=scope.tenant,
        session_id=session_id,
        of_user=only.of_user if only.user is None else only.user,
        held_by=only.held_by,
    )


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


def part_label(only: Only) -> str | None:
    """The label that the traces have in which an agent had a part; None for all traces."""
    return None if only.part_of is None else label("agent", only.part_of)
