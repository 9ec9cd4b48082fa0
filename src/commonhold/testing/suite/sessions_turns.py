"""Sessions: one runner at a time has the turn, and an old token never opens the log again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import LeaseEnded, LeaseHeld, NotFound
from commonhold.model.clock import to_rfc3339
from commonhold.model.scope import Scope
from commonhold.model.session import SessionQuery
from commonhold.model.turns import Lease
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import message, messages, unnamed
from commonhold.testing.suite.reading import error_of, events_of, live_of, log_of

LONG_S = 30.0

CALL = message("call", None, role="assistant", tool_calls=[{"id": "c1", "type": "function"}])
BEGUN = [*messages("m1", "m2"), CALL]

TO_THE_LOG: dict[str, Callable[[Sessions, int | None], Awaitable[object]]] = {
    "extension": lambda to, token: to.put("chat", [*BEGUN, *messages("m3")], lease=token),
    "shorter": lambda to, token: to.put("chat", [CALL, *messages("m3")], lease=token),
    "replace": lambda to, token: to.put("chat", messages("m3"), mode="replace", lease=token),
    "append": lambda to, token: to.append("chat", messages("m3"), lease=token),
    "unnamed": lambda to, token: to.append("chat", unnamed("m3"), lease=token),
    "revert": lambda to, token: to.revert("chat", to=1, lease=token),
    "handoff": lambda to, token: to.handoff("chat", "weather", lease=token),
    "repair": lambda to, token: to.repair("chat", lease=token),
}


async def all_of_it(sessions: Sessions) -> object:
    """Everything a write could change."""
    return (
        await sessions.get("chat"),
        await log_of(sessions, "chat"),
        await sessions.participants("chat"),
    )


async def test_a_turn_is_taken_and_given_back(backend: Backend) -> None:
    """S10. The session shows who has it and until when, and then that it is free."""
    sessions = backend.sessions
    await sessions.put("chat", BEGUN)
    lease = await sessions.lease("chat", ttl_s=LONG_S, holder="runner-1")
    assert (lease.session_id, lease.holder) == ("chat", "runner-1")
    running = await sessions.get("chat")
    assert (running.status, running.lease_holder) == ("running", "runner-1")
    assert running.lease_expires_at == lease.expires_at
    assert running.version == 1
    await sessions.release("chat", token=lease.token)
    idle = await sessions.get("chat")
    assert (idle.status, idle.lease_holder, idle.lease_expires_at) == ("idle", None, None)


async def test_a_lease_creates_a_missing_session(acting_as: Actor) -> None:
    """S10. It is its maker's, and empty; who names no runner has the turn itself."""
    sessions = acting_as("billing").sessions
    lease = await sessions.lease("chat", ttl_s=LONG_S)
    made = await sessions.get("chat")
    assert (made.agent, made.holder, made.message_count) == ("billing", "billing", 0)
    assert lease.holder == "billing"
    await sessions.append("chat", messages("m1"), lease=lease.token)
    await sessions.put("chat", messages("m1", "m2"), lease=lease.token)
    assert await live_of(sessions, "chat") == ["m1", "m2"]


async def test_a_turn_is_renewed_by_its_token(backend: Backend, clock: StoppedClock) -> None:
    """S10. Token and holder stay, and the time counts from now."""
    sessions = backend.sessions
    lease = await sessions.lease("chat", ttl_s=10, holder="runner-1")
    assert lease.expires_at == clock.at + 10_000_000
    clock.advance(9)
    renewed = await sessions.lease("chat", ttl_s=10, token=lease.token)
    until = clock.at + 10_000_000
    assert renewed == Lease("chat", lease.token, "runner-1", renewed.expires_at)
    assert (renewed.expires_at, (await sessions.get("chat")).lease_expires_at) == (until, until)
    clock.advance(9)
    await sessions.append("chat", messages("m1"), lease=lease.token)


async def test_an_expired_turn_is_taken_over(backend: Backend, clock: StoppedClock) -> None:
    """S10. At the instant its time is over, not before."""
    sessions = backend.sessions
    old = await sessions.lease("chat", ttl_s=10, holder="runner-1")
    clock.advance(9.999_999)
    error = await error_of(sessions.lease("chat", ttl_s=10, holder="runner-2"))
    assert isinstance(error, LeaseHeld)
    clock.set(old.expires_at)
    assert (await sessions.get("chat")).status == "idle"
    new = await sessions.lease("chat", ttl_s=10, holder="runner-2")
    assert new.token > old.token
    for late in (
        sessions.lease("chat", ttl_s=10, token=old.token),
        sessions.release("chat", token=old.token),
        sessions.append("chat", messages("late"), lease=old.token),
    ):
        assert isinstance(await error_of(late), LeaseEnded)
    assert (await sessions.get("chat")).lease_holder == "runner-2"


