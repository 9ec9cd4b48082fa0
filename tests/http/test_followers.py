"""Tails as the service bears them: one that nobody reads, and a thousand at once."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from commonhold.testing.factories import message
from tests.processes import PATIENCE_S, Process

FOLLOWERS = 1000
FILES = 4096
SERVE = """
import sys
from commonhold.cli.app import run
from commonhold.http import streams
streams.SLOW_S = float(sys.argv[1])
sys.exit(run(sys.argv[2:]))
"""

MEGABYTE = 1 << 20
WARM = 80
"""Messages of one megabyte after which the cache of the database and all buffers are full."""

BIG = 60
"""So many more that nobody reads."""

GROWTH = BIG * MEGABYTE // 2
"""Bytes that the allocator may take on top: half of what it would be to keep what is not read."""

MANY = 10
"""Messages of that size, more than a connection holds."""

LONG_S = 600.0


def serving(folder: Path, slow_s: float) -> Process:
    """The service, with its own idea of how long a reader may leave unread what was sent."""
    flags = ["serve", "--database", f"sqlite:///{folder}/common.db", "--port"]
    command = [sys.executable, "-c", SERVE, str(slow_s), *flags]
    environ = {"COMMONHOLD_LOG_LEVEL": "warning"}
    return Process(lambda port: [*command, str(port)], folder, name="slow", environ=environ)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for a thousand connections, here and in the processes that are started here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard if hard != resource.RLIM_INFINITY and hard < FILES else FILES
    if enough < 2 * FOLLOWERS:
        pytest.skip(f"this system gives a process {hard} open files at most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, enough), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def append(url: str, session: str, *ids: str, size: int = 5) -> None:
    """Messages of that size, one request each."""
    with httpx2.Client(base_url=url, timeout=PATIENCE_S) as client:
        for name in ids:
            body = {"messages": [json.loads(message(name, "x" * size))]}
            answer = client.post(f"/v1/sessions/{session}/messages", json=body)
            assert answer.status_code == 201, answer.text


def memory_of(process: Process) -> int:
    """Resident bytes of the service."""
    size: int = psutil.Process(process.pid).memory_info().rss
    return size


def followers(url: str) -> float:
    """How many the service says it has."""
    text = httpx2.get(f"{url}/metrics", timeout=PATIENCE_S).text
    lines = [line for line in text.splitlines() if line.startswith("commonhold_http_followers")]
    return float(lines[0].rpartition(" ")[2])


def asked(session: str, after: int = 0) -> bytes:
    """A request for a tail."""
    target = f"/v1/sessions/{session}/events?after={after}"
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@asynccontextmanager
async def follower(
    port: int, session: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that follows a session."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked(session))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@contextmanager
def stuck_reader(process: Process, session: str) -> Iterator[socket.socket]:
    """A connection that asked for the tail of a new session, and reads no more than its start."""
    append(process.url, session, "first")
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.settimeout(PATIENCE_S)
        stuck.connect(("127.0.0.1", process.port))
        stuck.sendall(asked(session))
        assert stuck.recv(10)
        yield stuck


def test_a_reader_that_reads_nothing_costs_no_memory(tmp_path: Path) -> None:
    """However much is appended while it is waited for: what it has not read is in the log alone."""
    names = [f"m{number}" for number in range(WARM + BIG)]
    with serving(tmp_path, slow_s=LONG_S) as process, stuck_reader(process, "s"):
        append(process.url, "s", *names[:WARM], size=MEGABYTE)
        before = most = memory_of(process)
        for name in names[WARM:]:
            append(process.url, "s", name, size=MEGABYTE)
            most = max(most, memory_of(process))
        assert followers(process.url) == 1, "it is still waited for"

    assert most - before < GROWTH


def test_a_reader_that_reads_nothing_is_dropped(tmp_path: Path) -> None:
    """What is appended meanwhile stays in the log; the reader finds the end of its connection."""
    names = [f"m{number}" for number in range(MANY)]
    with serving(tmp_path, slow_s=1.0) as process, stuck_reader(process, "s") as stuck:
        append(process.url, "s", *names, size=MEGABYTE)
        while followers(process.url):
            time.sleep(0.05)
        size = 0
        while piece := stuck.recv(MEGABYTE):
            size += len(piece)
        count = httpx2.get(f"{process.url}/v1/sessions/s/summary").json()["message_count"]

    assert size < MANY * MEGABYTE // 2
    assert count == 1 + MANY


@pytest.mark.usefixtures("many_files")
async def test_a_thousand_tails_hear_of_one_append(tmp_path: Path) -> None:
    """All on one process, which forgets them when they have gone."""
    with serving(tmp_path, slow_s=30.0) as process:
        await asyncio.to_thread(append, process.url, "s", "first")
        async with AsyncExitStack() as stack:
            open_now = [
                await stack.enter_async_context(follower(process.port, "s"))
                for _ in range(FOLLOWERS)
            ]
            begun = await asyncio.gather(*(reader.readuntil(b"\n\n") for reader, _ in open_now))
            assert all(b" 200 OK" in text for text in begun)
            await asyncio.gather(*(until(reader, "first") for reader, _ in open_now))
            assert await asyncio.to_thread(followers, process.url) == FOLLOWERS
            await asyncio.to_thread(append, process.url, "s", "second")
            await asyncio.gather(*(until(reader, "second") for reader, _ in open_now))
        while await asyncio.to_thread(followers, process.url):  # noqa: ASYNC110 - it is a count
            await asyncio.sleep(0.05)


async def until(reader: asyncio.StreamReader, name: str) -> None:
    """Return when a message with that id has come."""
    await reader.readuntil(f'"id":"{name}"'.encode())
    await reader.readuntil(b"\n\n")


async def test_a_turn_is_not_kept_for_who_hung_up(tmp_path: Path) -> None:
    """Who waited for it and left would keep everybody else out for as long as it had asked for."""
    with serving(tmp_path, slow_s=30.0) as process:
        async with httpx2.AsyncClient(base_url=process.url, timeout=PATIENCE_S) as client:
            path = "/v1/sessions/s/lease"
            turn = (await client.put(path, json={"ttl_s": 3600})).json()
            _, writer = await asyncio.open_connection("127.0.0.1", process.port)
            writer.write(waiting(path))
            while not await asyncio.to_thread(followers, process.url):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            writer.transport.abort()
            await client.delete(path, headers={"Lease-Token": str(turn["token"])})
            next_turn = await client.put(path, json={"ttl_s": 1, "wait_s": 20})
        assert next_turn.status_code == 200, next_turn.text
        assert next_turn.json()["token"] > turn["token"]


def waiting(path: str) -> bytes:
    """A request that waits for a long turn."""
    body = json.dumps({"ttl_s": 3600, "wait_s": 60}).encode()
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
