"""How far one caller reaches: for each operation, stores that hold the rows it is allowed."""

from __future__ import annotations

from typing import Literal

from commonhold.auth.grants import Grants
from commonhold.auth.policy import Allow
from commonhold.contract.stores import Stores
from commonhold.errors import Unsupported
from commonhold.model.scope import EVERY, Only, Scope

Honoured = Literal["", "part_of", "owned_by"]
"""Which bound of `Only` an operation of the storage keeps to, beside none."""


class Reach:
    """The stores of one caller, by operation. What the policy asks and the storage cannot is refused."""

    __slots__ = ("_bound", "_grants", "_stores")

    def __init__(self, stores: Stores, grants: Grants) -> None:
        self._stores = stores
        self._grants = grants
        self._bound: dict[Only, Stores] = {}

    def at(self, operation: str, honours: Honoured = "") -> Stores:
        """The stores for `operation`, whose SQL keeps to the bound that it `honours`.

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

    def sees_content(self, operation: str) -> bool:
        """Whether the caller sees what was said, and so may search in it."""
        return self._grants.allow(operation).view == "full"

    def _bind(self, allowed: Allow) -> Stores:
        tenant = self._grants.principal.tenant
        return self._stores.bind(Scope(tenant, allowed.stamp, allowed.only))


def _kept_to(only: Only, honours: Honoured) -> Only:
    """What is kept to of `only`: every statement about sessions keeps to how they are shared."""
    return Only(
        part_of=only.part_of if honours == "part_of" else None,
        owned_by=only.owned_by if honours == "owned_by" else None,
        of_user=only.of_user,
        held_by=only.held_by,
    )
