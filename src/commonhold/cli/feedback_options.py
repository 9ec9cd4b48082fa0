"""The options of `commonhold feedback` that are no filters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from commonhold.cli.trace_filters import one_of
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.score_stats import DIMENSIONS, GROUPS, STATS_WINDOWS, ScoreStatsQuery
from commonhold.model.windows import DAY, HOUR
from commonhold.service.lesson_formats import FORMATS
from commonhold.service.lessons import SHAPES

REACH: Mapping[str, int] = {
    "minute": HOUR,
    "hour": 30 * HOUR,
    "day": 30 * DAY,
    "week": 26 * 7 * DAY,
    "month": 365 * DAY,
}
"""How far back to look where nobody says, by the width of a window, in microseconds."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]
Turns = Annotated[
    bool, typer.Option("--turns", help="Also the question and the answer that each is about.")
]
Window = Annotated[
    Any,
    typer.Option(
        "--window",
        metavar="WINDOW",
        help=f"The width of a window: {', '.join(STATS_WINDOWS)}.",
        parser=one_of(*STATS_WINDOWS),
    ),
]
GroupBy = Annotated[
    Any,
    typer.Option(
        "--group-by",
        metavar="GROUP",
        help=f"What to count apart: {', '.join(GROUPS)}.",
        parser=one_of(*GROUPS),
        show_default=False,
    ),
]
Zone = Annotated[
    str,
    typer.Option("--tz", metavar="ZONE", help="The time zone of the windows: Europe/Berlin."),
]
Shape = Annotated[
    Any,
    typer.Option(
        "--shape",
        metavar="SHAPE",
        help="records; turns: with question and answer; chat: lines of fine-tuning from thumbs up"
        " and corrections; preference: pairs from corrections.",
        parser=one_of(*SHAPES),
    ),
]
Format = Annotated[
    Any,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="jsonl, csv that no spreadsheet runs, or parquet.",
        parser=one_of(*FORMATS),
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to a file, when it is whole."),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on where an export to this file was cut, if one was."),
]


def counts(given: Mapping[str, Any]) -> ScoreStatsQuery:
    """What to count, out of the values of the options of `stats`."""
    since, until = given["since"], given["until"]
    if since is None:
        since = max((until or clock.now()) - REACH[given["window"]], clock.EARLIEST)
    return ScoreStatsQuery(
        window=given["window"],
        tz=given["tz"],
        group_by=given["group_by"],
        since=Micros(since),
        until=None if until is None else Micros(until),
        **{name: given[name] for name in DIMENSIONS},
    )
