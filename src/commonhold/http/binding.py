"""Which stores a request works on: those of its author."""

from __future__ import annotations

from collections.abc import Callable

from commonhold.auth import Authenticator, Headers
from commonhold.auth.vote_token import vote_token_of
from commonhold.contract.stores import Stores
from commonhold.errors import Forbidden
from commonhold.model.scope import Scope

Bind = Callable[[Headers, str | None], Stores]
"""Headers, and the agent named by the URL prefix if any, to the stores of the request."""

_REMEMBERED = 1024


def as_given(stores: Stores) -> Bind:
    """Every request works on `stores` as they are bound already."""

    def bind(_headers: Headers, _agent: str | None) -> Stores:
        return stores

    return bind


class ByAuthor:
    """Binds the stores to whoever the request comes from.

    `source` gives the stores when the first request needs them: a process opens its database
    while it starts, after its application has been put together.
    """

    def __init__(self, source: Callable[[], Stores], authenticate: Authenticator) -> None:
        self._source = source
        self._authenticate = authenticate
        self._base: Stores | None = None
        self._bound: dict[Scope, Stores] = {}

    def __call__(self, headers: Headers, agent: str | None) -> Stores:
        return self.stores_of(self.scope_of(headers, agent))

    def scope_of(self, headers: Headers, agent: str | None) -> Scope:
        """Whom the request comes from, by a credential that is good for everything.

        Raises:
            Forbidden: it has a vote token: whatever takes those asks for them itself.
        """
        if b"authorization" in headers and vote_token_of(headers) is not None:
            raise Forbidden("With a vote token one can give that vote, read it and change it only.")
        return self._authenticate(headers, agent)

    def stores_of(self, scope: Scope) -> Stores:
        """The stores on behalf of a scope."""
        base = self._source()
        if base is not self._base or len(self._bound) >= _REMEMBERED:
            self._base = base
            self._bound = {}
        bound = self._bound.get(scope)
        if bound is None:
            bound = self._bound[scope] = base.bind(scope)
        return bound
