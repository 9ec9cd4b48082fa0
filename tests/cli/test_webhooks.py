"""`commonhold webhooks`, on a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.webhook import Outcome
from commonhold.sql import open_backend
from commonhold.sql.webhook_outbox import SqlOutbox
from tests.cli.commands import MISUSED, Result, check_one_line, run

TROUBLE = "out of order\x1b[2J\r\nsorry"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With an empty database."""
    asyncio.run(_made(_file(tmp_path)))
    return tmp_path


def webhooks(folder: Path, *arguments: str) -> Result:
    """Run `commonhold webhooks` on it."""
    return run("webhooks", *arguments, folder=folder, environ={"COMMONHOLD_URL": _file(folder)})


def test_a_webhook_from_its_making_to_its_end(folder: Path) -> None:
    """Its secret is shown once; a dead delivery is seen, with its reason, and is sent again."""
    asked = ("https://a.example/bad", "--ratio", "0.8/20/day", "--agent", "orders")
    made = webhooks(folder, "create", *asked)
    hook, secret = [line.split()[1] for line in made.out.splitlines()]
    assert secret.startswith("whsec_")
    shown = json.loads(webhooks(folder, "show", hook).out)
    assert shown["conditions"] == {
        "agent": "orders",
        "ratio": {"below": 0.8, "over": 20, "window": "day"},
    }
    listed = webhooks(folder, "list")
    assert listed.out.splitlines()[1].split()[-4:] == [
        *("on", "ratio<0.8/20/day", "agent=orders", asked[0]),
    ]
    assert secret not in listed.out + json.dumps(shown)

    event = asyncio.run(_dead(_file(folder), hook))
    table = webhooks(folder, "deliveries", hook, "--state", "dead").out
    [row] = table.splitlines()[1:]
    assert row.split()[0] == event
    assert "dead   webhook.test         1     503  out of order" in row
    assert "\x1b" not in table
    assert webhooks(folder, "retry", hook, event).status == 0
    assert asyncio.run(_states(_file(folder), hook)) == ["pending"]

    assert webhooks(folder, "delete", hook).status == 0
    assert f"{hook} not found" in check_one_line(webhooks(folder, "show", hook), 1)


def test_a_ratio_that_is_none_is_refused(folder: Path) -> None:
    """In one line that shows what it may be."""
    asked = webhooks(folder, "create", "https://a.example/", "--ratio", "80%")
    assert "0.8/20/hour" in check_one_line(asked, MISUSED)


def _file(folder: Path) -> str:
    return f"sqlite:///{folder}/kept.db"


async def _made(url: str) -> None:
    async with await open_backend(url):
        pass


async def _dead(url: str, hook: str) -> str:
    """A delivery that was given up."""
    async with await open_backend(url) as backend:
        event = (await backend.webhooks.test(hook)).delivery_id
        outbox = SqlOutbox(backend.database)
        [address] = await outbox.waiting(1)
        assert await outbox.claim(address, Micros(clock.now() + 60_000_000))
        await outbox.settle(address, [Outcome(event, "dead", clock.now(), 503, TROUBLE)])
        return event


async def _states(url: str, hook: str) -> list[str]:
    async with await open_backend(url) as backend:
        return [each.state for each in (await backend.webhooks.deliveries(hook)).items]
