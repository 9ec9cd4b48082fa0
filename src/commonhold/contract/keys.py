"""The contract of key storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from commonhold.model.clock import Micros
from commonhold.model.key import ApiKey


class Keys(Protocol):
    """Keys of every tenant; who may see which is decided above.

    K1. The secret of a key is never stored.
    K2. A key that is revoked stays listed, and nothing makes it good again.
    K3. The end of a key only ever comes nearer.
    """

    async def add(self, key: ApiKey, /) -> None:
        """Keep a new key, and register the agent whose it is.

        Raises:
            Conflict: there is one with its id.
        """

    async def find(self, key_id: str, /) -> ApiKey | None:
        """The key of that id, whichever tenant it is of, or None."""

    async def list(self, tenant: str, /) -> Sequence[ApiKey]:
        """The keys of a tenant, newest first."""

    async def revoke(self, tenant: str, key_id: str, at: Micros, /) -> ApiKey:
        """End a key now; one that was revoked before stays as it was.

        Raises:
            NotFound: the tenant has no such key.
        """

    async def replace(self, old: ApiKey, new: ApiKey, until: Micros, /) -> None:
        """Keep `new` beside `old`, which ends at `until` at the latest; both or neither.

        Raises:
            Conflict: `old` opens nothing any more.
        """

    async def touch(self, key_id: str, now: Micros, before: Micros, /) -> None:
        """Note that a key was used `now`, unless its last use was noted after `before`."""
