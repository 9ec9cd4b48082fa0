"""Sessions: handed from one agent to another, which holds them from then on."""

from __future__ import annotations

import json

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, LeaseEnded, NotFound
from commonhold.model.session import NewSession, SessionQuery
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import messages
from commonhold.testing.suite.reading import error_of, events_of, live_of, log_of


async def test_a_handoff_moves_the_holder(acting_as: Actor) -> None:
    """S2. Who created the session stays who created it, and lists show who holds it now."""
    billing = acting_as("billing").sessions
    await billing.put("shared", messages("b1"))
    handed = await billing.handoff("shared", "weather", reason="rain", brief="Ask for the city.")
    assert (handed.session_id, handed.from_agent, handed.to_agent) == (
        "shared",
        "billing",
        "weather",
    )
    assert (handed.reason, handed.brief) == ("rain", "Ask for the city.")
    found = await billing.get("shared")
    assert (found.agent, found.holder, found.head_seq) == ("billing", "weather", handed.seq)
    (listed,) = (await billing.list(SessionQuery(holder="weather"))).items
    assert (listed.session_id, listed.holder) == ("shared", "weather")
    assert (await billing.list(SessionQuery(holder="billing"))).items == ()


async def test_a_handoff_is_in_the_log(acting_as: Actor) -> None:
    """S11. From whom, to whom, why and with what words, at a sequence of its own."""
    billing = acting_as("billing").sessions
    await billing.append("shared", messages("b1"))
    brief = "Grüße 🌧\n" * 100
    handed = await billing.handoff("shared", "weather", reason="rain", brief=brief)
    await billing.append("shared", messages("b2"))
    (event,) = await events_of(billing, "shared")
    assert (event.kind, event.agent, event.seq) == ("handoff", "billing", handed.seq)
    assert event.created_at == handed.created_at
    assert json.loads(event.data) == {
        "from": "billing",
        "to": "weather",
        "reason": "rain",
        "brief": brief,
    }
    assert [row.seq for row in await log_of(billing, "shared")] == [1, 3]


async def test_a_handoff_needs_no_words(backend: Backend) -> None:
    """S11. Nor anybody who held the session before."""
    await backend.sessions.create(NewSession("chat"))
    handed = await backend.sessions.handoff("chat", "weather")
    assert (handed.from_agent, handed.reason, handed.brief) == ("", None, None)
    (event,) = await events_of(backend.sessions, "chat")
    told = json.loads(event.data)
    assert told == {"from": None, "to": "weather", "reason": None, "brief": None}


async def test_a_handoff_ends_the_turn(acting_as: Actor) -> None:
    """S10. The old token is stale at once, and whoever is next takes the turn without waiting."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    old = await billing.lease("shared", ttl_s=30)
    await billing.handoff("shared", "weather", lease=old.token)
    assert (await billing.get("shared")).status == "idle"
    again = billing.handoff("shared", "weather", lease=old.token)
    for late in (
        billing.append("shared", messages("late"), lease=old.token),
        billing.lease("shared", ttl_s=30, token=old.token),
        billing.release("shared", token=old.token),
        again,
    ):
        assert isinstance(await error_of(late), LeaseEnded)
    new = await weather.lease("shared", ttl_s=30)
    assert new.token > old.token
    await weather.append("shared", messages("w1"), lease=new.token)
    late = billing.append("shared", messages("late"), lease=old.token)
    assert isinstance(await error_of(late), LeaseEnded)
    assert await live_of(weather, "shared") == ["w1"]


async def test_the_new_holder_compacts_what_others_wrote(acting_as: Actor) -> None:
    """S2. As the one did that held the session before, and everything stays readable."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.put("shared", messages("b1", "b2"))
    await weather.put("shared", messages("b1", "b2", "w1"))
    refused = await weather.put("shared", messages("summary", "w1"))
    assert (refused.kept, refused.superseded) == (2, 0)
    await billing.handoff("shared", "weather")
    written = await weather.put("shared", messages("summary", "w1"), mode="replace")
    assert (written.kept, written.superseded) == (0, 2)
    assert await live_of(weather, "shared") == ["summary", "w1"]
    assert {row.message_id for row in await log_of(billing, "shared")} == {
        "b1",
        "b2",
        "w1",
        "summary",
    }


async def test_who_handed_a_session_on_is_one_of_many_again(acting_as: Actor) -> None:
    """S2. It removes its own messages only, though it created the session."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.put("shared", messages("b1"))
    await weather.put("shared", messages("b1", "w1"))
    await billing.handoff("shared", "weather")
    written = await billing.put("shared", messages("b2"), mode="replace")
    assert (written.kept, written.superseded) == (1, 1)
    reverted = await billing.revert("shared", to=0)
    assert (reverted.kept, reverted.superseded) == (1, 1)
    await weather.handoff("shared", "billing")
    last = await billing.revert("shared", to=0)
    assert (last.kept, last.superseded) == (0, 1)


async def test_a_handoff_leaves_the_messages_alone(backend: Backend) -> None:
    """S3. The version stays, and a list that grows by a message adds that message."""
    sessions = backend.sessions
    before = await sessions.put("chat", messages("m1"))
    handed = await sessions.handoff("chat", "weather")
    written = await sessions.put("chat", messages("m1", "m2"), if_match=before.version)
    assert (written.first_seq, written.superseded) == (handed.seq + 1, 0)
    assert await live_of(sessions, "chat") == ["m1", "m2"]


@pytest.mark.parametrize("name", ["", " ", "-weather", "two words", "a\0b", "x" * 129, "wéather"])
async def test_only_what_can_be_an_agent_is_handed_a_session(backend: Backend, name: str) -> None:
    """S1. Another name is refused, and nothing is recorded."""
    await backend.sessions.put("chat", messages("m1"))
    before = await backend.sessions.get("chat")
    assert isinstance(await error_of(backend.sessions.handoff("chat", name)), InvalidRequest)
    assert await backend.sessions.get("chat") == before


@pytest.mark.parametrize("text", ["a\0b", "x" * 16_385, "\ud800"])
@pytest.mark.parametrize("field", ["reason", "brief"])
async def test_a_brief_is_text_that_can_be_kept(backend: Backend, field: str, text: str) -> None:
    """S1. Another one is refused, and the lease goes on."""
    sessions = backend.sessions
    lease = await sessions.lease("chat", ttl_s=30)
    handing = sessions.handoff("chat", "weather", lease=lease.token, **{field: text})
    assert isinstance(await error_of(handing), InvalidRequest)
    await sessions.handoff("chat", "weather", lease=lease.token, **{field: "ü" * 16_384})


@pytest.mark.parametrize("session_id", ["missing", "a/b", "a\0b"])
async def test_only_what_is_there_is_handed_on(backend: Backend, session_id: str) -> None:
    """S5. A handoff makes no session."""
    error = await error_of(backend.sessions.handoff(session_id, "weather"))
    assert isinstance(error, NotFound)
    assert (await backend.sessions.list()).items == ()
