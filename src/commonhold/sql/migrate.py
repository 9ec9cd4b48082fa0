"""Migrations by URL: what `commonhold db` runs. No statement of these has a time limit."""

from __future__ import annotations

from collections.abc import Callable

from commonhold.sql.backend import SqlOptions, open_backend
from commonhold.sql.steps import SchemaStatus, Step

_ONE = SqlOptions(pool_size=1)


async def upgrade(url: str, progress: Callable[[Step], None] | None = None) -> tuple[Step, ...]:
    """Bring a database to the schema of this version; the steps that were needed.

    Raises:
        Unavailable: the database cannot be opened, or was made by another version.
    """
    backend = await open_backend(url, upgrade=False, options=_ONE, command_timeout_s=None)
    async with backend:
        return await backend.upgrade(progress)


async def status(url: str) -> SchemaStatus:
    """Where a database stands; nothing is changed."""
    async with await open_backend(url, upgrade=False, options=_ONE) as backend:
        return await backend.status()


async def verify(url: str) -> tuple[str, ...]:
    """What is wrong with a database, in sentences; nothing when all is well."""
    backend = await open_backend(url, upgrade=False, options=_ONE, command_timeout_s=None)
    async with backend:
        return await backend.verify()
