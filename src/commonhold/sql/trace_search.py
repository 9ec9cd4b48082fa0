"""Search in traces, newest first: the work is that of a page, however many traces have the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commonhold.model import opaque
from commonhold.model.time_windows import ALWAYS, Stretch, stretch
from commonhold.sql.database import Database, Row, certain
from commonhold.sql.statement import statement

ALL = statement("search_traces")
THEN = statement("search_traces_then")
PACE = statement("pace_traces")

NEAR = 1000
"""Traces that the first stretch of time has. Where there are no more, all are searched at once."""


async def newest(database: Database, asked: Mapping[str, Any]) -> Sequence[Row]:
    """What `search_traces` answers, newest first: up to `limit` rows after `offset`."""
    pace = await database.one(PACE, tenant=asked["tenant"], until=_until(asked), near=NEAR)
    last, near_by, first = certain(pace, "it has no FROM")
    if near_by is None:
        return await database.all(ALL, **asked)
    skipped = asked["offset"] or 0
    wanted = skipped + asked["limit"]
    floor = max(first, asked["since"] if asked["since"] is not None else ALWAYS)
    found: list[Row] = []
    at = stretch(near_by, last + 1)
    while True:
        rows = await _within(database, at, floor, {**asked, "limit": wanted - len(found)})
        found += rows
        if len(found) >= wanted or at.since <= floor:
            return found[skipped:]
        at = at.older(len(rows))


def _until(asked: Mapping[str, Any]) -> int | None:
    """Before when all that is wanted begins."""
    bounds = [asked["until"], None if asked["at"] is None else min(asked["at"] + 1, -ALWAYS)]
    return min((bound for bound in bounds if bound is not None), default=None)


async def _within(
    database: Database, at: Stretch, floor: int, asked: Mapping[str, Any]
) -> Sequence[Row]:
    """What is found in one stretch; in all that is older, where it is too long for windows."""
    bounded = {**asked, "since": max(at.since, floor), "until": at.until, "offset": None}
    if at.windows is None:
        return await database.all(ALL, **bounded)
    return await database.all(THEN, **bounded, times=opaque.dumps(at.windows))
