"""Sessions: handoffs, reverts and repairs with a key are done once, and answered like then."""

from __future__ import annotations

import asyncio

from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, LeaseEnded, LeaseHeld
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import message, messages
from commonhold.testing.suite.reading import error_of, events_of, live_of

LONG_S = 600.0


async def test_a_handoff_is_done_once(backend: Backend) -> None:
    """S13. With the token of the turn that it ended itself, and after the next agent went on."""
    sessions = backend.sessions
    lease = await sessions.lease("chat", ttl_s=LONG_S)
    asked = {"reason": "rain", "brief": "Grüße 🌧", "lease": lease.token, "key": "turn-1"}
    first = await sessions.handoff("chat", "weather", **asked)  # type: ignore[arg-type]
    await sessions.handoff("chat", "billing")
    await sessions.lease("chat", ttl_s=LONG_S)
    assert await sessions.handoff("chat", "weather", **asked) == first  # type: ignore[arg-type]
    assert (await sessions.get("chat")).holder == "billing"
    kinds = [event.kind for event in await events_of(sessions, "chat")]
    assert kinds == ["lease", "handoff", "handoff", "lease"]


async def test_a_revert_is_done_once(backend: Backend) -> None:
    """S13. What was written after it stays, whatever it superseded, also nothing."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2"))
    nothing = await sessions.revert("chat", to=2, key="back-1")
    await sessions.append("chat", messages("m3"))
    assert await sessions.revert("chat", to=2, key="back-1") == nothing
    first = await sessions.revert("chat", to=1, key="back-2")
    await sessions.append("chat", messages("m4"))
    assert await sessions.revert("chat", to=1, key="back-2") == first
    assert first.superseded == 2
    assert await live_of(sessions, "chat") == ["m1", "m4"]


async def test_a_repair_is_answered_like_the_first_time(backend: Backend) -> None:
    """S13. It says again which calls it closed, though none is open any more."""
    sessions = backend.sessions
    call = message("call", None, role="assistant", tool_calls=[{"id": "c1"}, {"id": "c2"}])
    lease = await sessions.lease("chat", ttl_s=LONG_S)
    await sessions.append("chat", [call], lease=lease.token)
    first = await sessions.repair("chat", lease=lease.token, key="fix-1")
    await sessions.release("chat", token=lease.token)
    assert await sessions.repair("chat", lease=lease.token, key="fix-1") == first
    assert [each.call_id for each in first.closed] == ["c1", "c2"]
    assert (await sessions.repair("chat", key="fix-2")).closed == ()
    other = sessions.repair("chat", reason="gone", lease=lease.token, key="fix-1")
    assert isinstance(await error_of(other), Conflict)


async def test_a_key_is_good_for_one_request_of_its_kind(backend: Backend) -> None:
    """S13. Something else under it is refused, and changes nothing; another kind is another."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2"))
    await sessions.handoff("chat", "weather", key="k")
    await sessions.revert("chat", to=1, key="k")
    await sessions.append("chat", messages("m3"), key="k")
    for other in (
        sessions.handoff("chat", "billing", key="k"),
        sessions.handoff("chat", "weather", reason="rain", key="k"),
        sessions.revert("chat", to=0, key="k"),
    ):
        assert isinstance(await error_of(other), Conflict)
    assert (await sessions.get("chat")).holder == "weather"
    assert await live_of(sessions, "chat") == ["m1", "m3"]


async def test_each_author_of_a_key_hands_off(acting_as: Actor) -> None:
    """S13. One is not taken for the retry of another, and needs the turn like anybody."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.append("chat", messages("m1"))
    await billing.handoff("chat", "weather", key="turn-1")
    await weather.handoff("chat", "weather", key="turn-1")
    assert len(await events_of(billing, "chat")) == 2
    lease = await billing.lease("chat", ttl_s=LONG_S)
    await billing.revert("chat", to=0, lease=lease.token, key="turn-1")
    error = await error_of(weather.revert("chat", to=0, key="turn-1"))
    assert isinstance(error, LeaseHeld)


async def test_what_was_refused_was_not_done(backend: Backend) -> None:
    """S13. A key is used up by what happened: after a refusal it may be tried again."""
    sessions = backend.sessions
    lease = await sessions.lease("chat", ttl_s=LONG_S)
    refused = await error_of(sessions.handoff("chat", "weather", lease=lease.token - 1, key="k"))
    assert isinstance(refused, LeaseEnded)
    handed = await sessions.handoff("chat", "weather", lease=lease.token, key="k")
    assert (await sessions.get("chat")).holder == handed.to_agent


async def test_a_deleted_session_takes_its_keys_with_it(backend: Backend) -> None:
    """S13. One with the same id is another session."""
    sessions = backend.sessions
    for agent in ("weather", "billing"):
        await sessions.append("chat", messages("m1"))
        await sessions.handoff("chat", agent, key="turn-1")
        assert (await sessions.get("chat")).holder == agent
        await sessions.delete("chat")


async def test_attempts_at_once_are_one_handoff(backend: Backend) -> None:
    """S13. All get its answer."""
    sessions = backend.sessions
    await sessions.append("chat", messages("m1"))
    attempts = (sessions.handoff("chat", "weather", key="turn-1") for _ in range(8))
    answers = await asyncio.gather(*attempts)
    assert set(answers) == {answers[0]}
    assert len(await events_of(sessions, "chat")) == 1
