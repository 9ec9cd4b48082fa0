"""Sessions: many runners ask for the turn, and some wait for it."""

from __future__ import annotations

import asyncio
import math

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, LeaseEnded, LeaseHeld
from commonhold.model.clock import to_rfc3339
from commonhold.model.turns import Lease
from commonhold.testing.conformance import StoppedClock
from commonhold.testing.factories import messages
from commonhold.testing.suite.reading import error_of, live_of

LONG_S = 30.0


async def test_of_twenty_runners_one_gets_the_turn(backend: Backend) -> None:
    """S10. All others are told which one, though the session was not there before."""
    asked = (backend.sessions.lease("chat", ttl_s=LONG_S, holder=f"runner-{n}") for n in range(20))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (lease,) = [answer for answer in answers if isinstance(answer, Lease)]
    refused = [answer for answer in answers if isinstance(answer, LeaseHeld)]
    assert [error.holder for error in refused] == [lease.holder] * 19
    assert (await backend.sessions.get("chat")).lease_holder == lease.holder


async def test_one_that_waits_gets_the_turn_when_it_is_given_back(backend: Backend) -> None:
    """S10. Each of several, one after another."""
    sessions = backend.sessions
    first = await sessions.lease("chat", ttl_s=LONG_S)

    async def run(name: str) -> int:
        lease = await sessions.lease("chat", ttl_s=LONG_S, holder=name, wait_s=LONG_S)
        await sessions.append("chat", messages(name), lease=lease.token)
        await sessions.release("chat", token=lease.token)
        return lease.token

    async with asyncio.timeout(LONG_S):
        waiting = [asyncio.create_task(run(f"r{n}")) for n in range(3)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        await sessions.release("chat", token=first.token)
        tokens = await asyncio.gather(*waiting)
    assert len({first.token, *tokens}) == 4
    assert sorted(await live_of(sessions, "chat")) == ["r0", "r1", "r2"]


async def test_one_that_waits_gets_the_turn_when_it_expires(backend: Backend) -> None:
    """S10. A runner that died keeps nobody out for longer than it asked for."""
    sessions = backend.sessions
    dead = await sessions.lease("chat", ttl_s=0.1, holder="dead")
    lease = await sessions.lease("chat", ttl_s=LONG_S, holder="heir", wait_s=LONG_S)
    assert lease.token > dead.token
    assert lease.expires_at > dead.expires_at


async def test_one_that_waits_gets_the_turn_with_a_handoff(backend: Backend) -> None:
    """S10. It ends the lease like giving it back."""
    sessions = backend.sessions
    first = await sessions.lease("chat", ttl_s=LONG_S)
    waiting = asyncio.create_task(sessions.lease("chat", ttl_s=LONG_S, wait_s=LONG_S))
    await asyncio.sleep(0.05)
    await sessions.handoff("chat", "weather", lease=first.token)
    assert (await waiting).token > first.token


async def test_waiting_has_an_end(backend: Backend) -> None:
    """S10. It is told who has the turn, also when that was renewed meanwhile."""
    sessions = backend.sessions
    first = await sessions.lease("chat", ttl_s=0.2, holder="runner-1")
    waiting = asyncio.create_task(error_of(sessions.lease("chat", ttl_s=1, wait_s=0.3)))
    renewed = await sessions.lease("chat", ttl_s=LONG_S, token=first.token)
    error = await waiting
    assert isinstance(error, LeaseHeld)
    assert (error.holder, error.expires_at) == ("runner-1", to_rfc3339(renewed.expires_at))


NEVER = (0.0, -1.0, 0.099, 3600.5, math.inf, math.nan)


@pytest.mark.parametrize("ttl_s", NEVER)
async def test_a_turn_lasts_a_tenth_of_a_second_to_an_hour(backend: Backend, ttl_s: float) -> None:
    """S10. Another time is refused, and makes no session."""
    error = await error_of(backend.sessions.lease("chat", ttl_s=ttl_s))
    assert isinstance(error, InvalidRequest)
    assert await backend.sessions.find("chat") is None


@pytest.mark.parametrize("wait_s", [-0.1, 60.5, math.inf, math.nan])
async def test_nobody_waits_longer_than_a_minute(backend: Backend, wait_s: float) -> None:
    """S10. Another time is refused, though the turn is free."""
    error = await error_of(backend.sessions.lease("chat", ttl_s=1, wait_s=wait_s))
    assert isinstance(error, InvalidRequest)
    assert await backend.sessions.find("chat") is None


@pytest.mark.parametrize("holder", ["", "a\nb", "a\0b", "x" * 129, "\ud800"])
async def test_a_runner_has_a_name_that_can_be_shown(backend: Backend, holder: str) -> None:
    """S10. Another one is refused."""
    error = await error_of(backend.sessions.lease("chat", ttl_s=1, holder=holder))
    assert isinstance(error, InvalidRequest)
    assert await backend.sessions.find("chat") is None


async def test_a_deleted_session_takes_its_tokens_with_it(
    backend: Backend, clock: StoppedClock
) -> None:
    """S10. A session that is made again under its id gives none of them a second time."""
    sessions = backend.sessions
    old = await sessions.lease("chat", ttl_s=LONG_S, holder="paused")
    await sessions.delete("chat")
    clock.advance(0.001)
    new = await sessions.lease("chat", ttl_s=LONG_S, holder="another")
    assert new.token > old.token
    for token in (old.token, 0, 2**62):
        late = sessions.append("chat", messages("late"), lease=token)
        assert isinstance(await error_of(late), LeaseEnded), token
    assert await live_of(sessions, "chat") == []
