"""`commonhold db` on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from _pytest.fixtures import SubRequest

from commonhold.sql import open_backend
from tests.cli.commands import MISUSED, Result, check_one_line, run

Db = Callable[..., Result]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: SubRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/x.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def db(empty_url: str, tmp_path: Path) -> Db:
    """Runs `commonhold db ...` on the database, named by its variable."""

    def command(*arguments: str) -> Result:
        return run("db", *arguments, folder=tmp_path, environ={"COMMONHOLD_DATABASE": empty_url})

    return command


async def alter(url: str, *commands: str) -> None:
    """Do to a schema what nobody should."""
    async with await open_backend(url, upgrade=False) as backend:
        for text in commands:
            await backend.database.write(lambda tx, text=text: tx.query(text))  # type: ignore[misc]


def test_upgrade_makes_the_schema_and_says_what_it_did(db: Db) -> None:
    """Step by step; a second run finds nothing to do."""
    first = db("upgrade")
    second = db("upgrade")

    assert first.status == second.status == 0
    assert "0001" in first.out
    assert "version 0 to" in first.out
    assert "nothing to do" in second.out
    assert "applied" not in second.out


def test_status_tells_what_is_pending(db: Db, empty_url: str) -> None:
    """With status 1 while something is, so that a script can wait for it."""
    asyncio.run(alter(empty_url))
    before, after_facts = db("status", "--json"), None
    db("upgrade")
    after = db("status", "--json")
    after_facts = json.loads(after.out)

    assert before.status == 1
    assert json.loads(before.out)["current"] == 0
    assert json.loads(before.out)["pending"]
    assert after.status == 0
    assert after_facts["current"] == after_facts["expected"]
    assert after_facts["pending"] == []


def test_status_is_there_for_a_person(db: Db) -> None:
    """It says what to run."""
    db("upgrade")

    shown = db("status")

    assert shown.status == 0
    assert "nothing" in shown.out


def test_verify_finds_what_was_changed(db: Db, empty_url: str) -> None:
    """A missing index and a table that is not ours, by name."""
    db("upgrade")
    sound = db("verify")
    asyncio.run(alter(empty_url, "CREATE TABLE stranger (x INTEGER)"))
    changed = db("verify")

    assert sound.status == 0, sound
    assert "verified" in sound.out
    assert changed.status == 1
    assert "stranger" in changed.out


def test_two_upgrades_at_once_do_not_meet(db: Db) -> None:
    """Each step is applied by one of them."""
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: db("upgrade"), range(2)))

    assert [result.status for result in both] == [0, 0]
    applied = [line for result in both for line in result.out.splitlines() if "applied" in line]
    assert len(applied) == len(set(applied)) > 0
    assert db("verify").status == 0


@pytest.mark.parametrize("command", ["status", "verify"])
def test_looking_never_makes_a_database(command: str, tmp_path: Path) -> None:
    """A wrong path is not answered by an empty database."""
    line = check_one_line(run("db", command, folder=tmp_path), 1)

    assert "does not exist yet" in line
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    """In one line, with its address and what is wrong with it."""
    url = "postgresql://me:hunter2@127.0.0.1:1/x"

    result = run("db", "upgrade", "--database", url, folder=tmp_path)

    line = check_one_line(result, 1)
    assert "cannot be reached" in line
    assert "('127.0.0.1', 1)" in line
    assert "hunter2" not in result.out + result.err


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    """A file of another kind is left as it is."""
    (tmp_path / "commonhold.db").write_bytes(b"not a database" * 100)

    result = run("db", "status", folder=tmp_path)

    assert result.status == 1
    assert "not a SQLite database" in result.err
    assert (tmp_path / "commonhold.db").read_bytes() == b"not a database" * 100
    assert result.status != MISUSED
