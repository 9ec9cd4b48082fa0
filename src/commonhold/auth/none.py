"""Mode `none`: everybody is the same anonymous caller, and may say which agent it is."""

from __future__ import annotations

from commonhold.auth import Headers
from commonhold.model import ids
from commonhold.model.scope import ANYONE, Author, Scope


def scope_for(agent: str | None) -> Scope:
    """The scope of an anonymous caller; `agent` is what the URL prefix named, taken at its word.

    Raises:
        InvalidRequest: `agent` cannot name an agent.
    """
    if agent is None:
        return ANYONE
    return Scope(author=Author(agent=ids.check_agent(agent)))


def authenticate(_headers: Headers, agent: str | None) -> Scope:
    """The `Authenticator` of this mode: it looks at no header."""
    return scope_for(agent)
