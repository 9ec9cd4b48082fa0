"""Sessions: who took part, what was spent, and what goes when one is deleted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Author, Scope
from commonhold.model.session import NewSession, SessionQuery
from commonhold.model.turns import Participant, Removed
from commonhold.model.usage import UNPRICED, Usage
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import message, messages, unnamed
from commonhold.testing.suite.reading import error_of, events_of, live_of, log_of

GONE = ("missing", "a/b", "a\0b")


async def counts_of(backend: Backend, session_id: str) -> list[tuple[str, int, int, int]]:
    """Who took part: agent, messages, first and last sequence."""
    return [
        (each.agent, each.message_count, each.first_seq, each.last_seq)
        for each in await backend.sessions.participants(session_id)
    ]


async def test_who_took_part_is_counted(acting_as: Actor, clock: StoppedClock) -> None:
    """S2. In the order of their first message, with its time and that of the last."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    first = clock.at
    await weather.append("shared", messages("w1", "w2"))
    second = clock.advance()
    await billing.put("shared", messages("w1", "w2", "b1"))
    third = clock.advance()
    await weather.put("shared", messages("w1", "w2", "b1", "w3"))
    assert await billing.participants("shared") == (
        Participant("weather", "", 3, 1, 4, first, third),
        Participant("billing", "", 1, 3, 3, second, second),
    )


async def test_who_took_part_did_so_for_a_user(backend: Backend) -> None:
    """S2. One agent on behalf of two users is two participants."""
    for user, name in (("ann", "m1"), ("bob", "m2"), ("ann", "m3"), ("", "m4")):
        author = Author(agent="weather", user=user)
        await backend.bind(Scope(author=author)).sessions.append("shared", messages(name))
    found = await backend.sessions.participants("shared")
    assert [(each.agent, each.user, each.message_count) for each in found] == [
        ("weather", "ann", 2),
        ("weather", "bob", 1),
        ("weather", "", 1),
    ]


async def test_only_messages_make_a_participant(acting_as: Actor) -> None:
    """S2. Not what else an agent does with a session."""
    sessions = acting_as("router").sessions
    await sessions.create(NewSession("shared"))
    await sessions.append("shared", [])
    await sessions.put("shared", [])
    lease = await sessions.lease("shared", ttl_s=30)
    await sessions.patch_state("shared", {"step": 1})
    await sessions.handoff("shared", "weather", lease=lease.token)
    assert await sessions.participants("shared") == ()


async def test_what_was_superseded_was_said(acting_as: Actor) -> None:
    """S2. A compaction takes nobody out, and counts what it added."""
    billing = acting_as("billing")
    await billing.sessions.put("shared", messages("b1", "b2"))
    await acting_as("weather").sessions.append("shared", messages("w1"))
    await billing.sessions.put("shared", messages("summary"), mode="replace")
    assert await counts_of(billing, "shared") == [("billing", 3, 1, 4), ("weather", 1, 3, 3)]
    await billing.sessions.revert("shared", to=0)
    assert len(await counts_of(billing, "shared")) == 2


async def test_a_retry_counts_once(backend: Backend) -> None:
    """S9. It adds nothing, so that nobody said more than the log has."""
    for _ in range(3):
        await backend.sessions.append("chat", unnamed("ok", "ok"), key="turn-1")
        await backend.sessions.put("chat", unnamed("ok", "ok"))
    assert await counts_of(backend, "chat") == [("", 2, 1, 2)]


async def test_who_repairs_took_part(acting_as: Actor) -> None:
    """S2. The results are its messages."""
    weather = acting_as("weather")
    call = message("call", None, role="assistant", tool_calls=[{"id": "c1"}, {"id": "c2"}])
    await weather.sessions.append("chat", [call, *messages("m1")])
    await acting_as("janitor").sessions.repair("chat")
    assert await counts_of(weather, "chat") == [("weather", 2, 1, 2), ("janitor", 2, 3, 4)]


