"""Old months are pruned, by who owns them, and what stays is proven as it was before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonhold.errors import Conflict, InvalidRequest, Unavailable
from commonhold.model import clock
from commonhold.model.audit import AuditEvent, AuditQuery
from commonhold.model.clock import Micros
from commonhold.model.seal import Cut, Link, SealKey
from commonhold.service.pruning import Going, prune, prune_before, survey
from commonhold.service.verifying import Head, Verified, verify
from commonhold.sql import SqlBackend, open_backend, pruning
from commonhold.sql.audit import SqlAudit
from commonhold.sql.database import Tx
from commonhold.sql.partitions import make_ahead
from commonhold.sql.pruning import SqlPruner
from tests.audit.test_seals import script, unlock
from tests.auth.walled import walled
from tests.databases import Databases

KEY = SealKey(b"a key of seals of thirty-two bytes")
DAY = 86_400_000_000
TENANTS, MONTHS = ("t0", "t1"), 4


def at(month: int, day: int = 1) -> Micros:
    """A time in a month of 2025, by its number."""
    return clock.from_datetime(datetime(2025, month, day, 12, tzinfo=UTC))


def start(month: int) -> Micros:
    """When a month begins."""
    return clock.from_datetime(datetime(2025, month, 1, tzinfo=UTC))


def event(month: int, tenant: str = "t1", day: int = 1) -> AuditEvent:
    """Something that happened in a month."""
    return AuditEvent(at=at(month, day), operation="x", decision="noted", tenant=tenant)


async def sealed(log: SqlAudit, events: Sequence[AuditEvent]) -> Sequence[Link]:
    """Events that are added and sealed, one after the other; all of their links."""
    await log.add(events)
    links: list[Link] = []
    while made := await log.seal(KEY, 100):
        links += made
    return links


async def pruned(backend: SqlBackend, before: Micros) -> Going:
    """The log without what is of before a time."""
    log = SqlAudit(backend.database)
    going = await survey(log, [KEY], before)
    assert going.broken is None
    await prune(SqlPruner(backend.database), KEY, going, "sys:test")
    return going


async def checked(log: SqlAudit, *heads: Head) -> Verified:
    """What a look at the log finds."""
    return await verify(log, [KEY], heads)


def why(found: Verified) -> str:
    """What is wrong with it."""
    assert found.broken is not None
    return found.broken.why


def staying(order: Sequence[tuple[int, int]], before: int) -> list[int]:
    """The places of what must stay: of each tenant, what is behind its first newer event."""
    newer = {who for who, _ in order}
    first = {
        each: next(
            (n for n, (who, month) in enumerate(order) if who == each and month >= before), 99
        )
        for each in newer
    }
    return [n for n, (who, _) in enumerate(order) if n >= first[who]]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, MONTHS)), min_size=1, max_size=9))
def test_what_stays_is_the_unbroken_end_of_each_chain(order: list[tuple[int, int]]) -> None:
    """In whatever order events came: twice pruned, and heads of any time still agree."""

    async def run() -> None:
        async with await open_backend("sqlite:///:memory:") as backend:
            log = SqlAudit(backend.database)
            links = await sealed(log, [event(month, TENANTS[who]) for who, month in order])
            heads = [Head(link.tenant, link.n, link.mac) for link in links]
            for before in (2, MONTHS):
                going = await pruned(backend, start(before))
                kept = [
                    each for each in await log.events_from(0, 99) if each.event.operation == "x"
                ]
                assert [each.seq - 1 for each in kept] == staying(order, before)
                assert going.staying == sum(order[each.seq - 1][1] < before for each in kept)
                await sealed(log, [])
                found = await checked(log, *heads)
                assert (found.broken, found.waiting) == (None, 0)
                assert found.events == await log.waiting(0)

    asyncio.run(run())


async def test_a_month_goes_as_a_whole_and_what_must_stay_keeps_its_own(
    backend: SqlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Postgres by dropping it; the chain goes on, and the log is only added to again."""
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: at(2))  # there is no partition of January
        await make_ahead(backend.database)
    log, january, late = SqlAudit(backend.database), event(1), event(3, "t0", 31)
    links = await sealed(log, [january, event(2), event(4, "t0"), late, event(3), event(4)])
    heads = [Head(link.tenant, link.n, link.mac) for link in links]

    assert (await checked(log)).since == at(1)
    going = await pruned(backend, start(4))
    assert (going.months, going.staying) == ({"2025-01": 1, "2025-02": 1, "2025-03": 1}, 1)
    assert [each.event for each in (await log.events_from(0, 9))[:2]] == [event(4, "t0"), late]
    if backend.dialect == "postgres":
        months = (
            "SELECT relname FROM pg_class WHERE relname ~ '^audit_event_20250[1-4]$' ORDER BY 1"
        )
        rows = await backend.database.read(lambda tx: tx.query(months))
        assert [row[0] for row in rows] == ["audit_event_202503", "audit_event_202504"]

    (told,) = (await log.list("t1", AuditQuery(operation="audit.prune"))).items
    assert (told.event.resource_id, told.event.count) == ("2025-04-01", 3)
    found = await checked(log, *heads)
    assert (found.broken, found.events, found.waiting) == (None, 3, 1)
    assert found.since == late.at
    await sealed(log, [event(5, "t2")])
    assert (await checked(log, *heads)).events == 5
    for table in ("audit_event", "audit_seal", "audit_cut"):
        with pytest.raises((Unavailable, Conflict)):
            await script(backend, f"DELETE FROM {table};\n")
    assert await backend.verify() == ()


