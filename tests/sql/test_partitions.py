"""Spans by day and events by month on Postgres: made ahead, pruned when read, found wherever they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.sql import SqlBackend, migrate, open_backend
from commonhold.sql.database import Tx
from commonhold.sql.partitions import AHEAD, SERIES, make_ahead
from commonhold.testing.factories import span, trace

DAY = 86_400_000_000


async def partitions(backend: SqlBackend) -> set[str]:
    """The partitions there are."""
    found = await backend.database.read(
        lambda tx: tx.query(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relkind = 'p'"
        )
    )
    return {row[0] for row in found}


async def where(backend: SqlBackend) -> list[str]:
    """The partition of each span."""
    found = await backend.database.read(
        lambda tx: tx.query("SELECT tableoid::regclass::text FROM span ORDER BY span_id")
    )
    return [row[0] for row in found]


def name(table: str, offset: int) -> str:
    """The partition of a day from today, or of a month from this one."""
    now = clock.to_datetime(clock.now())
    if table == "audit_event":
        month = now.month - 1 + offset
        return f"{table}_{now.year + month // 12}{month % 12 + 1:02d}"
    return f"{table}_{now + timedelta(days=offset):%Y%m%d}"


async def test_partitions_are_there_before_their_day(empty_postgres_url: str) -> None:
    """Today's too, when a database is opened; making them again makes nothing."""
    async with await open_backend(empty_postgres_url) as backend:
        expected = {name(each.table, n) for each in SERIES for n in range(AHEAD + 1)}
        others = {f"{each.table}_other" for each in SERIES}
        assert await partitions(backend) == expected | others
        assert await make_ahead(backend.database) == 0
        assert await make_ahead(backend.database, AHEAD + 1) == len(SERIES)
        assert await backend.verify() == ()
        month = name("audit_event", 1)
        disabled = f"ALTER TABLE {month} DISABLE TRIGGER USER"
        await backend.database.write(lambda tx: tx.script(disabled))
    assert await migrate.verify(empty_postgres_url) == (f"Missing: trigger {month}_is_kept.",)


async def test_a_trace_is_kept_with_the_day_it_was_first_heard_of(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its clock says; spans that come days later find it, and it is whole."""
    async with await open_backend(postgres_url) as backend:
        await backend.traces.put(trace(spans=(span(span_id="a", start_time=9e9),)))
        today, later = clock.now(), Micros(clock.now() + 2 * DAY)
        monkeypatch.setattr(clock, "now", lambda: later)
        await backend.traces.put(trace(spans=(span(span_id="b"),)))
        await backend.traces.put(trace("late", spans=(span("late", span_id="c"),)))
        monkeypatch.setattr(clock, "now", lambda: today)
        assert await where(backend) == [name("span", 0), name("span", 0), name("span", 2)]
        found = await backend.traces.get("trace_1")
        assert {one.span_id for one in found.spans} == {"a", "b"}


async def test_spans_of_a_day_without_a_partition_are_kept(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default partition takes them; that day gets none any more, and nothing else fails."""
    async with await open_backend(postgres_url) as backend:
        far = Micros(clock.now() + 400 * DAY)
        monkeypatch.setattr(clock, "now", lambda: far)
        await backend.traces.put(trace())
        assert set(await where(backend)) == {"span_other"}
        assert await make_ahead(backend.database, 0) == 2  # of words and events: there are no rows
        assert len((await backend.traces.get("trace_1")).spans) == 6


async def test_a_trace_is_read_from_one_partition(postgres_url: str) -> None:
    """The others are pruned, when a trace is read and when it grows."""
    async with await open_backend(postgres_url) as backend:

        async def plan(tx: Tx) -> str:
            rows = await tx.query(
                "EXPLAIN SELECT name FROM span WHERE tenant = 'default' AND day = $1 "
                "AND trace_id = 't'",
                clock.now() // DAY,
            )
            return "\n".join(row[0] for row in rows)

        told = await backend.database.read(plan)
        assert f"on {name('span', 0)}" in told
        assert told.count("Scan using") == 1
        assert "span_other" not in told


async def test_a_backend_without_partitions_makes_none() -> None:
    """SQLite keeps all days in one table."""
    async with await open_backend("sqlite:///:memory:") as backend:
        assert await make_ahead(backend.database) == 0
