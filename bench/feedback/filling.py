"""Many records out of some: those of the service are copied, with other ids and at other times.

The originals are spread evenly over ninety days, and copies of each over the time to the next.
Indexes and triggers are away meanwhile; the counts that triggers keep are made from the records in
the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.traces.copies import LISTS, Sql, Told, opened, renewing
from bench.traces.subjects import Backend, Place

TABLES = ("session", "message", "feedback")
IDS = (
    *("session_id", "turn_session", "message_id", "turn_message"),
    *("feedback_id", "vote_key", "trace_key"),
)
TIMES = ("created_at", "updated_at")
BATCH = 2000
"""Copies made in one transaction: many, so that a page of a table in the order of ids that mean
nothing is written once or twice, and not for each of its rows."""

DAY_US = 86_400_000_000
DAYS = 90
SHIFTS, STRIDE = 9973, 6163
"""Copy k is k times the stride, modulo the shifts, of so many parts of the time earlier: primes, so
that any row of copies is spread over all of it."""

SPREAD = """
UPDATE feedback
SET created_at = created_at - n.number * {gap}, updated_at = updated_at - n.number * {gap}
FROM (SELECT feedback_id, row_number() OVER (ORDER BY feedback_id) AS number FROM feedback) AS n
WHERE feedback.feedback_id = n.feedback_id
"""

COUNTED = ("feedback_counted", "feedback_recounted")
"""The triggers that keep the counts of records that are written."""

RECOUNT = """
INSERT INTO feedback_count (
    tenant, level, start, agent, agent_type, model, name, label, source, slot, scores, thumbs_up,
    thumbs_down, valued, whole, billionths
)
SELECT f.tenant, l.level, f.created_at - f.created_at % l.width,
    CASE l.level WHEN 'u' THEN '' ELSE f.agent END,
    CASE l.level WHEN 'u' THEN '' ELSE coalesce(f.agent_type, '') END,
    CASE l.level WHEN 'u' THEN '' ELSE coalesce(f.model, '') END, f.name,
    CASE l.level WHEN 'u' THEN f.user_id ELSE coalesce(f.label, '') END,
    CASE l.level WHEN 'u' THEN '' ELSE f.source END, 0, count(*),
    sum(CASE WHEN f.rating = 1 THEN 1 ELSE 0 END), sum(CASE WHEN f.rating = -1 THEN 1 ELSE 0 END),
    count(*), sum(CASE WHEN f.rating = 1 THEN 1 ELSE 0 END), 0
FROM feedback f CROSS JOIN (
    SELECT 'm' AS level, 60000000 AS width UNION ALL SELECT 'h', 3600000000
    UNION ALL SELECT 'd', 86400000000 UNION ALL SELECT 'u', 86400000000
) AS l
WHERE f.superseded_by IS NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
"""The counts of thumbs, which are all that is planted."""

_OF_TABLES = ", ".join(f"'{table}'" for table in TABLES)
SQLITE_PARTS = f"""
SELECT type, name, sql FROM sqlite_master
WHERE type IN ('index', 'trigger') AND tbl_name IN ({_OF_TABLES}) AND sql IS NOT NULL
"""
POSTGRES_PARTS = f"""
SELECT 'index', indexname, indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename IN ({_OF_TABLES})
  AND indexname NOT LIKE '%\\_pkey'
"""


async def grow(place: Place, first: int, last: int, told: Told) -> None:
    """Add copies `first` to `last` of everything that is there before the first copy."""
    async with opened(place) as sql, _bare(place.backend, sql, told):
        gap = await _gap(sql, "feedback" if first == 1 else "original_feedback")
        if first == 1:
            await sql.run(SPREAD.format(gap=gap))
        for table, columns in await _columns(place.backend, sql):
            if first == 1:
                await sql.run(f"CREATE TABLE original_{table} AS SELECT * FROM {table}")
            for start in range(first, last + 1, BATCH):
                end = min(start + BATCH - 1, last)
                told(f"{place.backend}: {table}, copy {end:,} of {last:,}")
                await sql.run(_copying(place.backend, table, columns, gap, start, end))
        told(f"{place.backend}: counting")
        await recount(sql)
    if place.backend == "postgres":  # which does so by itself, some time later; SQLite does not
        async with opened(place) as sql:
            told(f"{place.backend}: statistics")
            await sql.run("VACUUM ANALYZE")


async def recount(sql: Sql) -> None:
    """Make the counts anew."""
    await sql.run("DELETE FROM feedback_count")
    await sql.run(RECOUNT)


@asynccontextmanager
async def _bare(backend: Backend, sql: Sql, told: Told) -> AsyncIterator[None]:
    """The tables without what each row of them would have to be added to."""
    if backend == "postgres":
        await sql.run("SET session_replication_role = replica")
        await sql.run("SET maintenance_work_mem = '512MB'")
    parts = await sql.rows(SQLITE_PARTS if backend == "sqlite" else POSTGRES_PARTS)
    for kind, name, _ in parts:
        await sql.run(f"DROP {kind} {name}")
    yield
    for kind, name, made in parts:
        told(f"{backend}: {kind} {name}")
        await sql.run(made)


@asynccontextmanager
async def uncounted(place: Place) -> AsyncIterator[None]:
    """The database while nothing is counted."""
    async with opened(place) as sql:
        if place.backend == "postgres":
            for name in COUNTED:
                await sql.run(f"ALTER TABLE feedback DISABLE TRIGGER {name}")
            yield
            for name in COUNTED:
                await sql.run(f"ALTER TABLE feedback ENABLE TRIGGER {name}")
            return
        triggers = [row for row in await sql.rows(SQLITE_PARTS) if row[1] in COUNTED]
        for _, name, _ in triggers:
            await sql.run(f"DROP TRIGGER {name}")
        yield
        for _, _, made in triggers:
            await sql.run(made)


async def _columns(backend: Backend, sql: Sql) -> list[tuple[str, dict[str, str]]]:
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in await sql.rows(LISTS[backend]):
        if name in TABLES:
            found.setdefault(name, {})[column] = kind
    return [(table, found[table]) for table in TABLES]


async def _gap(sql: Sql, table: str) -> int:
    """Microseconds from one original to the next."""
    [(count,)] = await sql.rows(f"SELECT count(*) FROM {table}")
    return DAYS * DAY_US // int(count)


def _copying(
    backend: Backend, table: str, columns: dict[str, str], gap: int, first: int, last: int
) -> str:
    values = ", ".join(_value(backend, column, kind, gap) for column, kind in columns.items())
    key = next(place for place, column in enumerate(columns, 1) if column in IDS)
    order = f" ORDER BY {key}" if backend == "sqlite" else ""
    return (
        f"INSERT INTO {table} ({', '.join(columns)})\n"
        f"WITH RECURSIVE copies (k) AS (SELECT {first} UNION ALL"
        f" SELECT k + 1 FROM copies WHERE k < {last})\n"
        f"SELECT {values} FROM copies CROSS JOIN original_{table}{order}"
    )


def _value(backend: Backend, column: str, kind: str, gap: int) -> str:
    if column in IDS:
        return renewing(backend, column, kind)
    if column in TIMES:
        return f"{column} - CAST(k AS bigint) * {STRIDE} % {SHIFTS} * {gap // SHIFTS}"
    return column