async def test_a_cut_is_believed_only_as_it_was_made(backend: SqlBackend) -> None:
    """Forged, taken away, or an older one in its place: the log is broken, and says why."""
    log = SqlAudit(backend.database)
    links = await sealed(log, [event(month) for month in (1, 1, 2, 3)])
    await pruned(backend, start(2))
    await sealed(log, [])
    await pruned(backend, start(3))
    await sealed(log, [])
    second, third = links[1:3]
    assert (await checked(log, Head("t1", second.n, second.mac))).broken is None
    assert "another head" in why(await checked(log, Head("t1", third.n, bytes(32))))

    await unlock(backend)
    for done, told in {
        "UPDATE audit_cut SET n = 4, seq = 4 WHERE n = 3": "forged",
        "DELETE FROM audit_seal WHERE n = 4; DELETE FROM audit_event WHERE seq = 4": "is gone",
        "DELETE FROM audit_cut WHERE n > 2": "no cut says",
        "DELETE FROM audit_cut": "no cut says",
    }.items():
        assert told in await broken_by(backend, done)
    assert (await checked(log)).broken is None


async def broken_by(backend: SqlBackend, done: str) -> str:
    """What a look finds wrong after something was done, which is then as if it never was."""
    tables = ("audit_event", "audit_seal", "audit_cut")
    await script(backend, "".join(f"CREATE TABLE {t}_2 AS SELECT * FROM {t};\n" for t in tables))
    await script(backend, done.replace(";", ";\n") + ";\n")
    found = why(await checked(SqlAudit(backend.database)))
    for table in tables:
        await script(backend, f"DELETE FROM {table};\n")
        await script(backend, f"INSERT INTO {table} SELECT * FROM {table}_2;\n")
        await script(backend, f"DROP TABLE {table}_2;\n")
    return found


async def test_nothing_goes_that_is_not_proven(backend: SqlBackend) -> None:
    """Not sealed yet, broken, or changed since it was looked at: all of it is still there."""
    log = SqlAudit(backend.database)
    await log.add([event(1), event(2)])
    with pytest.raises(Conflict, match="1 wait for their seal"):
        await survey(log, [KEY], start(2))
    await sealed(log, [event(3)])
    going = await survey(log, [KEY], start(3))
    await pruned(backend, start(2))
    with pytest.raises(Conflict, match="nothing was pruned"):
        await prune(SqlPruner(backend.database), KEY, going, "sys:test")
    await sealed(log, [])
    found = await checked(log)
    assert (found.events, found.broken) == (3, None)

    await unlock(backend)
    await script(backend, "UPDATE audit_event SET actor = 'agent:b' WHERE seq = 3;\n")
    assert (await survey(log, [KEY], start(3))).broken is not None


