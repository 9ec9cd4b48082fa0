"""The service is killed while spans are exported to it: what it acknowledged is there, once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests import processes
from tests.durability.otlp_writers import (
    SPANS,
    Exported,
    OtlpLoad,
    check_exported,
    counted,
    send,
)
from tests.processes import Process

ROUNDS = 3
ENOUGH = 30
"""Requests that must have been acknowledged in each round before anything is killed."""


@pytest.fixture(params=["sqlite", "postgres"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A service over a database of its own."""
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path / 'commonhold.db'}"
    else:
        database = request.getfixturevalue("empty_postgres_url")
    with processes.service(database, tmp_path) as process:
        yield process


async def test_every_acknowledged_span_survives_and_a_retry_doubles_nothing(
    service: Process,
) -> None:
    """Three times in a row: export, SIGKILL, restart, read back; then send again what hung."""
    logs: list[Exported] = []
    for _ in range(ROUNDS):
        async with OtlpLoad(service.url) as load:
            await load.until_acknowledged(ENOUGH)
            await asyncio.sleep(random.uniform(0, 0.3))
            await asyncio.to_thread(service.kill9)
            await load.stop()
        assert not load.log.refusals
        assert load.log.unanswered, "nothing was in flight when it was killed"
        logs.append(load.log)
        await asyncio.to_thread(service.start)
        async with httpx2.AsyncClient(base_url=service.url, timeout=60) as client:
            await check_exported(client, [load.log])
    async with httpx2.AsyncClient(base_url=service.url, timeout=60) as client:
        await check_retries(client, logs)


async def check_retries(client: httpx2.AsyncClient, logs: list[Exported]) -> None:
    """After everything was sent once more, it is all there, and was counted once."""
    exports = [each for log in logs for each in (*log.acknowledged, *log.unanswered)]
    for answer in await asyncio.gather(*[send(client, export) for export in exports]):
        assert answer is not None
        assert answer.status_code == 200, answer.text
    await check_exported(client, [Exported(acknowledged=exports)])
    spans = SPANS * len(exports)
    assert await counted(client) == (spans, spans, spans)
