"""Partitions of spans on Postgres: one for each day, made before the day begins.

A trace belongs to the day on which it was first heard of, so that no clock of an agent decides
where it is kept, late spans find their trace, and retention drops whole days. What has no partition
goes to the default one, and is kept and found all the same.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.sql.database import Database, Tx
from commonhold.sql.wall import is_behind, put_behind

AHEAD_DAYS = 3
TABLES = ("span", "span_text")

_LOCK = 0x5350414E  # "SPAN": replicas do not make the same partition at once
_EPOCH = date(1970, 1, 1)
_EXISTS = "SELECT to_regclass($1) IS NOT NULL"
_OWNER = """
SELECT relowner::regrole::text FROM pg_class
WHERE oid = to_regclass($1) AND relowner <> current_user::regrole AND pg_has_role(relowner, 'MEMBER')
"""
_log = logging.getLogger("commonhold.sql")


async def make_ahead(database: Database, days: int = AHEAD_DAYS) -> int:
    """Make the partitions from today on that are not there; how many that were.

    One that cannot be made, as the role may not or as the default partition has rows of that day,
    is logged and left out.
    """
    if not database.has_partitions:
        return 0
    today = clock.to_datetime(clock.now()).date()
    made = 0
    for table in TABLES:
        for offset in range(days + 1):
            made += await _make(database, table, today + timedelta(days=offset))
    return made


async def _make(database: Database, table: str, day: date) -> bool:
    name = f"{table}_{day:%Y%m%d}"

    async def unit(tx: Tx) -> bool:
        await tx.query(f"SELECT pg_advisory_xact_lock({_LOCK})")
        if (await tx.query(_EXISTS, name))[0][0]:
            return False
        await _become_owner(tx, table)
        first = (day - _EPOCH).days
        await tx.script(
            f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({first}) TO ({first + 1})"
        )
        if await is_behind(tx, table):
            await put_behind(tx, name)
        return True

    try:
        return await database.write(unit)
    except CommonholdError as error:
        _log.warning("The partition %s was not made: %s", name, error.detail)
        return False


async def _become_owner(tx: Tx, table: str) -> None:
    """Until the unit ends, so that a partition has the owner of its table, whoever makes it."""
    for (owner,) in await tx.query(_OWNER, table):
        await tx.script(f"SET LOCAL ROLE {owner}")


def until_tomorrow_s() -> float:
    """Seconds until the next day begins, by UTC."""
    now = clock.to_datetime(clock.now())
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    return (midnight - now).total_seconds()
