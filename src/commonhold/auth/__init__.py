"""Who is asking, and what they may do: from a request to a principal, and from there to a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from commonhold.auth.principal import Principal

Headers = Mapping[bytes, bytes]
"""The headers of one request, names in lower case."""


class Authenticator(Protocol):
    """Headers, and the agent named by the URL prefix if any, to who is asking."""

    async def __call__(
        self, headers: Headers, agent: str | None, /, *, may_be_stale: bool = False
    ) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: there is no credential, or a bad one.
            Forbidden: the caller may not call itself that.
        """
