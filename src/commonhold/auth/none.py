"""Mode `none`: everybody is the same anonymous caller, and may say which agent it is."""

from __future__ import annotations

from commonhold.auth import Headers
from commonhold.auth.principal import ANYONE, Principal
from commonhold.model import ids


async def authenticate(
    _headers: Headers,
    agent: str | None,
    *,
    may_be_stale: bool = False,  # noqa: ARG001  (there is nothing that could be)
) -> Principal:
    """The `Authenticator` of this mode: it looks at no header, and takes `agent` at its word.

    Raises:
        InvalidRequest: `agent` cannot name an agent.
    """
    return ANYONE if agent is None else Principal(agent=ids.check_agent(agent))
