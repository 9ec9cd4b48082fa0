"""Who follows a log in one process hears of what another one writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from commonhold.errors import Conflict
from commonhold.sql import SqlBackend, open_backend
from commonhold.testing.factories import conversation, messages
from commonhold.testing.suite.sessions_following import following, seqs, take, to_the_end
from commonhold.testing.suite.sessions_reading import text_of

LISTENER = "application_name = 'commonhold listener' AND datname = current_database()"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that several processes may open."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/b.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[SqlBackend, SqlBackend]]:
    """Two backends on one database, as two processes have them."""
    async with await open_backend(url) as writer, await open_backend(url) as reader:
        yield writer, reader


async def listeners(connection: asyncpg.Connection) -> list[int]:
    """The connections on which processes listen."""
    found = await connection.fetch(f"SELECT pid FROM pg_stat_activity WHERE {LISTENER}")
    return [row["pid"] for row in found]


async def listening(connection: asyncpg.Connection, but: Collection[int] = ()) -> list[int]:
    """Those there are as soon as there is one, another than `but`."""
    return await until(connection, lambda found: bool(set(found) - set(but)))


async def until(connection: asyncpg.Connection, enough: Callable[[list[int]], bool]) -> list[int]:
    """The listeners as soon as they are as they should be."""
    async with asyncio.timeout(10):
        found = await listeners(connection)
        while not enough(found):
            await asyncio.sleep(0.02)
            found = await listeners(connection)
        return found


async def test_another_process_is_followed(url: str) -> None:
    """Its messages, its events, and that it deleted the session."""
    async with two(url) as (writer, reader):
        await writer.sessions.append("chat", conversation(2))
        async with following(reader.sessions, after=0) as entries:
            assert await seqs(entries, 2) == [1, 2]
            await writer.sessions.append("chat", messages("m3"))
            assert await seqs(entries, 1) == [3]
            await writer.sessions.handoff("chat", "billing")
            assert [getattr(entry, "kind", "") for entry in await take(entries, 1)] == ["handoff"]
            await writer.sessions.delete("chat")
            assert await to_the_end(entries) == []


async def test_writers_in_two_processes_are_followed_in_both(url: str) -> None:
    """Each sequence once, in order, in whichever process it was written."""
    async with two(url) as (one, other):
        await one.sessions.append("chat", messages("m1"))

        async def write(backend: SqlBackend, name: str) -> None:
            for n in range(5):
                await backend.sessions.append("chat", messages(f"{name}-{n}"))

        async with (
            following(one.sessions, after=0) as here,
            following(other.sessions, after=0) as there,
        ):
            readers = asyncio.gather(take(here, 51), take(there, 51))
            names = [f"w{n}" for n in range(10)]
            await asyncio.gather(
                *(write((one, other)[n % 2], name) for n, name in enumerate(names))
            )
            first, second = await readers
        assert [entry.seq for entry in first] == list(range(1, 52))
        assert first == second


async def test_a_follower_outlives_its_listener(postgres_url: str) -> None:
    """What was written while the connection was lost comes too, and what comes after it."""
    connection = await asyncpg.connect(postgres_url)
    async with two(postgres_url) as (writer, reader):
        await writer.sessions.append("chat", conversation(2))
        async with following(reader.sessions, after=0) as entries:
            assert await seqs(entries, 2) == [1, 2]
            for start in (3, 6):
                lost = await listening(connection)
                coming = asyncio.ensure_future(take(entries, 3))
                await connection.fetch(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENER}"
                )
                await writer.sessions.append("chat", conversation(1, start))
                await writer.sessions.append("chat", conversation(1, start + 1))
                await listening(connection, but=lost)
                await writer.sessions.append("chat", conversation(1, start + 2))
                assert [entry.seq for entry in await coming] == [start, start + 1, start + 2]
    await connection.close()


async def test_who_does_not_follow_does_not_listen(postgres_url: str) -> None:
    """The connection is made by the first who follows, and one is enough for all."""
    connection = await asyncpg.connect(postgres_url)
    async with await open_backend(postgres_url) as backend:
        for name in ("s1", "s2"):
            await backend.sessions.append(name, messages("m1"))
        assert await listeners(connection) == []
        async with (
            following(backend.sessions, "s1", after=0) as first,
            following(backend.sessions, "s2", after=0) as second,
        ):
            await take(first, 1)
            await take(second, 1)
            assert len(await listening(connection)) == 1
    await until(connection, lambda found: not found)
    await connection.close()


async def test_a_bell_is_heard_before_anybody_looks(postgres_url: str) -> None:
    """Postgres tells the other process: nobody waits for the next look, which is seconds away."""
    connection = await asyncpg.connect(postgres_url)
    async with two(postgres_url) as (writer, reader):
        reader.database.look_every_s = writer.database.look_every_s = 3600.0
        await writer.sessions.append("chat", messages("m1"))
        async with following(reader.sessions, after=0) as entries:
            await take(entries, 1)
            await listening(connection)
            coming = asyncio.ensure_future(take(entries, 30))
            for n in range(30):
                await writer.sessions.append("chat", messages(f"n{n}"))
            assert [entry.seq for entry in await coming] == list(range(2, 32))
    await connection.close()


async def test_a_long_history_of_a_deleted_session_is_refused(url: str) -> None:
    """A stream that can no longer be whole says so, whether it had begun or not."""
    async with two(url) as (backend, other):
        for begun in (True, False):
            await backend.sessions.put("chat", conversation(1500))
            stream = await backend.sessions.stream("chat")
            if begun:
                await anext(stream.pieces)
            await other.sessions.delete("chat")
            with pytest.raises(Conflict, match="deleted"):
                await text_of(stream)
