"""The API over real SQLite: as the service, and mounted on an application of somebody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from commonhold.contract.stores import Stores
from commonhold.http import HttpOptions, create_app, router
from commonhold.sql import SqlBackend, open_backend

LOCAL = "http://localhost:8080"


@pytest.fixture
async def backend() -> AsyncIterator[SqlBackend]:
    """An empty database."""
    opened = await open_backend("sqlite:///:memory:")
    yield opened
    await opened.aclose()


@pytest.fixture
def options() -> HttpOptions:
    """The limits a test runs with."""
    return HttpOptions()


@pytest.fixture(params=["service", "mounted"])
async def client(
    request: pytest.FixtureRequest, backend: SqlBackend, options: HttpOptions
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the same API, reached in both ways."""
    stores = Stores.on(backend)
    app: FastAPI
    if request.param == "service":
        app, base = create_app(stores, options), LOCAL
    else:
        app, base = FastAPI(), f"{LOCAL}/agent"
        app.include_router(router(stores, options), prefix="/agent")
    async with over(app, base) as made:
        yield made


@pytest.fixture
async def service(backend: SqlBackend, options: HttpOptions) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the service alone."""
    async with over(create_app(Stores.on(backend), options)) as made:
        yield made


def over(app: FastAPI, base: str = LOCAL) -> httpx2.AsyncClient:
    """A client that calls `app` in process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=base)
