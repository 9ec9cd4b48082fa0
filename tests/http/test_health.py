"""What orchestrators ask."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import httpx2
import pytest

from commonhold.contract.stores import Stores
from commonhold.errors import Unavailable
from commonhold.http import HttpOptions, create_app
from commonhold.sql import SqlBackend, open_backend
from tests.http.conftest import over
from tests.http.problems import told


def not_yet() -> NoReturn:
    """A database that is not open."""
    raise Unavailable("The database is being opened.")


class Hanging(SqlBackend):
    """A database that has stopped to answer."""

    async def check(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
async def test_the_process_is_alive(service: httpx2.AsyncClient, path: str) -> None:
    """GET and HEAD, as agents and orchestrators ask."""
    got, headed = await service.get(path), await service.head(path)

    assert (got.status_code, got.json()) == (200, {"status": "ok"})
    assert (headed.status_code, headed.content) == (200, b"")


async def test_the_service_is_ready(service: httpx2.AsyncClient) -> None:
    """With a database that answers and has the schema of this version."""
    got, headed = await service.get("/readyz"), await service.head("/readyz/")

    assert (got.status_code, got.json()) == (200, {"status": "ready"})
    assert headed.status_code == 200


async def test_a_service_whose_database_is_closed_is_alive_and_not_ready(
    service: httpx2.AsyncClient, backend: SqlBackend
) -> None:
    """It says why, and every other route says the same."""
    await backend.aclose()

    assert (await service.get("/healthz")).status_code == 200
    told(await service.get("/readyz"), 503, "closed")
    refused = await service.get("/v1/sessions")
    told(refused, 503, "closed")
    assert refused.headers["retry-after"] == "1"


async def test_a_service_that_waits_for_its_database_is_alive_and_not_ready() -> None:
    """Numbers are told too: they are what one looks at then."""
    async with over(create_app(not_yet)) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        ready = told(await client.get("/readyz"), 503, "unavailable")
        told(await client.put("/v1/sessions/s", json={"messages": []}), 503, "unavailable")

    assert ready["detail"] == "The database is being opened."


async def test_a_schema_of_another_version_is_not_ready() -> None:
    """The answer says what to run."""
    old = await open_backend("sqlite:///:memory:", upgrade=False)
    async with over(create_app(Stores.on(old))) as client:
        problem = told(await client.get("/readyz"), 503, "schema_outdated")
    await old.aclose()

    assert "commonhold db upgrade" in problem["detail"]


async def test_a_database_that_hangs_is_not_ready(backend: SqlBackend) -> None:
    """A probe is answered in time, whatever the database does."""
    hanging = Hanging(backend.database, backend.dialect)
    app = create_app(Stores.on(hanging), HttpOptions(ready_timeout_s=0.05))
    async with over(app) as client:
        problem = told(await client.get("/readyz"), 503, "unavailable")

    assert "0.05 seconds" in problem["detail"]
