"""Many at once: nothing is lost, nothing is done twice, nothing fails."""

from __future__ import annotations

import asyncio
import json

from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, NotFound, StaleVersion
from commonhold.model.feedback import FeedbackPatch, StatsQuery
from commonhold.model.session import NewSession
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import message, messages, new_feedback, span, trace
from commonhold.testing.suite.reading import live_of, log_of


async def test_twenty_concurrent_cost_merges_keep_twenty_keys(backend: Backend) -> None:
    """S6. None of them writes over what another added."""
    await backend.sessions.create(NewSession("chat"))
    merges = (backend.sessions.patch_cost("chat", {f"k{n}": n}) for n in range(20))
    answers = await asyncio.gather(*merges)
    assert json.loads(await backend.sessions.cost("chat")) == {f"k{n}": n for n in range(20)}
    assert all(f"k{n}" in json.loads(answer) for n, answer in enumerate(answers))


async def test_twenty_concurrent_state_merges_keep_twenty_keys(backend: Backend) -> None:
    """S6. None of them writes over what another added."""
    await backend.sessions.create(NewSession("chat"))
    merges = (backend.sessions.patch_state("chat", {f"k{n}": n}) for n in range(20))
    await asyncio.gather(*merges)
    assert json.loads(await backend.sessions.state("chat")) == {f"k{n}": n for n in range(20)}


async def test_ten_agents_keep_all_their_messages_in_one_session(acting_as: Actor) -> None:
    """S2. Ten agents with twenty turns each, all at once: two hundred of two hundred."""

    async def converse(agent: str) -> None:
        sessions = acting_as(agent).sessions
        for turn in range(20):
            try:
                history = [json.dumps(item) for item in (await sessions.history("shared")).messages]
            except NotFound:
                history = []
            await sessions.put("shared", [*history, message(f"{agent}-{turn:02}", "hello")])

    agents = [f"agent{n}" for n in range(10)]
    await asyncio.gather(*map(converse, agents))
    sessions = acting_as("agent0").sessions
    live = await live_of(sessions, "shared")
    assert len(live) == 200
    for agent in agents:
        own = [name for name in live if name.startswith(f"{agent}-")]
        assert own == [f"{agent}-{turn:02}" for turn in range(20)]
    found = await sessions.get("shared")
    assert (found.message_count, found.head_seq) == (200, 200)
    assert [row.seq for row in await log_of(sessions, "shared")] == list(range(1, 201))


async def test_ten_writers_that_nobody_tells_apart_lose_nothing(backend: Backend) -> None:
    """S3. Unnamed processes share a session: each turn reads, then saves the whole list."""

    async def converse(name: str) -> None:
        for turn in range(5):
            try:
                history = await backend.sessions.history("shared")
                before = [json.dumps(item) for item in history.messages]
            except NotFound:
                before = []
            await backend.sessions.put("shared", [*before, message(f"{name}-{turn}", "hello")])

    await asyncio.gather(*(converse(f"w{n}") for n in range(10)))
    live = await live_of(backend.sessions, "shared")
    assert sorted(live) == sorted(f"w{n}-{turn}" for n in range(10) for turn in range(5))


async def test_ten_agents_keep_all_their_spans_in_one_trace(acting_as: Actor) -> None:
    """T2. Ten agents with five spans each, all at once: fifty of fifty."""

    async def report(agent: str) -> None:
        traces = acting_as(agent).traces
        for n in range(5):
            part = trace(spans=(span(span_id=f"{agent}-{n}"),))
            await traces.put(part)

    await asyncio.gather(*(report(f"agent{n}") for n in range(10)))
    found = await acting_as("agent0").traces.get("trace_1")
    expected = {(f"agent{n}", f"agent{n}-{turn}") for n in range(10) for turn in range(5)}
    assert {(item.agent, item.span_id) for item in found.spans} == expected
    (listed,) = (await acting_as("agent0").traces.list()).items
    assert (listed.span_count, len(listed.agents)) == (50, 10)


async def test_one_of_twenty_creators_of_an_id_wins(backend: Backend) -> None:
    """S1. The others are told that it is taken."""
    made = await asyncio.gather(
        *(backend.sessions.create(NewSession("taken", title=f"{n}")) for n in range(20)),
        return_exceptions=True,
    )
    winners = [item for item in made if not isinstance(item, BaseException)]
    assert [item.title for item in winners] == [(await backend.sessions.get("taken")).title]
    assert [type(item) for item in made if isinstance(item, BaseException)] == [Conflict] * 19


async def test_one_of_ten_writers_of_a_version_wins(backend: Backend) -> None:
    """S1. The others are told that it is stale, and their lists are nowhere."""
    seen = await backend.sessions.put("chat", messages("m1"))
    done = await asyncio.gather(
        *(
            backend.sessions.put("chat", messages(f"x{n}"), if_match=seen.version)
            for n in range(10)
        ),
        return_exceptions=True,
    )
    assert [type(item) for item in done if isinstance(item, BaseException)] == [StaleVersion] * 9
    assert len(await log_of(backend.sessions, "chat")) == 2


async def test_the_same_save_ten_times_at_once_is_one_save(backend: Backend) -> None:
    """S3. A client that gave up waiting and sent it again doubles nothing."""
    texts = messages("m1", "m2", "m3")
    await asyncio.gather(*(backend.sessions.put("chat", texts) for _ in range(10)))
    assert await live_of(backend.sessions, "chat") == ["m1", "m2", "m3"]
    assert len(await log_of(backend.sessions, "chat")) == 3


async def test_votes_at_once_are_all_counted(backend: Backend) -> None:
    """F4. Creating and changing at the same time leaves counts that equal a recount."""
    made = await asyncio.gather(*(backend.feedback.create(new_feedback()) for _ in range(20)))
    changes = (
        backend.feedback.patch(record.feedback_id, FeedbackPatch(rating=-1))
        for record in made[:10]
        for _ in range(2)
    )
    more = (backend.feedback.create(new_feedback()) for _ in range(10))
    await asyncio.gather(*changes, *more)
    stats = await backend.feedback.stats(StatsQuery("week"))
    assert sum(item.thumbs_up for item in stats) == 20
    assert sum(item.thumbs_down for item in stats) == 10
