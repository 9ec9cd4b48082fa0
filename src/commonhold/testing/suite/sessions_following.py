"""Sessions: the log followed as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import NotFound
from commonhold.model.session import Message, NewSession
from commonhold.model.turns import Event
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import conversation, message, messages
from commonhold.testing.suite.reading import error_of, log_of

Entry = Message | Event

PATIENCE_S = 10.0


@asynccontextmanager
async def following(
    sessions: Sessions, session_id: str = "chat", after: int | None = None
) -> AsyncIterator[AsyncIterator[Entry]]:
    """The log from a sequence on, for as long as it is looked at."""
    entries = sessions.events(session_id, after=after)
    try:
        yield entries
    finally:
        close = getattr(entries, "aclose", None)
        if close is not None:
            await close()


async def take(entries: AsyncIterator[Entry], count: int) -> list[Entry]:
    """The next entries of a log that is followed."""
    async with asyncio.timeout(PATIENCE_S):
        return [await anext(entries) for _ in range(count)]


async def seqs(entries: AsyncIterator[Entry], count: int) -> list[int]:
    """Their sequences."""
    return [entry.seq for entry in await take(entries, count)]


async def to_the_end(entries: AsyncIterator[Entry]) -> list[Entry]:
    """What is left of a log that ends."""
    async with asyncio.timeout(PATIENCE_S):
        return [entry async for entry in entries]


async def busy_session(act: Actor) -> int:
    """Messages and events of two agents; the last sequence."""
    weather, billing = act("weather").sessions, act("billing").sessions
    await weather.append("chat", conversation(3))
    lease = await weather.lease("chat", ttl_s=60)
    await weather.append("chat", conversation(2, start=4), lease=lease.token)
    await weather.release("chat", token=lease.token)
    await weather.handoff("chat", "billing", reason="money")
    await billing.append("chat", conversation(2, start=6))
    await billing.revert("chat", to=4)
    await billing.append("chat", conversation(1, start=8))
    return (await weather.get("chat")).head_seq


async def test_who_follows_gets_everything_behind_a_sequence(
    backend: Backend, acting_as: Actor
) -> None:
    """S11. Each sequence once, in order: messages as they are in the log, and the events."""
    head = await busy_session(acting_as)
    async with following(backend.sessions, after=0) as entries:
        found = await take(entries, head)
    assert [entry.seq for entry in found] == list(range(1, head + 1))
    said = [entry for entry in found if isinstance(entry, Message)]
    assert tuple(said) == await log_of(backend.sessions, "chat")
    happened = [entry.kind for entry in found if isinstance(entry, Event)]
    assert happened == ["lease", "handoff", "revert"]


async def test_who_follows_may_go_on_at_any_sequence(backend: Backend, acting_as: Actor) -> None:
    """S11. It is exactly the rest."""
    head = await busy_session(acting_as)
    async with following(backend.sessions, after=0) as entries:
        whole = await take(entries, head)
    for after in range(head):
        async with following(backend.sessions, after=after) as entries:
            assert await take(entries, head - after) == whole[after:]


async def test_who_follows_gets_what_comes_next(backend: Backend, acting_as: Actor) -> None:
    """S11. Messages and events of whoever writes, as they come."""
    weather, billing = acting_as("weather").sessions, acting_as("billing").sessions
    await weather.append("chat", conversation(2))
    async with following(weather, after=1) as entries:
        assert await seqs(entries, 1) == [2]
        await billing.append("chat", messages("b1", "b2"))
        assert [entry.agent for entry in await take(entries, 2)] == ["billing"] * 2
        await billing.handoff("chat", "billing")
        (handoff,) = await take(entries, 1)
        assert isinstance(handoff, Event)
        assert (handoff.kind, handoff.agent) == ("handoff", "billing")
        await billing.put("chat", messages("b1", "b3"), mode="replace")
        coming = await take(entries, 2)
        assert {entry.seq for entry in coming} == {handoff.seq + 1, handoff.seq + 2}
        assert {type(entry) for entry in coming} == {Message, Event}
        token = (await billing.lease("chat", ttl_s=60)).token
        assert [getattr(entry, "kind", "") for entry in await take(entries, 1)] == ["lease"]
        await billing.append("chat", messages("b4"), lease=token)
        (last,) = await take(entries, 1)
        assert getattr(last, "message_id", "") == "b4"


async def test_following_begins_with_what_comes_next(backend: Backend) -> None:
    """S11. Without a sequence, what is there is not repeated."""
    sessions = backend.sessions
    await sessions.append("chat", conversation(3))
    async with following(sessions) as entries:
        first = asyncio.ensure_future(take(entries, 1))
        # It begins when it is first awaited, at a moment that only the store knows.
        n = 0
        while not first.done():
            n += 1
            await sessions.append("chat", messages(f"new{n}"))
            await asyncio.wait([first], timeout=0.05)
        (entry,) = await first
    assert isinstance(entry, Message)
    assert entry.message_id.startswith("new")


async def test_following_waits_for_a_sequence_to_come(backend: Backend) -> None:
    """S11. Whoever has seen the end is given only what is behind it."""
    sessions = backend.sessions
    await sessions.append("chat", conversation(3))
    async with following(sessions, after=3) as entries:
        first = asyncio.ensure_future(take(entries, 2))
        await sessions.append("chat", messages("m4"))
        await sessions.append("chat", messages("m5"))
        assert [entry.seq for entry in await first] == [4, 5]


async def test_following_ends_with_the_session(backend: Backend) -> None:
    """S11. After what there was, and also while it waits."""
    sessions = backend.sessions
    await sessions.append("chat", conversation(3))
    async with following(sessions, after=0) as entries:
        assert await seqs(entries, 3) == [1, 2, 3]
        waiting = asyncio.ensure_future(to_the_end(entries))
        await asyncio.sleep(0.05)
        await sessions.delete("chat")
        assert await waiting == []


@pytest.mark.parametrize("session_id", ["nobody", "a/b", ""])
async def test_following_needs_the_session(backend: Backend, session_id: str) -> None:
    """S11. It is NotFound when it is first awaited, and no session is made by it."""
    for after in (None, 0, 7):
        async with following(backend.sessions, session_id, after) as entries:
            assert type(await error_of(take(entries, 1))) is NotFound
    assert await backend.sessions.find(session_id) is None


async def test_another_session_is_not_followed(backend: Backend) -> None:
    """S11. What happens elsewhere does not come."""
    sessions = backend.sessions
    await sessions.append("chat", messages("m1"))
    async with following(sessions, after=0) as entries:
        assert await seqs(entries, 1) == [1]
        await sessions.append("other", messages("o1", "o2", "o3"))
        await sessions.append("chat", messages("m2"))
        (entry,) = await take(entries, 1)
        assert isinstance(entry, Message)
        assert entry.message_id == "m2"


async def test_ten_writers_are_followed_by_two_readers(backend: Backend, acting_as: Actor) -> None:
    """S11. Fifty appends of theirs at once come each once, in order, and the same to both."""
    sessions = backend.sessions
    await sessions.create(NewSession("chat"))

    async def write(agent: str) -> None:
        for n in range(5):
            await acting_as(agent).sessions.append("chat", messages(f"{agent}-{n}"))

    async with (
        following(sessions, after=0) as first,
        following(acting_as("w1").sessions, after=0) as second,
    ):
        readers = asyncio.gather(take(first, 50), take(second, 50))
        await asyncio.gather(*(write(f"w{n}") for n in range(10)))
        one, other = await readers
    assert [entry.seq for entry in one] == list(range(1, 51))
    assert one == other
    assert tuple(one) == await log_of(sessions, "chat")


async def test_a_long_log_is_followed_from_its_start(backend: Backend) -> None:
    """S11. More than is read at once, with an event in between."""
    sessions = backend.sessions
    await sessions.append("chat", conversation(250))
    await sessions.handoff("chat", "billing")
    await sessions.append("chat", conversation(100, start=251))
    async with following(sessions, after=0) as entries:
        assert await seqs(entries, 351) == list(range(1, 352))


async def test_who_follows_large_messages_gets_each_once(backend: Backend) -> None:
    """S11. They come a few at a time, events between them in their places."""
    sessions = backend.sessions
    large = [message(f"m{n}", "x" * 700_000) for n in range(5)]
    await sessions.append("chat", large[:3])
    await sessions.handoff("chat", "billing")
    await sessions.append("chat", large[3:])
    async with following(sessions, after=0) as entries:
        assert await seqs(entries, 6) == [1, 2, 3, 4, 5, 6]


async def test_a_follower_does_not_go_on_in_another_session_of_that_id(backend: Backend) -> None:
    """S11. Deleted and made again, it is another log."""
    sessions = backend.sessions
    await sessions.append("chat", messages("m1", "m2"))
    async with following(sessions, after=0) as entries:
        assert await seqs(entries, 2) == [1, 2]
        await sessions.delete("chat")
        await sessions.append("chat", messages("n1", "n2", "n3"))
        assert await to_the_end(entries) == []
