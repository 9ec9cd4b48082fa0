"""The contract of tenant storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from commonhold.model.clock import Micros
from commonhold.model.tenant import Status, Tenant


class Tenants(Protocol):
    """The tenants of an installation. None is ever made by a request of its own."""

    async def create(self, name: str, at: Micros, /) -> Tenant:
        """A new tenant, which is active.

        Raises:
            Conflict: there is one of that name.
        """

    async def find(self, name: str, /) -> Tenant | None:
        """The tenant of that name, or None."""

    async def list(self) -> Sequence[Tenant]:
        """Every tenant, by name."""

    async def set_status(self, name: str, status: Status, /) -> Tenant:
        """Let a tenant in, or keep it out.

        Raises:
            NotFound: there is none of that name.
        """
