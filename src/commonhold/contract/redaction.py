"""The contract of where the policies of tenants are kept."""

from __future__ import annotations

from typing import Protocol

from commonhold.model.redaction import StoredChange


class Policies(Protocol):
    """What each tenant has different from the service; who may change it is decided above.

    R1. A change takes the place of the one before, whole.
    """

    async def find(self, tenant: str, /) -> StoredChange | None:
        """The change of a tenant, or None where it has what the service has."""

    async def put(self, tenant: str, stored: StoredChange, /) -> None:
        """Keep the change of a tenant."""
