"""Who may do what: one pure function over the matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from commonhold.auth.matrix import COLUMNS, MATRIX, Row
from commonhold.auth.principal import Principal
from commonhold.model.scope import EVERY, Author, Only, Sharing

View = Literal["full", "metadata"]
"""Whether what was said may be seen, or only that it was."""

_KINDS = {
    "user": "a user",
    "agent": "an agent",
    "agent verified": "an agent for a user",
    "agent asserted": "an agent for a user it only names",
    "anonymous": "an anonymous caller",
    "ingest": "an ingest key",
    "feedback": "a feedback key",
    "viewer": "a viewer",
    "operator": "an operator",
    "platform": "a platform admin",
    "service": "a service",
}


@dataclass(frozen=True, slots=True)
class Deny:
    """No, and why. `code` is that of the error."""

    code: Literal["forbidden"]
    reason: str


@dataclass(frozen=True, slots=True)
class Allow:
    """Yes: for the rows of `only`, in that much detail, written under that name."""

    only: Only
    view: View
    stamp: Author


Decision = Deny | Allow


def decide(principal: Principal, operation: str, sharing: Sharing = "fleet") -> Decision:
    """What `principal` may do of `operation`, which must be in the matrix.

    `sharing` is which agents of the tenant a session is for.
    """
    row = MATRIX[operation]
    if principal.kind == "anyone":
        return Allow(EVERY, "full", principal.stamp)
    column = column_of(principal)
    cell = row.cells[column]
    if cell == "no":
        return Deny("forbidden", _not_for(column, row))
    needed = "traces:content" if cell == "content" else row.scope
    if needed and needed not in principal.scopes:
        return Deny("forbidden", f"This needs the scope {needed}, which the credential lacks.")
    view: View = "metadata" if cell == "meta" else "full"
    only = _only(cell, principal)
    if principal.kind == "agent" and operation.startswith("sessions."):
        only = _shared(only, principal, sharing)
    return Allow(only, view, principal.stamp)


def column_of(principal: Principal) -> str:
    """The column of the matrix that speaks of this caller."""
    if principal.kind == "agent" and principal.user:
        return "agent verified" if principal.delegation == "verified" else "agent asserted"
    return principal.kind


def _only(cell: str, principal: Principal) -> Only:
    if cell == "part":
        return Only(part_of=principal.agent)
    if cell == "own":
        return Only(owned_by=principal.agent)
    if cell in ("user", "anon"):
        return Only(user=principal.user)
    return EVERY


def _shared(only: Only, agent: Principal, sharing: Sharing) -> Only:
    """The sessions that are shared with an agent, of those in `only`."""
    if sharing == "fleet":
        return only
    if sharing == "owner":
        return replace(only, held_by=agent.agent)
    is_proven = agent.user != "" and agent.delegation == "verified"
    return replace(only, of_user=agent.user, held_by=None if is_proven else agent.agent)


def _not_for(column: str, row: Row) -> str:
    may = [_KINDS[name] for name in COLUMNS if row.cells[name] != "no"]
    told = f"{_KINDS[column].capitalize()} may not do this ({row.operation})."
    return f"{told} Allowed: {', '.join(may)}." if may else told
