"""The service is killed after it has kept scores and before it has told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests import processes
from tests.processes import Process
from tests.webhooks.receiver import Receiver

PATIENCE_S = 60
VOTES = 200


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """A service that may reach this machine."""
    monkeypatch.setenv("COMMONHOLD_WEBHOOK_ALLOW", "127.0.0.0/8")
    with processes.service(f"sqlite:///{tmp_path / 'commonhold.db'}", tmp_path) as process:
        yield process


async def test_every_acknowledged_score_is_told_of_after_a_crash(service: Process) -> None:
    """None is lost, and each comes under one id; what was under way may come twice."""
    async with Receiver() as receiver:
        votes = await asyncio.to_thread(_vote_and_kill, service, receiver.url)
        await asyncio.to_thread(service.start)
        async with asyncio.timeout(PATIENCE_S):
            while len(set(receiver.ids)) < VOTES:
                receiver.arrived.clear()
                await receiver.arrived.wait()

    told = {got.headers["webhook-id"]: got.event["data"]["score"] for got in receiver.got}
    assert sorted(score["score_id"] for score in told.values()) == sorted(votes)


def _vote_and_kill(service: Process, receiver: str) -> list[str]:
    with httpx2.Client(base_url=f"{service.url}/v1") as client:
        hook = {"url": receiver, "conditions": {"rating": "down"}}
        assert client.post("/webhooks", json=hook).status_code == 201
        down = [{"value": False, "comment": str(n)} for n in range(VOTES)]
        answer = client.post("/scores", json=down)
        service.kill9()
    assert answer.status_code == 201
    return [each["score_id"] for each in answer.json()]
