"""How far one caller reaches: for each operation, stores that hold the rows it is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from commonhold.auth.grants import Grants
from commonhold.auth.policy import Allow
from commonhold.contract.stores import Stores
from commonhold.errors import AgentTypeNotAllowed, Unsupported
from commonhold.model.scope import EVERY, Only, Scope

Honoured = Literal["part_of", "owned_by", "user"]
"""The bounds of `Only` to which an operation of the storage may keep."""


class Reach:
    """The stores of one caller, by operation. What the policy asks and the storage cannot is refused."""

    __slots__ = ("_bound", "_grants", "_stores")

    def __init__(self, stores: Stores, grants: Grants) -> None:
        self._stores = stores
        self._grants = grants
        self._bound: dict[Only, Stores] = {}

    def at(self, operation: str, *honours: Honoured) -> Stores:
        """The stores for `operation`, whose SQL keeps to the bounds that it `honours`.

        Raises:
            Forbidden: the caller may not do it.
            Unsupported: the caller may do it for fewer rows than the storage can tell apart.
        """
        allowed = self._grants.allow(operation)
        if allowed.only != EVERY and allowed.only != _kept_to(allowed.only, honours):
            raise Unsupported(f"{operation} is not there yet for this kind of caller.")
        bound = self._bound.get(allowed.only)
        if bound is None:
            bound = self._bound[allowed.only] = self._bind(allowed)
        return bound

    @property
    def is_somebody(self) -> bool:
        """Whether the caller is a person who comes without an agent, signed in or not."""
        return self._grants.principal.kind in {"user", "anonymous"}

    @property
    def is_nobody(self) -> bool:
        """Whether the caller is not signed in."""
        return self._grants.principal.kind == "anonymous"

    def sees_content(self, operation: str) -> bool:
        """Whether the caller sees what was said, and so may search in it."""
        return self._grants.allow(operation).view == "full"

    def check_type(self, agent_type: str | None) -> None:
        """Let an agent say to be of one of its types only, where it is registered with some.

        Raises:
            AgentTypeNotAllowed: it is of no such type.
        """
        caller = self._grants.principal
        if agent_type and caller.agent_types and agent_type not in caller.agent_types:
            raise AgentTypeNotAllowed(
                f"Agent {caller.agent} may say to be of type {', '.join(caller.agent_types)};"
                f" not {agent_type}."
            )

    def _bind(self, allowed: Allow) -> Stores:
        tenant = self._grants.principal.tenant
        return self._stores.bind(Scope(tenant, allowed.stamp, allowed.only))


def _kept_to(only: Only, honours: Iterable[Honoured]) -> Only:
    """What is kept to of `only`: every statement about sessions keeps to how they are shared."""
    kept = {name: getattr(only, name) for name in honours}
    return Only(of_user=only.of_user, held_by=only.held_by, **kept)