async def test_a_fork_has_participants_of_its_own(acting_as: Actor) -> None:
    """S2. Those whose messages were copied, as they stand in the copy."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("old", "b1"))
    await billing.sessions.put("shared", messages("b1"))
    await weather.sessions.append("shared", messages("w1", "w2"))
    await acting_as("late").sessions.append("shared", messages("l1"))
    fork = (await weather.sessions.fork("shared", at=2)).session_id
    assert [(who, n) for who, n, *_ in await counts_of(billing, fork)] == [
        ("billing", 1),
        ("weather", 1),
    ]
    rows = await log_of(billing.sessions, fork)
    found = await billing.sessions.participants(fork)
    assert [each.first_seq for each in found] == [row.seq for row in rows]
    assert [each.last_seq for each in found] == [row.seq for row in rows]
    await billing.sessions.append(fork, messages("b2"))
    assert [(who, n) for who, n, *_ in await counts_of(billing, fork)] == [
        ("billing", 2),
        ("weather", 1),
    ]
    assert [n for _, n, *_ in await counts_of(billing, "shared")] == [2, 2, 1]


async def test_ten_authors_at_once_are_counted_exactly(acting_as: Actor) -> None:
    """S9. Each with its first and last message, as the log has them."""

    async def write(name: str) -> None:
        for n in range(4):
            await acting_as(name).sessions.append("shared", messages(f"{name}-{n}"))

    await asyncio.gather(*(write(f"agent{n}") for n in range(10)))
    reader = acting_as("reader")
    own: dict[str, list[int]] = {}
    for row in await log_of(reader.sessions, "shared"):
        own.setdefault(row.agent, []).append(row.seq)
    expected = [(name, 4, seqs[0], seqs[-1]) for name, seqs in own.items()]
    assert len(expected) == 10
    assert await counts_of(reader, "shared") == expected


@pytest.mark.parametrize("session_id", GONE)
async def test_nobody_took_part_in_what_is_not_there(backend: Backend, session_id: str) -> None:
    """S5. Nor did it cost anything."""
    for call in (backend.sessions.participants, backend.sessions.usage, backend.sessions.delete):
        assert isinstance(await error_of(call(session_id)), NotFound)


async def test_increments_are_added_beside_a_merge(backend: Backend) -> None:
    """S6. Nested as the data is; a number that was not there begins at zero."""
    sessions = backend.sessions
    await sessions.put("chat", [])
    await sessions.patch_cost("chat", {"model": "m", "turns": 1, "by": {"a": {"n": 1}, "b": 2}})
    added = {"turns": 2, "usd": 0.25, "by": {"a": {"n": 3, "new": 4}, "b": -1}, "fresh": {"x": 5}}
    answer = await sessions.patch_cost("chat", {"model": "n", "$inc": added})
    assert json.loads(answer) == {
        "model": "n",
        "turns": 3,
        "usd": 0.25,
        "by": {"a": {"n": 4, "new": 4}, "b": 1},
        "fresh": {"x": 5},
    }
    assert await sessions.cost("chat") == answer
    last = await sessions.patch_cost(
        "chat", '{"turns": 10, "\\u0024inc": {"turns": 1, "usd": 0.5}}'
    )
    assert (json.loads(last)["turns"], json.loads(last)["usd"]) == (11, 0.75)


async def test_twenty_increments_at_once_add_up(acting_as: Actor) -> None:
    """S6. Of whole numbers and others, while plain keys come and go beside them."""
    await acting_as("weather").sessions.put("chat", [])

    async def spend(n: int) -> None:
        patch = {f"key{n}": n, "$inc": {"tokens": n, "by": {"usd": 0.5}}}
        await acting_as(f"agent{n}").sessions.patch_cost("chat", patch)

    await asyncio.gather(*(spend(n) for n in range(20)))
    cost = json.loads(await acting_as("weather").sessions.cost("chat"))
    assert cost == {f"key{n}": n for n in range(20)} | {"tokens": 190, "by": {"usd": 10.0}}


REFUSED: dict[str, str] = {
    "text": '{"$inc": {"n": "1"}}',
    "true": '{"$inc": {"n": true}}',
    "null": '{"$inc": {"n": null}}',
    "list": '{"$inc": {"n": [1]}}',
    "no-object": '{"$inc": 1}',
    "to-text": '{"$inc": {"model": 1}}',
    "to-object": '{"$inc": {"by": 1}}',
    "into-number": '{"$inc": {"n": {"deep": 1}}}',
    "second": '{"$inc": {"n": 1, "by": {"a": "x"}}}',
    "too-large": '{"$inc": {"huge": 1.7e308}}',
    "beyond-floats": '{"n": 1%s, "$inc": {"n": 0.5}}' % ("0" * 400),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_only_numbers_are_added_to_numbers(backend: Backend, name: str) -> None:
    """S1. Another patch is refused as a whole, with what stands beside the increments."""
    sessions = backend.sessions
    await sessions.put("chat", [])
    before = await sessions.patch_cost(
        "chat", {"model": "m", "n": 1, "by": {"a": 1}, "huge": 1.7e308}
    )
    patch = REFUSED[name].replace("{", '{"beside": 1, ', 1)
    assert isinstance(await error_of(sessions.patch_cost("chat", patch)), InvalidRequest)
    assert await sessions.cost("chat") == before


async def test_a_state_knows_no_increments(backend: Backend) -> None:
    """S4. It is the agent's own, whatever its keys are called."""
    await backend.sessions.put("chat", [])
    state = await backend.sessions.patch_state("chat", {"$inc": {"n": 1}})
    assert json.loads(state) == {"$inc": {"n": 1}}