async def test_tokens_only_grow(backend: Backend, clock: StoppedClock) -> None:
    """S10. However a turn ends: given back, expired, or with a handoff."""
    sessions = backend.sessions
    tokens: list[int] = []
    for _ in range(3):
        tokens.append((await sessions.lease("chat", ttl_s=10)).token)
        await sessions.release("chat", token=tokens[-1])
        tokens.append((await sessions.lease("chat", ttl_s=10)).token)
        clock.advance(10)
        tokens.append((await sessions.lease("chat", ttl_s=10)).token)
        await sessions.handoff("chat", "weather", lease=tokens[-1])
    assert tokens == sorted(set(tokens))
    assert tokens[0] > 0


async def test_a_second_runner_is_told_who_has_the_turn(backend: Backend) -> None:
    """S10. And until when; also when it goes by the same name."""
    sessions = backend.sessions
    lease = await sessions.lease("chat", ttl_s=LONG_S, holder="runner-1")
    for name in ("runner-2", "runner-1", None):
        error = await error_of(sessions.lease("chat", ttl_s=LONG_S, holder=name))
        assert isinstance(error, LeaseHeld)
        assert (error.holder, error.expires_at) == ("runner-1", to_rfc3339(lease.expires_at))


@pytest.mark.parametrize("write", TO_THE_LOG)
async def test_a_held_log_takes_writes_with_the_token_alone(backend: Backend, write: str) -> None:
    """S10. Without it they are told who has the turn, with another that it is over."""
    sessions = backend.sessions
    await sessions.put("chat", BEGUN)
    old = await sessions.lease("chat", ttl_s=LONG_S, holder="runner-1")
    await sessions.release("chat", token=old.token)
    lease = await sessions.lease("chat", ttl_s=LONG_S, holder="runner-2")
    before = await all_of_it(sessions)
    error = await error_of(TO_THE_LOG[write](sessions, None))
    assert isinstance(error, LeaseHeld)
    assert (error.holder, error.expires_at) == ("runner-2", to_rfc3339(lease.expires_at))
    for token in (old.token, lease.token + 1, 2**62):
        assert isinstance(await error_of(TO_THE_LOG[write](sessions, token)), LeaseEnded), token
    assert await all_of_it(sessions) == before
    await TO_THE_LOG[write](sessions, lease.token)
    assert await all_of_it(sessions) != before


@pytest.mark.parametrize("write", TO_THE_LOG)
async def test_a_token_is_spent_though_nobody_took_over(
    backend: Backend, clock: StoppedClock, write: str
) -> None:
    """S10. Given back or expired: whoever slept through its end must read before it writes."""
    sessions = backend.sessions
    await sessions.put("chat", BEGUN)
    released = await sessions.lease("chat", ttl_s=10)
    await sessions.release("chat", token=released.token)
    expired = await sessions.lease("chat", ttl_s=10)
    clock.advance(10)
    before = await all_of_it(sessions)
    for lease in (released, expired):
        error = await error_of(TO_THE_LOG[write](sessions, lease.token))
        assert isinstance(error, LeaseEnded)
    assert await all_of_it(sessions) == before
    await TO_THE_LOG[write](sessions, None)


async def test_a_token_makes_no_session(backend: Backend) -> None:
    """S10. A write that carries one finds the session it was given for, or nothing."""
    sessions = backend.sessions
    put, append = sessions.put, sessions.append
    renewal = sessions.lease("new", ttl_s=LONG_S, token=1)
    for write in (put("new", BEGUN, lease=1), append("new", BEGUN, lease=1), renewal):
        assert isinstance(await error_of(write), LeaseEnded)
    for call in (
        sessions.release("new", token=1),
        sessions.revert("new", to=0, lease=1),
        sessions.handoff("new", "weather", lease=1),
        sessions.repair("new", lease=1),
    ):
        assert isinstance(await error_of(call), NotFound)
    assert await sessions.find("new") is None


