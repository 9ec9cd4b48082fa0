"""Over real sockets: what a client sees when its body is refused or its connection goes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import uvicorn

from commonhold.contract.stores import Stores
from commonhold.http import HttpOptions, create_app
from commonhold.sql import SqlBackend
from tests.http.problems import told

MEGABYTE = 1_000_000


@asynccontextmanager
async def serving(backend: SqlBackend, options: HttpOptions) -> AsyncIterator[int]:
    """The service on a free port, as uvicorn runs it."""
    app = create_app(Stores.on(backend), options)
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture
async def port(backend: SqlBackend, options: HttpOptions) -> AsyncIterator[int]:
    """Where the service listens."""
    async with serving(backend, options) as port:
        yield port


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length nobody knows beforehand."""
    yield b'{"messages": [{"x": "'
    for _ in range(size // MEGABYTE):
        yield b"x" * MEGABYTE
    yield b'"}]}'


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_client_that_sends_70_megabytes_reads_413(port: int, is_chunked: bool) -> None:
    """It is not cut off while it is still sending, and may go on with its connection."""
    size = 70 * MEGABYTE
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        content = pieces(size) if is_chunked else b"x" * size
        refused = await client.put("/v1/sessions/s", content=content)
        after = await client.get("/v1/sessions/s")

    told(refused, 413, "payload_too_large")
    told(after, 404)


async def test_a_client_that_waits_for_leave_is_refused_at_once(port: int) -> None:
    """With `Expect: 100-continue` nothing has to be read first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"PUT /v1/sessions/s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 413 ")


async def begin(port: int, size: int) -> asyncio.StreamWriter:
    """A request of `size` bytes that has begun and does not go on."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"PUT /v1/sessions/s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        b'{"messages": [' % size
    )
    await writer.drain()
    return writer


async def until_held(client: httpx2.AsyncClient, size: int) -> str:
    """The numbers of the service once it holds exactly `size` bytes of bodies."""
    while True:
        numbers = (await client.get("/metrics")).text
        held = re.search(r"^commonhold_http_body_bytes_in_flight (\S+)$", numbers, re.MULTILINE)
        if held is not None and float(held[1]) == size:
            return numbers
        await asyncio.sleep(0.01)


async def test_a_caller_that_hangs_up_leaves_nothing_behind(port: int, backend: SqlBackend) -> None:
    """What it was writing is not there, and what it held is given back."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        writer = await begin(port, 1000)
        await until_held(client, 1000)
        writer.close()
        await writer.wait_closed()
        numbers = await until_held(client, 0)

    assert 'route="/v1/sessions/{session_id}",status="499"} 1.0' in numbers
    assert await backend.sessions.find("s") is None


async def test_overload_is_refused_without_cutting_a_client_off(backend: SqlBackend) -> None:
    """A body that does not fit is taken and forgotten; the 503 reaches its sender."""
    body = b'{"messages": [{"x": "%b"}]}' % (b"y" * 4 * MEGABYTE)
    async with (
        serving(backend, HttpOptions(max_inflight_bytes=5 * MEGABYTE)) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        writer = await begin(port, 2 * MEGABYTE)
        await until_held(client, 2 * MEGABYTE)
        refused = await client.put("/v1/sessions/t", content=body)
        writer.close()
        await writer.wait_closed()
        await until_held(client, 0)
        saved = await client.put("/v1/sessions/t", content=body)

    told(refused, 503, "unavailable")
    assert refused.headers["retry-after"] == "1"
    assert saved.status_code == 200