@pytest.mark.parametrize(
    ("cost", "counted"),
    [
        ({}, {}),
        ({"input_tokens": 5, "output_tokens": 2}, {"input_tokens": 5, "output_tokens": 2}),
        ({"cached_tokens": 3, "turn_count": 1}, {"cached_tokens": 3, "turn_count": 1}),
        ({"model": "no such model", "turn_count": 2}, {"model": "no such model", "turn_count": 2}),
        ({"model": 7, "input_tokens": "many", "output_tokens": -1, "turn_count": None}, {}),
    ],
)
async def test_usage_is_what_the_cost_data_counts(
    backend: Backend, cost: dict[str, Any], counted: dict[str, Any]
) -> None:
    """S6. Without a known price it costs nothing that could be said, which is not zero."""
    await backend.sessions.put("chat", [])
    await backend.sessions.patch_cost("chat", cost)
    used = await backend.sessions.usage("chat")
    assert used == Usage("chat", **counted)
    assert (used.cost_usd, used.pricing) == (None, UNPRICED)


async def test_a_delete_says_what_went(acting_as: Actor) -> None:
    """S1. Superseded messages, too, and whether somebody had the turn."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.put("chat", messages("b1", "b2"))
    await weather.append("chat", messages("w1"))
    await billing.revert("chat", to=1)
    await billing.patch_state("chat", {"step": 1})
    await billing.lease("chat", ttl_s=30)
    assert await weather.delete("chat") == Removed(3, 2, 2, lease=True, state=True)
    await billing.create(NewSession("empty"))
    assert await billing.delete("empty") == Removed(0, 0, 0, lease=False, state=False)
    lease = await billing.lease("free", ttl_s=30)
    await billing.release("free", token=lease.token)
    assert await billing.delete("free") == Removed(0, 1, 0, lease=False, state=False)
    assert isinstance(await error_of(billing.delete("free")), NotFound)


async def test_after_a_delete_nothing_is_left(acting_as: Actor) -> None:
    """S1. A new session under the old id begins as if there had never been another."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    chosen = NewSession("chat", title="zeppelin", metadata=JsonText('{"channel": "web"}'))
    await weather.create(chosen)
    await weather.put("chat", [message("w1", "aardvark"), message("w2", "aardvark")])
    await weather.handoff("chat", "billing")
    await weather.patch_cost("chat", {"turns": 1})
    await weather.patch_state("chat", {"pending_question": "?"})
    await weather.delete("chat")
    queries = (
        SessionQuery(q="aardvark"),
        SessionQuery(q="zeppelin"),
        SessionQuery(participant="weather"),
        SessionQuery(holder="billing"),
        SessionQuery(status="waiting"),
        SessionQuery(metadata=JsonText('{"channel": "web"}')),
    )
    for made in (False, True):
        if made:
            await billing.put("chat", messages("b1"))
        for query in queries:
            found = (await billing.list(query)).items
            assert len(found) == (made and query.holder == "billing"), query
    assert await live_of(billing, "chat") == ["b1"]
    assert [row.seq for row in await log_of(billing, "chat")] == [1]
    assert await events_of(billing, "chat") == []
    assert [each.agent for each in await billing.participants("chat")] == ["billing"]
    assert (await billing.cost("chat"), await billing.state("chat")) == ("{}", "{}")
    fresh = await billing.get("chat")
    assert (fresh.version, fresh.head_seq, fresh.status) == (1, 1, "idle")
