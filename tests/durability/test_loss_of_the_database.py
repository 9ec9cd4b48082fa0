"""Postgres dies under the service: clients hear 503, nothing is half written, and it recovers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from tests import processes
from tests.conftest import no_postgres
from tests.durability.writers import SPANS, Load, a_message, a_trace, check_all_there
from tests.postgres import PostgresMissing, PostgresServer
from tests.processes import PATIENCE_S, Process


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that keeps what it acknowledged, and that a test may kill."""
    try:
        running = PostgresServer(durable=True).start()
    except PostgresMissing as reason:
        no_postgres(reason)
    yield running
    running.close()


@pytest.fixture
def service(server: PostgresServer, tmp_path: Path) -> Iterator[Process]:
    """A service over it."""
    with processes.service(server.dsn(), tmp_path) as process:
        yield process


def check_problem(answer: httpx2.Response) -> None:
    """It is a 503 that says what to do and when to come back."""
    assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert int(answer.headers["retry-after"]) >= 1
    body = answer.json()
    assert body["code"] == "unavailable"
    assert body["detail"]
    assert "Traceback" not in answer.text


async def until_ready(url: str) -> None:
    """Return when the service is ready again by itself."""
    deadline = time.monotonic() + PATIENCE_S
    async with httpx2.AsyncClient(timeout=30) as client:
        while (await client.get(f"{url}/readyz")).status_code != 200:
            assert time.monotonic() < deadline, "it did not recover"
            await asyncio.sleep(0.1)


async def test_every_acknowledged_write_survives_the_death_of_postgres(
    server: PostgresServer, service: Process
) -> None:
    """Load, SIGKILL of every Postgres process, restart of Postgres only, read back everything."""
    async with Load(service.url, "load") as load:
        await load.until_acknowledged(300)
        await asyncio.sleep(random.uniform(0, 0.5))
        await asyncio.to_thread(server.kill9)
        before = load.log.count
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)
        await until_ready(service.url)
        await load.until_acknowledged(before + 100)
    assert load.log.lost == 0, "the service itself must stay"
    assert load.log.refusals, "nobody noticed"
    for answer in load.log.refusals:
        check_problem(answer)
    await check_all_there(service.url, load.log)


async def test_a_dead_database_is_told_on_every_route(
    server: PostgresServer, service: Process
) -> None:
    """Reads and writes answer 503, `/readyz` says why, `/healthz` stays: no restart is needed."""
    async with httpx2.AsyncClient(base_url=service.url, timeout=30) as client:
        await client.put("/v1/sessions/kept", json={"messages": [a_message("before")]})
        await asyncio.to_thread(server.kill9)
        calls = [
            ("POST", "/v1/sessions", {}),
            ("PUT", "/v1/sessions/s", {"messages": [a_message("s")]}),
            ("PATCH", "/v1/sessions/kept", {"cost_data": {"a": 1}}),
            ("GET", "/v1/sessions/kept", None),
            ("GET", "/v1/sessions/kept/cost_data", None),
            ("GET", "/v1/sessions/kept/messages", None),
            ("GET", "/v1/sessions", None),
            ("DELETE", "/v1/sessions/kept", None),
            ("POST", "/v1/traces", a_trace("0" * 32)),
            ("GET", "/v1/traces/t", None),
            ("GET", "/v1/traces", None),
            ("POST", "/v1/feedback", {"rating": 1}),
            ("PATCH", "/v1/feedback/f", {"rating": 1}),
            ("GET", "/v1/feedback", None),
            ("GET", "/v1/feedback/f", None),
            ("GET", "/v1/feedback/stats", None),
        ]
        for method, path, body in calls:
            check_problem(await client.request(method, path, json=body))
        assert (await client.head("/v1/sessions/kept")).status_code == 503
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        await asyncio.to_thread(server.start)
        await until_ready(service.url)
        found = await client.get("/v1/sessions/kept")
        assert len(found.json()["messages"]) == 1
        for method, path, body in calls:
            again = await client.request(method, path, json=body)
            assert again.status_code < 500, f"{method} {path}: {again.text}"


async def test_a_database_gone_in_the_middle_of_a_write_leaves_no_half_of_it(
    server: PostgresServer, service: Process
) -> None:
    """Writes are held up by a lock until the server dies: all are refused, none left a trace."""
    async with (
        httpx2.AsyncClient(base_url=service.url, timeout=60) as client,
        _watching(server) as watcher,
        _watching(server) as holder,
    ):
        first = a_message("first")
        await client.put("/v1/sessions/s", json={"messages": [first]})
        # Of the tables each write touches only one is locked: the others are written by then.
        await holder.execute("BEGIN; LOCK TABLE message, span, feedback_count IN EXCLUSIVE MODE")
        longer = {"messages": [first, a_message("second")]}
        writes = [
            asyncio.create_task(client.put("/v1/sessions/s", json=longer)),
            asyncio.create_task(client.post("/v1/traces", json=a_trace("t"))),
            asyncio.create_task(client.post("/v1/feedback", json={"rating": 1})),
        ]
        await _until_waiting(watcher, len(writes))
        await asyncio.to_thread(server.kill9)
        for answer in await asyncio.gather(*writes):
            check_problem(answer)
        await asyncio.to_thread(server.start)
        await until_ready(service.url)
        assert (await client.get("/v1/sessions/s")).json()["messages"] == [first]
        assert (await client.get("/v1/traces/t")).status_code == 404
        assert (await client.get("/v1/feedback")).json() == []
        assert (await client.get("/v1/feedback/stats")).json() == []
        again = await client.post("/v1/traces", json=a_trace("t"))
        assert again.status_code == 201
        assert len((await client.get("/v1/traces/t")).json()["spans"]) == SPANS


@asynccontextmanager
async def _watching(server: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own, dropped without a word: its server may be dead by then."""
    connection = await asyncpg.connect(server.dsn())
    try:
        yield connection
    finally:
        connection.terminate()


async def _until_waiting(watcher: asyncpg.Connection, count: int) -> None:
    """Return when so many statements wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    deadline = time.monotonic() + PATIENCE_S
    while await watcher.fetchval(waiting) < count:
        assert time.monotonic() < deadline, "the writes do not reach the locked tables"
        await asyncio.sleep(0.02)
