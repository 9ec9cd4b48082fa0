"""Two processes serve one Postgres database: a reader may go on at either."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx2
import pytest

from commonhold.client import open_backend
from commonhold.testing.factories import message
from tests.processes import PATIENCE_S, Process, service

EACH = 60
"""Messages of each of two writers."""

AT_ONCE = 7
"""Events that are read before the reader goes to the other replica."""


@pytest.fixture
def replicas(postgres_url: str, tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    """Both, over the same database."""
    with service(postgres_url, tmp_path) as one, service(postgres_url, tmp_path) as other:
        yield one, other


async def write(url: str, agent: str) -> None:
    """Append, one message after the other."""
    async with aclosing(open_backend(url, agent=agent)) as stores:
        for n in range(EACH):
            await stores.sessions.append("s", [message(f"{agent}-{n}")])


async def sequences(client: httpx2.AsyncClient, url: str, after: int) -> AsyncIterator[int]:
    """The sequences a replica tells of, to a reader that has seen `after`."""
    headers = {"Last-Event-ID": str(after)}
    async with client.stream("GET", f"{url}/v1/sessions/s/events", headers=headers) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))["seq"]


async def test_a_reader_that_goes_from_replica_to_replica_misses_nothing(
    replicas: tuple[Process, Process],
) -> None:
    """Nor is it told anything twice, while both are written to."""
    urls = [replica.url for replica in replicas]
    seen = [0]
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
        await client.post(f"{urls[0]}/v1/sessions", json={"session_id": "s"})
        writers = asyncio.gather(*map(write, urls, ("red", "blue")))
        turn = 0
        while seen[-1] < 2 * EACH:
            turn += 1
            last = min(2 * EACH, seen[-1] + AT_ONCE)
            async with aclosing(sequences(client, urls[turn % 2], seen[-1])) as told:  # type: ignore[type-var]
                async for seq in told:
                    seen.append(seq)
                    if seq >= last:
                        break
        await writers
    assert seen == list(range(2 * EACH + 1))
    assert turn > 10
