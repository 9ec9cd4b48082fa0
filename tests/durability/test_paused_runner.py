"""Two runners contend for the turn, and one of them sleeps through its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import processes
from tests.durability.runner import Runner
from tests.processes import PATIENCE_S, Process

TTL_S = 1.0
SESSION = "contended"


@pytest.fixture(params=["sqlite", "postgres"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A service over a database of its own."""
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path / 'commonhold.db'}"
    else:
        database = request.getfixturevalue("empty_postgres_url")
    with processes.service(database, tmp_path) as process:
        yield process


@pytest.fixture
def runners(service: Process) -> Iterator[tuple[Runner, Runner]]:
    """Two processes that share the session."""
    with Runner(service.url, "first") as first, Runner(service.url, "second") as second:
        yield first, second


def said(text: str) -> str:
    """A message as JSON text, its id the text."""
    return json.dumps({"id": text, "role": "assistant", "content": text})


def log(service: Process) -> list[dict[str, Any]]:
    """Every message of the session, superseded or not."""
    url = f"{service.url}/v1/sessions/{SESSION}/messages"
    answer = httpx2.get(url, params={"include": "superseded"}, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_a_runner_paused_past_its_turn_writes_nothing_any_more(
    service: Process, runners: tuple[Runner, Runner]
) -> None:
    """Stopped while it has the turn, it wakes up when another has it, and every write is refused."""
    first, second = runners
    old = first.call("lease", SESSION, ttl_s=TTL_S)["token"]
    assert "error" not in first.call("append", SESSION, [said("before")], lease=old)

    first.pause()
    first.tell("append", SESSION, [said("late append")], lease=old)
    new = second.call("lease", SESSION, ttl_s=PATIENCE_S, wait_s=PATIENCE_S)
    assert new["holder"] == "second"
    assert new["token"] > old
    told = second.call("append", SESSION, [said("after")], lease=new["token"])
    assert told["message_ids"] == ["after"]
    first.resume()

    ended = {"error": "LeaseEnded", "code": "lease_ended"}
    assert first.hear() == ended
    whole = [said("before"), said("after"), said("late put")]
    assert first.call("put", SESSION, whole, lease=old) == ended
    assert first.call("put", SESSION, [said("late replace")], mode="replace", lease=old) == ended
    assert first.call("revert", SESSION, to=0, lease=old) == ended
    assert first.call("handoff", SESSION, "nobody", lease=old) == ended
    assert first.call("repair", SESSION, lease=old) == ended
    assert first.call("lease", SESSION, ttl_s=TTL_S, token=old) == ended
    assert first.call("release", SESSION, token=old) == ended
    without = first.call("append", SESSION, [said("no token")])
    assert without == {"error": "LeaseHeld", "code": "lease_held"}

    assert second.call("append", SESSION, [said("still mine")], lease=new["token"])["last_seq"]
    assert [row["id"] for row in log(service)] == ["before", "after", "still mine"]
    assert not [row for row in log(service) if row["superseded_at"]]
    second.call("release", SESSION, token=new["token"])
    assert first.call("append", SESSION, [said("later")], lease=old) == ended


def test_a_retry_after_the_pause_gets_the_answer_of_its_first_attempt(
    service: Process, runners: tuple[Runner, Runner]
) -> None:
    """What was taken while the turn lasted is told again, and not written again."""
    first, second = runners
    old = first.call("lease", SESSION, ttl_s=TTL_S)["token"]
    answer = first.call("append", SESSION, [said("once")], lease=old, key="k")
    first.pause()
    second.call("lease", SESSION, ttl_s=PATIENCE_S, wait_s=PATIENCE_S)
    first.tell("append", SESSION, [said("once")], lease=old, key="k")
    first.resume()
    assert first.hear() == answer
    assert [row["id"] for row in log(service)] == ["once"]