async def test_a_retry_gets_its_answer_after_the_turn(backend: Backend) -> None:
    """S9. What was written with the token was written, whoever has the turn now."""
    sessions = backend.sessions
    lease = await sessions.lease("chat", ttl_s=LONG_S)
    turn = unnamed("ok", "ok")
    first = await sessions.append("chat", turn, key="turn-1", lease=lease.token)
    await sessions.release("chat", token=lease.token)
    assert await sessions.append("chat", turn, key="turn-1", lease=lease.token) == first
    await sessions.lease("chat", ttl_s=LONG_S)
    assert await sessions.append("chat", turn, key="turn-1", lease=lease.token) == first
    assert await sessions.append("chat", turn, key="turn-1") == first
    error = await error_of(sessions.append("chat", turn, key="turn-2", lease=lease.token))
    assert isinstance(error, LeaseEnded)
    assert await live_of(sessions, "chat") == ["ok", "ok"]


async def test_another_tenants_turn_is_not_there(backend: Backend) -> None:
    """S8. Each has its own session under the id, and its own tokens."""
    acme, globex = (backend.bind(Scope(tenant=name)).sessions for name in ("acme", "globex"))
    lease = await acme.lease("chat", ttl_s=LONG_S)
    await acme.append("chat", [CALL], lease=lease.token)
    for call in (
        globex.release("chat", token=lease.token),
        globex.handoff("chat", "weather", lease=lease.token),
        globex.repair("chat", lease=lease.token),
        globex.participants("chat"),
        globex.usage("chat"),
        globex.timeline("chat"),
    ):
        assert isinstance(await error_of(call), NotFound)
    other = await globex.lease("chat", ttl_s=LONG_S)
    await globex.release("chat", token=other.token)
    assert (await acme.get("chat")).lease_expires_at == lease.expires_at
    assert await globex.participants("chat") == ()


async def test_documents_and_forks_need_no_turn(backend: Backend) -> None:
    """S10. It is the log that a lease closes: what is beside it goes on, and a fork is free."""
    sessions = backend.sessions
    await sessions.put("chat", BEGUN)
    await sessions.lease("chat", ttl_s=LONG_S)
    await sessions.patch_state("chat", {"step": 1})
    await sessions.patch_cost("chat", {"$inc": {"input_tokens": 3}})
    fork = await sessions.fork("chat")
    assert (fork.status, fork.lease_holder) == ("idle", None)
    await sessions.append(fork.session_id, messages("f1"))
    assert json.loads(await sessions.cost("chat")) == {"input_tokens": 3}


async def test_without_a_lease_writers_interleave(acting_as: Actor) -> None:
    """S10. Nobody has to take a turn where nobody did, nor after the last one was given back."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    lease = await billing.lease("chat", ttl_s=LONG_S)
    await billing.release("chat", token=lease.token)
    for n in range(3):
        await asyncio.gather(
            billing.append("chat", messages(f"b{n}")), weather.append("chat", messages(f"w{n}"))
        )
    assert sorted(await live_of(billing, "chat")) == ["b0", "b1", "b2", "w0", "w1", "w2"]


async def test_a_session_runs_waits_or_is_idle(backend: Backend) -> None:
    """S10. It waits when its state has a question, and a turn comes before that."""
    sessions = backend.sessions
    await sessions.put("chat", BEGUN)

    async def status() -> str:
        found = await sessions.find("chat")
        assert found == (await sessions.list(SessionQuery())).items[0]
        assert found is not None
        assert found.status == (await sessions.get("chat")).status
        return found.status

    assert await status() == "idle"
    await sessions.patch_state("chat", {"pending_question": {"text": "Which city?"}})
    assert await status() == "waiting"
    lease = await sessions.lease("chat", ttl_s=LONG_S)
    assert await status() == "running"
    await sessions.release("chat", token=lease.token)
    assert await status() == "waiting"
    await sessions.patch_state("chat", {"pending_question": None})
    assert await status() == "idle"


async def test_the_log_says_who_took_a_turn(acting_as: Actor) -> None:
    """S11. Between the messages, with a sequence of its own; a renewal is not another turn."""
    sessions = acting_as("billing").sessions
    await sessions.append("chat", messages("m1"))
    lease = await sessions.lease("chat", ttl_s=LONG_S, holder="runner-1")
    await sessions.lease("chat", ttl_s=LONG_S, token=lease.token)
    await sessions.append("chat", messages("m2"), lease=lease.token)
    (event,) = await events_of(sessions, "chat")
    assert (event.seq, event.kind, event.agent) == (2, "lease", "billing")
    assert json.loads(event.data) == {"holder": "runner-1", "token": lease.token}
    assert [row.seq for row in await log_of(sessions, "chat")] == [1, 3]
