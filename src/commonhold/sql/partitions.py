"""Partitions on Postgres: spans by day, the audit log by month, made before their time.

A trace belongs to the day on which it was first heard of, so that no clock of an agent decides
where it is kept, late spans find their trace, and retention drops whole days. What has no partition
goes to the default one, and is kept and found all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.model.months import month_from
from commonhold.sql.audit import APPEND_ONLY
from commonhold.sql.database import Database, Tx
from commonhold.sql.wall import is_behind, put_behind

AHEAD = 3
"""Days, and months, that have their partition before they begin."""


@dataclass(frozen=True, slots=True)
class Series:
    """The partitions of a table: `first` is the day with which one begins, so many behind another.

    The column that says where a row belongs counts `per_day` to the day.
    """

    table: str
    first: Callable[[date, int], date]
    pattern: str
    per_day: int

    def name(self, first: date) -> str:
        """The partition that begins with a day."""
        return f"{self.table}_{first:{self.pattern}}"


def _day(day: date, count: int) -> date:
    return day + timedelta(days=count)


SERIES = (
    Series("span", _day, "%Y%m%d", 1),
    Series("span_text", _day, "%Y%m%d", 1),
    Series("audit_event", month_from, "%Y%m", 86_400_000_000),
)

_LOCK = 0x5350414E  # "SPAN": replicas do not make the same partition at once
_EPOCH = date(1970, 1, 1)
_EXISTS = "SELECT to_regclass($1) IS NOT NULL"
_OWNER = """
SELECT relowner::regrole::text FROM pg_class
WHERE oid = to_regclass($1) AND relowner <> current_user::regrole
"""
_GUARD = """
CREATE TRIGGER {0}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {0}
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1()
"""
"""A trigger of a table refuses nothing that is done to a partition by its own name."""

_log = logging.getLogger("commonhold.sql")


async def make_ahead(database: Database, ahead: int = AHEAD) -> int:
    """Make the partitions from today on that are not there; how many that were.

    One that cannot be made, as the role may not or as the default partition has rows of that time,
    is logged and left out.
    """
    if not database.has_partitions:
        return 0
    today = clock.to_datetime(clock.now()).date()
    made = 0
    for series in SERIES:
        for count in range(ahead + 1):
            made += await _make(database, series, series.first(today, count))
    return made


async def _make(database: Database, series: Series, first: date) -> bool:
    name, table = series.name(first), series.table
    begin, end = ((day - _EPOCH).days * series.per_day for day in (first, series.first(first, 1)))

    async def unit(tx: Tx) -> bool:
        await tx.query(f"SELECT pg_advisory_xact_lock({_LOCK})")
        if (await tx.query(_EXISTS, name))[0][0]:
            return False
        await become_owner(tx, table)
        await tx.script(
            f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({begin}) TO ({end})"
        )
        if table in APPEND_ONLY:
            await tx.script(_GUARD.format(name))
        if await is_behind(tx, table):
            await put_behind(tx, name)
        return True

    try:
        return await database.write(unit)
    except CommonholdError as error:
        _log.warning("The partition %s was not made: %s", name, error.detail)
        return False


async def become_owner(tx: Tx, table: str) -> None:
    """Be the owner of a table until the unit ends, so that what is made or changed stays its own.

    Raises:
        Unavailable: the role may not.
    """
    for (owner,) in await tx.query(_OWNER, table):
        await tx.script(f"SET LOCAL ROLE {owner}")


def until_tomorrow_s() -> float:
    """Seconds until the next day begins, by UTC."""
    now = clock.to_datetime(clock.now())
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    return (midnight - now).total_seconds()
