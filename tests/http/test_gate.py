"""Overload: a clear 503 instead of a queue without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from commonhold.contract.stores import Stores
from commonhold.http import HttpOptions, create_app, router
from commonhold.sql import SqlBackend
from tests.http.conftest import over
from tests.http.problems import told


class Slow:
    """A body that stays open until it is told to end."""

    def __init__(self, size: int = 0) -> None:
        self.begun = asyncio.Event()
        self.end = asyncio.Event()
        self._size = size

    async def __call__(self) -> AsyncIterator[bytes]:
        """The pieces of the body."""
        yield b'{"messages":[{"x":"' + b"x" * self._size
        self.begun.set()
        await self.end.wait()
        yield b'"}]}'


async def in_flight(client: httpx2.AsyncClient, slow: Slow) -> asyncio.Task[httpx2.Response]:
    """A request whose body has begun to arrive and has not ended."""
    task = asyncio.create_task(client.put("/v1/sessions/slow", content=slow()))
    await slow.begun.wait()
    await asyncio.sleep(0.01)
    return task


@pytest.fixture(params=["service", "mounted"])
def app(request: pytest.FixtureRequest, backend: SqlBackend) -> FastAPI:
    """Room for two requests and a thousand bytes."""
    options = HttpOptions(max_inflight_requests=1, max_inflight_bytes=1000)
    if request.param == "service":
        return create_app(Stores.on(backend), options)
    app = FastAPI()
    app.include_router(router(Stores.on(backend), options))
    return app


async def test_more_requests_than_the_bound_are_503(app: FastAPI) -> None:
    """They say when to come back, and the one in flight is not disturbed."""
    async with over(app) as client:
        slow = Slow()
        task = await in_flight(client, slow)
        refused = await client.get("/v1/sessions")
        slow.end.set()
        saved = await task
        after = await client.get("/v1/sessions")

    assert told(refused, 503, "unavailable")["retry_after_seconds"] == 1
    assert refused.headers["retry-after"] == "1"
    assert saved.status_code == after.status_code == 200


async def test_more_bytes_than_the_bound_are_503(backend: SqlBackend) -> None:
    """A body that fits beside what is held is taken, one that does not is refused."""
    app = create_app(Stores.on(backend), HttpOptions(max_inflight_bytes=1000))
    body = {"messages": [{"x": "y" * 600}]}
    async with over(app) as client:
        slow = Slow(500)
        task = await in_flight(client, slow)
        refused = await client.put("/v1/sessions/a", json=body)
        small = await client.put("/v1/sessions/b", json={"messages": []})
        slow.end.set()
        saved = await task
        after = await client.put("/v1/sessions/a", json=body)

    assert "bytes" in told(refused, 503, "unavailable")["detail"]
    assert saved.status_code == small.status_code == after.status_code == 200


async def test_one_body_alone_may_pass_the_bound(backend: SqlBackend) -> None:
    """Or a limit set too small would lock it out for ever."""
    app = create_app(Stores.on(backend), HttpOptions(max_inflight_bytes=10))
    async with over(app) as client:
        saved = await client.put("/v1/sessions/a", json={"messages": [{"x": "y" * 600}]})

    assert saved.status_code == 200


async def test_probes_are_answered_under_any_load(backend: SqlBackend) -> None:
    """Or an orchestrator would kill what is merely busy."""
    app = create_app(Stores.on(backend), HttpOptions(max_inflight_requests=1))
    async with over(app) as client:
        slow = Slow()
        task = await in_flight(client, slow)
        probes = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics")]
        slow.end.set()
        await task

    assert [probe.status_code for probe in probes] == [200, 200, 200]
    assert "commonhold_http_requests_in_flight 2.0" in probes[2].text


async def test_what_was_held_is_given_back(backend: SqlBackend) -> None:
    """After success, refusal and failure alike."""
    app = create_app(Stores.on(backend), HttpOptions(max_body_bytes=500))
    async with over(app) as client:
        await client.put("/v1/sessions/a", json={"messages": []})
        await client.put("/v1/sessions/a", content=b"x" * 400)
        await client.put("/v1/sessions/a", content=b"x" * 600)
        numbers = (await client.get("/metrics")).text

    assert "commonhold_http_body_bytes_in_flight 0.0" in numbers
    assert "commonhold_http_requests_in_flight 1.0" in numbers
