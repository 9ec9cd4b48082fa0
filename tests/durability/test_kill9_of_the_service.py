"""The service is killed under load, and comes back: everything it acknowledged is there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import processes
from tests.durability.writers import Load, check_all_there
from tests.processes import Process

ROUNDS = 3
ENOUGH = 300
"""Writes that must have been acknowledged in each round before anything is killed."""


@pytest.fixture(params=["sqlite", "postgres"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A service over a database of its own."""
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path / 'commonhold.db'}"
    else:
        database = request.getfixturevalue("empty_postgres_url")
    with processes.service(database, tmp_path) as process:
        yield process


async def test_every_acknowledged_write_survives(service: Process) -> None:
    """Three times in a row: load, SIGKILL at a random moment, restart, read back everything."""
    logs = []
    for number in range(ROUNDS):
        async with Load(service.url, f"round{number}") as load:
            await load.until_acknowledged(ENOUGH)
            await asyncio.sleep(random.uniform(0, 0.5))
            service.kill9()
            await load.stop()
        assert not [answer for answer in load.log.refusals if answer.status_code == 500]
        assert load.log.lost, "nothing was in flight when it was killed"
        logs.append(load.log)
        await asyncio.to_thread(service.start)
        for log in logs:
            await check_all_there(service.url, log)


async def test_an_orderly_end_loses_nothing_either(service: Process) -> None:
    """SIGTERM under load: requests in flight finish, the process ends by itself with 0."""
    async with Load(service.url, "orderly") as load:
        await load.until_acknowledged(ENOUGH)
        code = await asyncio.to_thread(service.stop)
        await load.stop()
    assert code == 0, service.log[-2000:]
    await asyncio.to_thread(service.start)
    await check_all_there(service.url, load.log)
