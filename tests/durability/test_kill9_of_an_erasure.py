"""The service is killed in the middle of an erasure, and somebody else ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.erasure import Erasure
from commonhold.model.feedback import NewFeedback
from commonhold.model.scope import Author, Scope
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.eraser import CLAIM_US, Eraser
from commonhold.testing.factories import messages
from tests import processes
from tests.processes import Process

SESSIONS, MESSAGES, VOTES = 300, 4, 40
ALICE = Scope(author=Author("a", "alice", "agent:a", "asserted"))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/erased.db"


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Process]:
    """A service over what `alice` said."""
    asyncio.run(_converse(url))
    with processes.service(url, tmp_path) as process:
        yield process


async def _converse(url: str) -> None:
    async with await open_backend(url) as backend:
        mine = backend.bind(ALICE)
        said = messages(*[f"m{n}" for n in range(MESSAGES)])
        await asyncio.gather(*[mine.sessions.append(f"s{n}", said) for n in range(SESSIONS)])
        for n in range(VOTES):
            await mine.feedback.create(NewFeedback(rating=1, trace_id=f"t{n}"))


async def test_an_erasure_survives_a_kill_and_its_counts_add_up(url: str, service: Process) -> None:
    """What was done before the crash is counted once, and the rest is done and counted too."""
    before = await asyncio.to_thread(_erase_and_kill, service)
    async with await open_backend(url) as backend:
        half = (await backend.erasures.list()).items[0]
        assert half.status == "running"
        assert before["sessions"] <= half.counts.sessions < SESSIONS
        after = await _end(backend)
        assert after.status == "done"
        assert await backend.sessions.list() == await backend.bind(ALICE).sessions.list()
        assert (await backend.sessions.list()).items == ()

    counts = after.counts
    assert (counts.sessions, counts.messages) == (SESSIONS, SESSIONS * MESSAGES)
    assert counts.feedback == VOTES


async def _end(backend: SqlBackend) -> Erasure:
    """Go on as another process would, once the claim of the dead one is over."""
    eraser = Eraser(
        backend.database,
        backend.trace_memory.index,
        lambda *_: None,  # nobody follows
        lambda: Micros(clock.now() + 2 * CLAIM_US),
    )
    claim = await eraser.claim()
    assert claim is not None
    while claim is not None:
        claim = await eraser.step(claim)
    return (await backend.erasures.list()).items[0]


def _erase_and_kill(service: Process) -> dict[str, int]:
    """Kill the service when it has begun; what it had told by then."""
    asked = Thread(target=_erase, args=(service.url,), daemon=True)
    asked.start()
    with httpx2.Client(base_url=service.url) as client:
        while True:
            found = client.get("/v1/erasures").json()
            if found and found[0]["sessions"] > 5:
                service.kill9()
                asked.join()
                told: dict[str, int] = found[0]
                return told


def _erase(url: str) -> None:
    """Ask, and be cut off."""
    try:
        httpx2.post(f"{url}/v1/erasures", json={"user": "alice"})
    except httpx2.TransportError:
        return
