"""A tail over a network that fails: nothing is missed, and nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import uvicorn

import commonhold
from commonhold import MessageQuery, NotFound, sql
from commonhold.client import Retry, open_backend, transport
from commonhold.contract.stores import Backend, Stores
from commonhold.http import HttpOptions, create_app, streams
from commonhold.model.session import Message
from commonhold.model.turns import Event
from commonhold.testing.factories import message
from tests.client.proxy import CuttingProxy
from tests.processes import Process, service

PATIENT = Retry(attempts=500, base_s=0.05, cap_s=0.05)
SESSION = "followed"
LAST = "last"
CUTS = 100


@pytest.fixture(params=["sqlite", "postgres"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """The service over a database of its own."""
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path}/common.db"
    else:
        database = request.getfixturevalue("postgres_url")
    with service(database, tmp_path) as process:
        yield process


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[tuple[int, Backend]]:
    """The port of a service in this process, and what is behind it."""
    backend = await sql.open_backend(f"sqlite:///{tmp_path}/common.db")
    app = create_app(Stores.on(backend), HttpOptions())
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1], backend
    server.should_exit = True
    await task
    await backend.aclose()


async def followed(stores: Backend, after: int | None = 0) -> list[Message | Event]:
    """What a tail shows, up to the last message."""
    seen: list[Message | Event] = []
    async with aclosing(stores.sessions.events(SESSION, after=after)) as entries:  # type: ignore[type-var]
        async for entry in entries:
            seen.append(entry)
            if isinstance(entry, Message) and entry.message_id == LAST:
                break
    return seen


async def write(url: str, agent: str, until: asyncio.Event, told: list[str]) -> None:
    """Append until told to stop, and hand the session on now and then."""
    async with aclosing(open_backend(url, agent=agent, retry=PATIENT)) as stores:
        while not until.is_set():
            name = f"{agent}-{len(told)}"
            text = f"of {agent}\u2028\u0085\x7f" + "x" * random.randrange(600)
            await stores.sessions.append(SESSION, [message(name, text)], key=name)
            told.append(name)
            if len(told) % 40 == 7:
                await stores.sessions.handoff(SESSION, f"next-{len(told)}")
            await asyncio.sleep(random.uniform(0, 0.01))


async def log(stores: Backend) -> list[Message]:
    """Every message of the session, as it is read without a tail."""
    found: list[Message] = []
    while True:
        after = found[-1].seq if found else 0
        page = await stores.sessions.messages(
            SESSION, MessageQuery(after, limit=500, include_superseded=True)
        )
        found += page.items
        if page.cursor is None:
            return found


async def check(stores: Backend, seen: list[Message | Event], told: list[list[str]]) -> None:
    """The tail showed every sequence of the log once and in order, and what was written."""
    head = (await stores.sessions.get(SESSION)).head_seq
    assert [entry.seq for entry in seen] == list(range(1, head + 1))
    shown = [entry for entry in seen if isinstance(entry, Message)]
    assert shown == await log(stores)
    for names in told:
        agent = names[0].partition("-")[0]
        assert [entry.message_id for entry in shown if entry.agent == agent] == names


async def test_a_tail_cut_a_hundred_times_misses_nothing_and_repeats_nothing(
    running: Process,
) -> None:
    """At random moments and random bytes, while two agents write and hand the session on."""
    told: list[list[str]] = [[], []]
    async with (
        CuttingProxy(running.port, cuts=CUTS) as proxy,
        commonhold.connect(running.url) as direct,
        aclosing(open_backend(proxy.url)) as stores,
    ):
        await direct.sessions.append(SESSION, [message("first")])
        tail = asyncio.create_task(followed(stores))
        tail.add_done_callback(lambda _: proxy.has_cut.set())  # it failed: nobody waits for more
        names = zip(("red", "blue"), told, strict=True)
        await asyncio.gather(
            *(write(running.url, each, proxy.has_cut, kept) for each, kept in names)
        )
        await direct.sessions.append(SESSION, [message(LAST)])
        seen = await tail
        assert proxy.cuts >= CUTS
        assert any(isinstance(entry, Event) for entry in seen)
        await check(direct, seen, told)


async def test_a_tail_outlives_the_service(running: Process) -> None:
    """The service is killed and started again under an open tail, three times."""
    told: list[str] = []
    stop = asyncio.Event()
    async with aclosing(open_backend(running.url, retry=PATIENT)) as stores:
        await stores.sessions.append(SESSION, [message("first")])
        tail = asyncio.create_task(followed(stores))
        writer = asyncio.create_task(write(running.url, "red", stop, told))
        for enough in (50, 100, 150):
            while len(told) < enough:  # noqa: ASYNC110 - it is a count
                await asyncio.sleep(0.01)
            await asyncio.to_thread(running.kill9)
            await asyncio.to_thread(running.start)
        stop.set()
        await writer
        await stores.sessions.append(SESSION, [message(LAST)])
        await check(stores, await tail, [told])


async def test_a_tail_ends_with_its_session(local: tuple[int, Backend]) -> None:
    """The service says that it is over, and the reader does not come back to be told 404."""
    async with CuttingProxy(local[0]) as proxy, aclosing(open_backend(proxy.url)) as stores:
        await stores.sessions.append(SESSION, [message("first"), message("second")])
        entries = stores.sessions.events(SESSION, after=0)
        assert [(await anext(entries)).seq, (await anext(entries)).seq] == [1, 2]
        before = proxy.connections
        await local[1].sessions.delete(SESSION)
        assert [entry async for entry in entries] == []
        assert proxy.connections == before
        with pytest.raises(NotFound):
            await anext(stores.sessions.events(SESSION, after=0))


async def test_a_session_deleted_while_nobody_is_connected_ends_the_tail(
    local: tuple[int, Backend],
) -> None:
    """The reader finds it gone when it comes back, and that is no error."""
    async with CuttingProxy(local[0]) as proxy, aclosing(open_backend(proxy.url)) as stores:
        await local[1].sessions.append(SESSION, [message("first")])
        entries = stores.sessions.events(SESSION, after=0)
        assert (await anext(entries)).seq == 1
        proxy.is_down = True
        await proxy.cut()
        await local[1].sessions.delete(SESSION)
        rest = asyncio.create_task(all_of(entries))
        while proxy.connections < 3:  # noqa: ASYNC110 - it is a count
            await asyncio.sleep(0.01)
        proxy.is_down = False
        assert await rest == []


async def all_of(entries: AsyncIterator[Message | Event]) -> list[Message | Event]:
    """What comes before a tail ends by itself."""
    return [entry async for entry in entries]


async def silently(
    port: int, backend: Backend, monkeypatch: pytest.MonkeyPatch, *, heartbeat_s: float
) -> tuple[list[Message | Event], int]:
    """What a tail shows that is silent for long, and how many connections that took."""
    monkeypatch.setattr(streams, "HEARTBEAT_S", heartbeat_s)
    monkeypatch.setattr(transport, "SILENCE_S", 0.3)
    async with CuttingProxy(port) as proxy, aclosing(open_backend(proxy.url)) as stores:
        await backend.sessions.append(SESSION, [message("first")])
        tail = asyncio.create_task(followed(stores))
        await asyncio.sleep(1.5)
        await backend.sessions.append(SESSION, [message(LAST)])
        return await tail, proxy.connections


async def test_signs_of_life_keep_a_silent_tail_open(
    local: tuple[int, Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that gives up on what is silent has one connection all the time."""
    seen, connections = await silently(*local, monkeypatch, heartbeat_s=0.05)
    assert [entry.seq for entry in seen] == [1, 2]
    assert connections == 1


async def test_a_tail_without_signs_of_life_is_taken_up_again(
    local: tuple[int, Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection may be dead: the reader makes another, and sees nothing twice."""
    seen, connections = await silently(*local, monkeypatch, heartbeat_s=60)
    assert [entry.seq for entry in seen] == [1, 2]
    assert connections > 1


async def test_a_reader_that_leaves_gives_its_connection_back(
    local: tuple[int, Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More tails than a client has connections, one after the other, each left in the middle."""
    monkeypatch.setattr(transport, "_CONNECTIONS", 2)
    async with aclosing(open_backend(f"http://127.0.0.1:{local[0]}")) as stores:
        await stores.sessions.append(SESSION, [message(LAST)])
        for _ in range(20):
            assert len(await followed(stores)) == 1
