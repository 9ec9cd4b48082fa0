"""Statistics of feedback: windows of time, cut into what was counted and what is to be counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.feedback import (
    HOUR,
    WINDOW_OFFSET,
    WINDOW_WIDTH,
    FeedbackStats,
    StatsQuery,
)
from commonhold.model.scope import Scope
from commonhold.model.score_stats import DIMENSIONS, ScoreStats, ScoreStatsQuery, Tally
from commonhold.model.windows import Piece, Window, pieces, window_before, windows, zone_of
from commonhold.sql import rows
from commonhold.sql.database import Database, Row
from commonhold.sql.statement import statement

COUNT = statement("count_feedback")
REACH = statement("feedback_reach")

_FIRST = -(2**62) // HOUR * HOUR
_LAST = 2**62 // HOUR * HOUR
_NOTHING = Tally()
_LEVELS = {"minute": "m", "hour": "mh"}
"""The counts that are of use for a window; those of days as well for all others."""


class FeedbackCounts:
    """Counts the feedback of one tenant."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._db = database
        self._tenant = scope.tenant
        self._part_of = scope.only.part_of

    async def votes(self, query: StatsQuery) -> tuple[FeedbackStats, ...]:
        """Votes per UTC window and agent type."""
        width = WINDOW_WIDTH[query.window]
        start = _FIRST if query.since is None else query.since
        end = _LAST if query.until is None else query.until
        found = await self._count(
            list(pieces(None, start, end, levels=_levels(query.window))),
            "agent_type",
            {"agent_type": query.agent_type, "agent": self._part_of},
            width=width,
            shift=WINDOW_OFFSET[query.window],
        )
        told = [rows.stats(row, width) for row in found]
        return tuple([each for each in told if each.total])

    async def scores(self, query: ScoreStatsQuery) -> tuple[ScoreStats, ...]:
        """Scores per window of a zone and group."""
        if self._part_of is not None:
            if query.agent not in (None, self._part_of):
                return ()
            query = replace(query, agent=self._part_of)
        first, last = await self._reach()
        if first is None or last is None:
            return ()
        since = Micros(max(first, query.since or first))
        until = Micros(min(last + 1, query.until or last + 1))
        zone = zone_of(query.tz)
        asked = windows(query.window, zone, since, until)
        if not asked:
            return ()
        before = window_before(query.window, zone, since)
        cut = [
            before,
            *(Window(Micros(max(a, since)), Micros(min(b, until))) for a, b in asked),
        ]
        found = await self._count(
            _cut(cut, _usable(query)), query.group_by or "", query.narrowed, width=1, shift=0
        )
        return tuple(_told([before, *asked], found))

    async def _reach(self) -> Sequence[int | None]:
        row = await self._db.one(REACH, tenant=self._tenant)
        return (None, None) if row is None else (row[0], row[1])

    async def _count(
        self, cut: Sequence[Piece], group_by: str, narrowed: Any, *, width: int, shift: int
    ) -> Sequence[Row]:
        return await self._db.all(
            COUNT,
            tenant=self._tenant,
            pieces=opaque.dumps([piece._asdict() for piece in cut]),
            group_by=group_by,
            width=width,
            shift=shift,
            **{name: narrowed.get(name) for name in DIMENSIONS},
        )


def _levels(window: str) -> str:
    return _LEVELS.get(window, "mhd")


def _usable(query: ScoreStatsQuery) -> str:
    """The counts that can answer a query: users are counted by day and by name only."""
    if query.group_by != "user":
        return _levels(query.window)
    return "u" if set(query.narrowed) <= {"name"} and query.window not in _LEVELS else ""


def _cut(cut: Sequence[Window], levels: str) -> list[Piece]:
    """The pieces of windows, each with the number of its window."""
    return [
        piece
        for index, (start, end) in enumerate(cut)
        for piece in pieces(index, start, end, levels=levels)
    ]


def _told(asked: Sequence[Window], found: Iterable[Row]) -> Iterable[ScoreStats]:
    """Each group with what it had in the window before; the first window is only that."""
    known = {(row[0], row[1]): rows.tally(row) for row in found}
    for (index, group), tally in known.items():
        if index:
            start, end = asked[index]
            before = known.get((index - 1, group), _NOTHING)
            yield ScoreStats(start, end, group or None, tally, before)
