"""Several modes at once: the credential says which of them it is for."""

from __future__ import annotations

from commonhold.auth import Authenticator, Headers
from commonhold.auth.bearer import bearer_of
from commonhold.auth.principal import Principal
from commonhold.auth.token_form import looks_like_a_token
from commonhold.errors import Unauthenticated

NEEDED = (
    "This service needs a key or a token: send it as `Authorization: Bearer chk_...`, or with the"
    " token of an issuer that it knows."
)


class KeysOrTokens:
    """The `Authenticator` of modes `keys` and `oidc` together.

    A credential that one of them refuses is not shown to the other.
    """

    def __init__(self, keys: Authenticator, tokens: Authenticator) -> None:
        self._keys = keys
        self._tokens = tokens

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """Who sent these headers.

        Raises:
            Unauthenticated: there is no credential, or it is not good.
            Forbidden: it is not for what is asked.
            Unavailable: it cannot be looked at now.
        """
        text = bearer_of(headers)
        if text is None:
            raise Unauthenticated(NEEDED)
        chosen = self._tokens if looks_like_a_token(text) else self._keys
        return await chosen(headers, agent, may_be_stale=may_be_stale)
