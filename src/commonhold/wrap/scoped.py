"""The stores of one caller: each operation is asked of the policy, and done on the rows it allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from commonhold.auth import Headers
from commonhold.auth.grants import Grants
from commonhold.contract.stores import Backend, Stores
from commonhold.errors import Forbidden
from commonhold.model.scope import Scope
from commonhold.wrap.reach import Reach
from commonhold.wrap.scoped_feedback import ScopedFeedback
from commonhold.wrap.scoped_sessions import ScopedSessions
from commonhold.wrap.scoped_traces import ScopedTraces


@dataclass(frozen=True, slots=True)
class Bound:
    """A caller, and the stores that are its own."""

    stores: Stores
    grants: Grants


Bind = Callable[[Headers, str | None], Awaitable[Bound]]
"""From the headers of a request, and the agent that its URL names, to whose it is.

Raises `Unauthenticated` or `Forbidden`.
"""


def bind_to(stores: Stores, grants: Grants) -> Bound:
    """`stores` as they are for one caller.

    Who is not asked for a credential may do everything, and works on the stores themselves.
    """
    caller = grants.principal
    if caller.kind == "anyone":
        return Bound(stores.bind(Scope(caller.tenant, caller.stamp)), grants)
    return Bound(Stores.on(ScopedBackend(stores, grants)), grants)


class ScopedBackend:
    """`contract.stores.Backend` for one caller, who cannot close it or bind it to another."""

    def __init__(self, stores: Stores, grants: Grants) -> None:
        self._stores = stores
        reach = Reach(stores, grants)
        self.sessions = ScopedSessions(reach)
        self.traces = ScopedTraces(reach)
        self.feedback = ScopedFeedback(reach)

    def bind(self, scope: Scope, /) -> Backend:
        """Refused.

        Raises:
            Forbidden: always.
        """
        raise Forbidden("These stores are those of one caller.")

    async def check(self) -> None:
        """Return when the storage can serve."""
        await self._stores.check()

    async def aclose(self) -> None:
        """Nothing is closed: others use it too."""