def test_what_is_not_long_ago_stays() -> None:
    """Thirty days at least, and whole months."""
    now = at(6, 15)
    assert prune_before(Micros(now - 30 * DAY), now) == start(5)
    for recent, told in ((now - 30 * DAY + 1, "last 30 days"), (now + 1, "in the future")):
        with pytest.raises(InvalidRequest, match=told):
            prune_before(Micros(recent), now)


async def test_who_reads_the_log_for_long_is_not_waited_for_long(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing goes then, and whoever waited behind the owner is let on."""
    monkeypatch.setattr(pruning, "LOCK_TIMEOUT", "20ms")
    async with await open_backend(postgres_url) as backend:
        log, has_read, may_end = SqlAudit(backend.database), asyncio.Event(), asyncio.Event()
        await sealed(log, [event(1)])

        async def slow(tx: Tx) -> None:
            await tx.query("SELECT count(*) FROM audit_event")
            has_read.set()
            await may_end.wait()

        reading = asyncio.create_task(backend.database.read(slow))
        await has_read.wait()
        with pytest.raises(Unavailable, match="Others are at work"):
            await pruned(backend, start(2))
        may_end.set()
        await reading
        assert (await checked(log)).events == 1
        await pruned(backend, start(2))


async def test_only_the_owner_prunes(
    postgres_server: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where tenants are kept apart: the role that works across them, and not that of the service."""
    async with walled(postgres_server) as here:
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda: at(1))
            async with await here.opened() as backend:
                await make_ahead(backend.database)
                log = SqlAudit(backend.database)
                await sealed(log, [event(1, tenant) for tenant in TENANTS])
        async with await here.opened() as backend:
            await make_ahead(backend.database)
            assert await backend.wall_problems() == ()
            with pytest.raises(Unavailable, match="the owner of its tables"):
                await SqlPruner(backend.database.within("t1")).check()
            for month in ("audit_event_202501", "audit_event_other"):
                with pytest.raises(Unavailable, match="may not do this"):
                    await script_within(backend, f"TRUNCATE {month}")
            await here.as_admin(f"ALTER ROLE {here.role('owner')} NOBYPASSRLS")
            with pytest.raises(Unavailable, match=r"hides events .* ALTER ROLE"):
                await SqlPruner(backend.database).check()
            await here.as_admin(f"ALTER ROLE {here.role('owner')} BYPASSRLS")
            await pruned(backend, start(2))
            await sealed(SqlAudit(backend.database), [])
            assert (await checked(SqlAudit(backend.database))).events == 2


async def script_within(backend: SqlBackend, text: str) -> None:
    """Commands of the role of the service."""
    await backend.database.within("t1").write(lambda tx: tx.script(text))


def test_a_cut_seals_all_of_itself() -> None:
    """Another value of any part is another seal; another key is not believed."""
    cut = Cut("t1", 3, 5, bytes(32), Micros(1), Micros(2)).sealed(KEY)
    others = [
        Cut("t2", 3, 5, bytes(32), Micros(1), Micros(2)),
        Cut("t1", 4, 5, bytes(32), Micros(1), Micros(2)),
        Cut("t1", 3, 6, bytes(32), Micros(1), Micros(2)),
        Cut("t1", 3, 5, bytes(31) + b"1", Micros(1), Micros(2)),
        Cut("t1", 3, 5, bytes(32), Micros(3), Micros(2)),
        Cut("t1", 3, 5, bytes(32), Micros(1), Micros(3)),
    ]
    assert cut.is_of(KEY)
    assert not cut.is_of(SealKey(b"another key of thirty-two bytes..."))
    assert len({each.sealed(KEY).mac for each in [cut, *others]}) == 7
