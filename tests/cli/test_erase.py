"""`commonhold erase`, on a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from commonhold.model.scope import Author, Scope
from commonhold.sql import open_backend
from commonhold.testing.factories import messages
from tests.cli.commands import MISUSED, Result, check_one_line, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a session of a user."""
    asyncio.run(_converse(_file(tmp_path)))
    return tmp_path


def erase(folder: Path, *arguments: str) -> Result:
    """Run `commonhold erase` on it."""
    return run("erase", *arguments, folder=folder, environ={"COMMONHOLD_URL": _file(folder)})


def audit(folder: Path, *arguments: str) -> Result:
    """Run `commonhold audit` on it."""
    return run("audit", *arguments, folder=folder, environ={"COMMONHOLD_DATABASE": _file(folder)})


def test_a_user_is_looked_at_and_then_erased(folder: Path) -> None:
    """A dry run counts, and does nothing; the receipt says what was done, and the audit log who did."""
    seen = erase(folder, "alice", "--dry-run", "--json")
    assert json.loads(seen.out) | {"sessions": 1, "messages": 2} == json.loads(seen.out)
    table = erase(folder, "alice", "--yes")
    assert "sessions           1          removed" in table.out
    assert "receipt  er_" in table.out
    again = json.loads(erase(folder, "alice", "--yes", "--json").out)
    assert (again["status"], again["sessions"], again["asked_by"]) == ("done", 0, "sys:cli")
    events = [json.loads(line) for line in audit(folder, "list", "--json").out.splitlines()]
    assert [each["operation"] for each in events] == ["erasures.create"] * 2
    assert events[0]["resource_id"] == again["erasure_id"]
    assert "alice" not in str(events)


def test_what_cannot_be_undone_is_asked_for(folder: Path) -> None:
    """Where nobody can be asked, it has to be said; and nobody in particular is erased."""
    assert "--yes" in check_one_line(erase(folder, "alice"), MISUSED)
    assert "one user" in check_one_line(erase(folder, "anonymous", "--yes"), MISUSED)


def _file(folder: Path) -> str:
    return f"sqlite:///{folder}/kept.db"


async def _converse(url: str) -> None:
    alice = Scope(author=Author("a", "alice", "agent:a", "asserted"))
    async with await open_backend(url) as backend:
        await backend.bind(alice).sessions.append("s", messages("m1", "m2"))
