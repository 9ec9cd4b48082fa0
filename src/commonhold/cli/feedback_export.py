"""`commonhold feedback export`: a file to learn from, with a bar, that goes on where it was cut."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress
from rich.text import Text

from commonhold.cli.amounts import counted
from commonhold.cli.export import opened
from commonhold.cli.feedback_filters import counted_by
from commonhold.cli.resumable import Resumable, State
from commonhold.cli.trace_export import is_bar_seen, progress
from commonhold.contract.feedback import Feedback
from commonhold.contract.stores import Stores
from commonhold.model.clock import Micros
from commonhold.model.score import ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.service.learning import Export, Piece, Tally, exported
from commonhold.service.lesson_formats import encoder
from commonhold.service.lessons import REASONS

_NOT_COMPARED = ("since", "until", "cursor", "limit", "offset", "turns")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an export goes: a file, or standard output; and whether it goes on with one."""

    path: Path | None
    where: str
    resume: bool = False


async def export(stores: Stores, asked: Export, to: Target) -> Tally:
    """Write the file, and say how far it is meanwhile.

    Raises:
        InvalidRequest: the file cannot be written, or not gone on with.
        Unsupported: what writes the format is not installed.
    """
    encoder(asked.format, asked.shape)  # says what is missing before anything is made
    with progress(is_seen=is_bar_seen(to.path, is_terminal_out=sys.stdout.isatty())) as bar:
        if to.path is not None and asked.format != "parquet":
            return await _resumably(stores, asked, to, bar)
        tally = Tally()
        with opened(to.path) as file:
            async for piece in _watched(stores, asked, tally, bar):
                file.write(piece.data)
        return tally


def summary(tally: Tally, path: Path | None) -> Text:
    """How many lines of how many records went where."""
    told = f"Exported {counted(tally.lines, 'line')} of {counted(tally.records, 'record')}"
    return Text(f"{told} to {path}." if path else f"{told}.")


def left_out(tally: Tally) -> list[str]:
    """Why records gave no line, the most frequent reason first."""
    return [f"{count:,} {REASONS[reason]}" for reason, count in tally.skipped.most_common()]


async def _resumably(stores: Stores, asked: Export, to: Target, bar: Progress) -> Tally:
    assert to.path is not None  # noqa: S101  (the caller looked)
    file, compared = Resumable(to.path), _compared(asked, to.where)
    state = file.state(compared) if to.resume else None
    file.open(state)
    try:
        state = state or State(compared, since=asked.query.since, until=asked.query.until)
        tally = _tally(state)
        if state.cursor is not None or not state.size:
            async for piece in _watched(stores, _behind(asked, state), tally, bar):
                state = _grown(state, file.write(piece.data), piece)
                file.keep(state)
        file.finish()
    finally:
        file.close()
    return tally


async def _watched(
    stores: Stores, asked: Export, tally: Tally, bar: Progress
) -> AsyncIterator[Piece]:
    """The pieces, with a bar that shows how far they are."""
    total = None if bar.disable else await _total(stores.feedback, asked)
    total = None if total is None else total + tally.records
    task = bar.add_task(_progress(tally), total=total, completed=tally.records)
    async for piece in exported(stores, asked, tally):
        yield piece
        bar.update(task, description=_progress(tally), completed=tally.records)


def _progress(tally: Tally) -> str:
    return f"{counted(tally.lines, 'line')} of {counted(tally.records, 'record')}"


async def _total(feedback: Feedback, asked: Export) -> int | None:
    """How many records there are, where the counts that are kept anyway can tell."""
    by, query = counted_by(asked.query), asked.query
    if by is None or query.cursor is not None or asked.shape == "preference":
        return None
    counts = ScoreStatsQuery(window="month", since=query.since, until=query.until, **by)
    found = [each.tally for each in await feedback.score_stats(counts)]
    if query.rating is not None:
        return sum(each.thumbs_up if query.rating == 1 else each.thumbs_down for each in found)
    return sum(each.count for each in found)


def _compared(asked: Export, where: str) -> Mapping[str, Any]:
    """What two runs must have in common; times are those of the first."""
    names = [name for cls in ScoreQuery.__mro__ for name in getattr(cls, "__slots__", ())]
    filters = {name: getattr(asked.query, name) for name in sorted(names)}
    told = {name: value for name, value in filters.items() if name not in _NOT_COMPARED}
    return {"shape": asked.shape, "format": asked.format, "from": where, **told}


def _behind(asked: Export, state: State) -> Export:
    """The rest of an export: the times of its first run, and no second head."""
    query = replace(
        asked.query,
        cursor=state.cursor,
        since=None if state.since is None else Micros(state.since),
        until=None if state.until is None else Micros(state.until),
    )
    return replace(asked, query=query, has_head=state.cursor is None)


def _tally(state: State) -> Tally:
    return Tally(state.records, state.lines, Counter(state.skipped))


def _grown(state: State, size: int, piece: Piece) -> State:
    tally = piece.tally
    return replace(
        state,
        size=size,
        cursor=piece.cursor,
        records=tally.records,
        lines=tally.lines,
        skipped=dict(tally.skipped),
    )
