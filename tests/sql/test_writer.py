"""The SQLite writer: shared commits, units that fail alone, a bounded queue."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from commonhold.errors import Closed, CommonholdError, Conflict, Internal, Unavailable
from commonhold.model.session import NewSession
from commonhold.sql import SqlBackend, SqlOptions, open_backend
from commonhold.sql.database import Database, Tx


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[SqlBackend]:
    """A fresh file."""
    async with await open_backend(f"sqlite:///{tmp_path}/w.db") as backend:
        yield backend


async def _hold(database: Database) -> threading.Event:
    """Keep the writer busy until the event is set, so that units pile up behind it."""
    started, release = threading.Event(), threading.Event()

    async def wait(_: Tx) -> None:
        started.set()
        release.wait(10)

    task = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(started.wait, 10)
    task.add_done_callback(lambda done: done.exception())
    return release


async def test_units_that_queue_up_share_one_commit(backend: SqlBackend) -> None:
    """A hundred writes behind a busy writer cost one more commit, not a hundred."""
    release = await _hold(backend.database)
    writes = [backend.sessions.create(NewSession(f"s{n}")) for n in range(100)]
    tasks = [asyncio.ensure_future(write) for write in writes]
    await asyncio.sleep(0)
    before = backend.database.stats()["commits_total"]
    release.set()
    await asyncio.gather(*tasks)

    assert backend.database.stats()["commits_total"] - before == 2
    assert len((await backend.sessions.list()).items) == 50


async def test_a_unit_that_fails_takes_nothing_with_it(backend: SqlBackend) -> None:
    """Its neighbours in the same commit are kept, its own changes are not."""

    async def half(tx: Tx) -> None:
        await tx.query("INSERT INTO commonhold_schema VALUES (77, 'half', 'x', 0)")
        raise ValueError("on purpose")

    release = await _hold(backend.database)
    tasks = [
        asyncio.ensure_future(backend.sessions.create(NewSession("before"))),
        asyncio.ensure_future(backend.database.write(half)),
        asyncio.ensure_future(backend.sessions.create(NewSession("before"))),
        asyncio.ensure_future(backend.sessions.create(NewSession("after"))),
    ]
    await asyncio.sleep(0)
    release.set()
    first, failed, twice, after = await asyncio.gather(*tasks, return_exceptions=True)
    kept = await backend.database.read(
        lambda tx: tx.query("SELECT count(*) FROM commonhold_schema WHERE version = 77")
    )

    assert not isinstance(first, BaseException)
    assert not isinstance(after, BaseException)
    assert isinstance(failed, Internal)
    assert isinstance(failed.__cause__, ValueError)
    assert isinstance(twice, Conflict)
    assert kept[0][0] == 0


async def test_a_rollback_of_the_whole_transaction_is_survived_by_the_neighbours(
    backend: SqlBackend,
) -> None:
    """When SQLite itself gives up a transaction, the other units are run again on their own."""

    async def break_down(tx: Tx) -> None:
        await tx.query("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    release = await _hold(backend.database)
    tasks = [
        asyncio.ensure_future(backend.sessions.create(NewSession("before"))),
        asyncio.ensure_future(backend.database.write(break_down)),
        asyncio.ensure_future(backend.sessions.create(NewSession("after"))),
    ]
    await asyncio.sleep(0)
    release.set()
    first, failed, after = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(failed, CommonholdError)
    assert not isinstance(first, BaseException)
    assert not isinstance(after, BaseException)
    assert {item.session_id for item in (await backend.sessions.list()).items} == {
        "before",
        "after",
    }


async def test_a_unit_that_awaits_anything_else_is_stopped(backend: SqlBackend) -> None:
    """A network wait inside a transaction is a bug, and found at once."""

    async def wander(_: Tx) -> None:
        await asyncio.sleep(0)

    with pytest.raises(Internal) as caught:
        await backend.database.write(wander)
    assert "nothing but its tx" in str(caught.value.__cause__)
    await backend.sessions.create(NewSession("still-alive"))


async def test_a_full_queue_is_told_at_once(tmp_path: Path) -> None:
    """Overload is 503 for the one who comes too late; nothing is queued without bound."""
    options = SqlOptions(queue_limit=2)
    async with await open_backend(f"sqlite:///{tmp_path}/q.db", options=options) as backend:
        release = await _hold(backend.database)
        writes = [backend.sessions.create(NewSession(f"s{n}")) for n in range(3)]
        tasks = [asyncio.ensure_future(write) for write in writes]
        await asyncio.sleep(0)
        release.set()
        first, second, third = await asyncio.gather(*tasks, return_exceptions=True)

    assert not isinstance(first, BaseException)
    assert not isinstance(second, BaseException)
    assert isinstance(third, Unavailable)
    assert third.retry_after_s == 1


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """What was accepted is written; what comes later is refused."""
    backend = await open_backend(f"sqlite:///{tmp_path}/c.db")
    release = await _hold(backend.database)
    queued = asyncio.ensure_future(backend.sessions.create(NewSession("queued")))
    await asyncio.sleep(0)
    release.set()
    await backend.aclose()
    await queued

    with pytest.raises(Closed):
        await backend.sessions.create(NewSession("late"))
    async with await open_backend(f"sqlite:///{tmp_path}/c.db") as again:
        assert await again.sessions.find("queued") is not None


async def test_a_cancelled_caller_does_not_stop_the_writer(backend: SqlBackend) -> None:
    """A client that hangs up leaves its unit unrun or done, and others are served."""
    release = await _hold(backend.database)
    gone = asyncio.ensure_future(backend.sessions.create(NewSession("gone")))
    stays = asyncio.ensure_future(backend.sessions.create(NewSession("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    release.set()

    assert (await stays).session_id == "stays"


async def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    """The error is ours, and names what is wrong."""
    (tmp_path / "x.db").write_text("this is not a database, whatever its name says" * 50)

    with pytest.raises(Unavailable, match="not a SQLite database"):
        await open_backend(f"sqlite:///{tmp_path}/x.db")
