"""Which stores a request works on: those of its author."""

from __future__ import annotations

from collections.abc import Callable

from commonhold.auth import Authenticator, Headers
from commonhold.auth.grants import Grants
from commonhold.auth.principal import ANYONE, Principal
from commonhold.auth.vote_token import vote_token_of
from commonhold.contract.stores import Stores
from commonhold.errors import Forbidden
from commonhold.model.scope import Scope, Sharing
from commonhold.wrap import Bind, Bound, bind_to

_REMEMBERED = 1024


def as_given(stores: Stores) -> Bind:
    """Every request works on `stores` as they are bound already."""
    bound = Bound(stores, Grants(ANYONE))

    async def bind(_headers: Headers, _agent: str | None) -> Bound:
        return bound

    return bind


class ByAuthor:
    """Binds the stores to whoever the request comes from.

    `source` gives the stores when the first request needs them: a process opens its database
    while it starts, after its application has been put together.
    """

    def __init__(
        self,
        source: Callable[[], Stores],
        authenticate: Authenticator,
        sharing: Sharing = "fleet",
    ) -> None:
        self._source = source
        self._sharing = sharing
        self._authenticate = authenticate
        self._base: Stores | None = None
        self._bound: dict[Principal, Bound] = {}
        self._scopes: dict[Scope, Stores] = {}

    async def __call__(self, headers: Headers, agent: str | None) -> Bound:
        """Whoever the request comes from, by a credential that is good for everything.

        Raises:
            Unauthenticated: there is no credential, or a bad one.
            Forbidden: it has a vote token: whatever takes those asks for them itself.
        """
        if b"authorization" in headers and vote_token_of(headers) is not None:
            raise Forbidden("With a vote token one can give that vote, read it and change it only.")
        caller = await self._authenticate(headers, agent)
        base = self._current()
        bound = self._bound.get(caller)
        if bound is None:
            bound = self._bound[caller] = bind_to(base, Grants(caller, self._sharing))
        return bound

    async def grants_of(self, headers: Headers, agent: str | None) -> Grants:
        """What a caller may do, of things that are no secret: a credential may have ended just now.

        Raises:
            Unauthenticated: there is no credential, or a bad one.
        """
        return Grants(await self._authenticate(headers, agent, may_be_stale=True))

    def stores_of(self, scope: Scope) -> Stores:
        """The stores on behalf of a scope, with nothing forbidden: what a vote token stands for."""
        base = self._current()
        stores = self._scopes.get(scope)
        if stores is None:
            stores = self._scopes[scope] = base.bind(scope)
        return stores

    def _current(self) -> Stores:
        """The stores; when they are others than before, or many are bound, all are bound anew."""
        base = self._source()
        if base is not self._base or len(self._bound) + len(self._scopes) >= _REMEMBERED:
            self._base = base
            self._bound, self._scopes = {}, {}
        return base
