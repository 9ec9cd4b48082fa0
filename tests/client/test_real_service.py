"""Our client and our service, as two processes that meet over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import commonhold
from commonhold import FeedbackQuery, NewFeedback, NotFound, SessionQuery, Unavailable
from commonhold.client import Retry, open_backend
from commonhold.testing import factories
from tests.processes import Process, service

PATIENT = Retry(attempts=500, base_s=0.05, cap_s=0.05)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Process]:
    """The service over a file of its own."""
    with service(f"sqlite:///{tmp_path}/common.db", tmp_path) as process:
        yield process


async def test_any_id_is_one_session_over_a_socket(running: Process) -> None:
    """What a real server makes of a path is not what an application in process is handed."""
    names = (
        "a b",
        "100%",
        "%2F",
        "a+b",
        "a&b=c;d",
        "'\"{}",
        "ü-会话-😀",
        "...",
        "me@x.org",
        "summary",
    )
    async with commonhold.connect(running.url, agent="me@x.org:1") as stores:
        for name in names:
            await stores.sessions.put(name, factories.messages("m1"))
        listed = await stores.sessions.list(SessionQuery(limit=100))
        assert {session.session_id for session in listed.items} == set(names)
        assert {session.agent for session in listed.items} == {"me@x.org:1"}
        for name in names:
            assert (await stores.sessions.get(name)).message_count == 1
            await stores.sessions.delete(name)
            with pytest.raises(NotFound):
                await stores.sessions.history(name)


async def test_pages_are_followed_over_a_socket(running: Process) -> None:
    """The link of each page leads to the next one, filters and all."""
    async with commonhold.connect(running.url) as stores:
        for n in range(25):
            await stores.feedback.create(NewFeedback(-1 if n % 2 else 1, agent_type="a+b &c"))
        query = FeedbackQuery(limit=5, rating=-1, agent_type="a+b &c")
        seen: list[str] = []
        more = True
        while more:
            page = await stores.feedback.list(query)
            seen.extend(vote.feedback_id for vote in page.items)
            query = replace(query, cursor=page.cursor)
            more = page.cursor is not None
    assert len(seen) == len(set(seen)) == 12


async def test_writes_survive_a_service_that_crashes_and_comes_back(running: Process) -> None:
    """Eight agents save turn after turn; the service is killed twice meanwhile; nothing is lost."""
    backend = open_backend(running.url, retry=PATIENT)
    turns = [0] * 8
    reached = {60: asyncio.Event(), 150: asyncio.Event()}

    async def converse(agent: int) -> None:
        while turns[agent] < 30:
            turns[agent] += 1
            if sum(turns) in reached:
                reached[sum(turns)].set()
            told = factories.messages(*(f"m{agent}-{n}" for n in range(turns[agent])))
            await backend.sessions.put(f"s{agent}", told)

    agents = asyncio.gather(*(converse(agent) for agent in range(8)))
    for progress in reached.values():
        await progress.wait()
        assert not agents.done()
        await asyncio.to_thread(running.kill9)
        await asyncio.to_thread(running.start)
    await agents
    for agent in range(8):
        history = await backend.sessions.history(f"s{agent}")
        assert [item["id"] for item in history.messages] == [f"m{agent}-{n}" for n in range(30)]
    await backend.aclose()


async def test_a_key_outlives_the_service_and_the_agent_that_used_it(running: Process) -> None:
    """The answer was lost; another process of that agent asks again, at a service that crashed."""
    turn = factories.unnamed("ok", "ok")

    async def append(agent: str) -> commonhold.Appended:
        async with commonhold.connect(running.url, agent=agent) as stores:
            return await stores.sessions.append("chat", turn, key="turn-1")

    first = [await append(agent) for agent in ("billing", "weather", "")]
    await asyncio.to_thread(running.kill9)
    await asyncio.to_thread(running.start)
    again = [await append(agent) for agent in ("billing", "weather", "")]
    async with commonhold.connect(running.url) as stores:
        count = (await stores.sessions.get("chat")).message_count

    assert again == first
    assert count == 6


async def test_check_tells_whether_the_service_is_ready(running: Process) -> None:
    """It is, and after its end it is not."""
    backend = open_backend(running.url, retry=Retry(attempts=1))
    await backend.check()
    await asyncio.to_thread(running.stop)
    with pytest.raises(Unavailable, match="Cannot reach"):
        await backend.check()
    await backend.aclose()
