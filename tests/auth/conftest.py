"""One service in mode `keys` for each database, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from _pytest.fixtures import SubRequest

from tests.auth.everyone import Everyone, everyone
from tests.auth.fleet import Fleet, fleet
from tests.databases import Databases


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def here(
    request: SubRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """The service; tests use ids of their own."""
    if request.param == "sqlite":
        async with fleet(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'keys.db'}") as opened:
            yield opened
        return
    databases: Databases = request.getfixturevalue("postgres_server")
    name = databases.create_migrated()
    async with fleet(databases.dsn(name)) as opened:
        yield opened
    databases.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def all_modes(
    request: SubRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Everyone]:
    """A service in all modes at once."""
    if request.param == "sqlite":
        async with everyone(f"sqlite:///{tmp_path_factory.mktemp('all') / 'all.db'}") as opened:
            yield opened
        return
    databases: Databases = request.getfixturevalue("postgres_server")
    name = databases.create_migrated()
    async with everyone(databases.dsn(name)) as opened:
        yield opened
    databases.drop(name)
