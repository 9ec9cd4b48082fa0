"""Feedback exported to learn from: pages of records in, pieces of a file out, flat in memory.

Made of calls of the contract, so that the service and the command line export the same, and no
connection to a database is held while a reader takes its time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

from commonhold.contract.feedback import Feedback
from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Stores
from commonhold.model.page import Page
from commonhold.model.score import Score, ScoreQuery
from commonhold.service.lesson_context import before_answer
from commonhold.service.lesson_formats import Encoder, Format, encoder
from commonhold.service.lessons import TRAINING, Lesson, Shape, Skipped, line_of, teaches

PAGE = 500
PAGE_OF_TURNS = 100
"""Records that are read at once: with what they are about, fewer, as that may be long."""


@dataclass(frozen=True, slots=True)
class Export:
    """What to export. With a `limit`, so many records at most; `has_head` begins a new file."""

    query: ScoreQuery = field(default_factory=ScoreQuery)
    shape: Shape = "records"
    format: Format = "jsonl"
    limit: int | None = None
    has_head: bool = True


@dataclass(slots=True)
class Tally:
    """Records that were looked at, lines that they gave, and why others gave none."""

    records: int = 0
    lines: int = 0
    skipped: Counter[Skipped] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the file, where to go on after it, and how far the whole export is."""

    data: bytes
    cursor: str | None
    tally: Tally


async def exported(
    stores: Stores, asked: Export, tally: Tally | None = None
) -> AsyncIterator[Piece]:
    """The file, newest record first; its first piece is there once the first page was read.

    Raises:
        InvalidRequest: a filter or the cursor is not valid.
        Unsupported: what writes this format is not installed.
    """
    tally = tally or Tally()
    write = encoder(asked.format, asked.shape)
    head = write.head() if asked.has_head else b""
    cursor = None
    async for page in _pages(stores.feedback, asked):
        lessons = await _lessons(stores.sessions, asked.shape, page.items)
        # Beside the loop: what is long to read and to write would keep others waiting.
        data = await asyncio.to_thread(_written, asked.shape, lessons, write, tally)
        cursor = page.cursor
        yield Piece(head + data, cursor, tally)
        head = b""
    yield Piece(head + await asyncio.to_thread(write.tail), cursor, tally)


async def _pages(feedback: Feedback, asked: Export) -> AsyncIterator[Page[Score]]:
    size, left = (PAGE if asked.shape == "records" else PAGE_OF_TURNS), asked.limit
    query = replace(asked.query, turns=asked.shape != "records")
    if asked.shape == "preference" and query.has_correction is None:
        query = replace(query, has_correction=True)  # the others are not worth their turns
    while True:
        limit = size if left is None else min(size, left)
        page = await feedback.scores(replace(query, limit=limit))
        yield page
        left = None if left is None else left - len(page.items)
        if page.cursor is None or left == 0:
            return
        query = replace(query, cursor=page.cursor)


async def _lessons(sessions: Sessions, shape: Shape, scores: Sequence[Score]) -> list[Lesson]:
    """The records with the conversation before each, where their line will tell it."""
    found = []
    for score in scores:
        is_told = shape in TRAINING and teaches(shape, score)
        found.append(Lesson(score, await before_answer(sessions, score) if is_told else ()))
    return found


def _written(shape: Shape, lessons: Sequence[Lesson], write: Encoder, tally: Tally) -> bytes:
    lines = []
    for lesson in lessons:
        line = line_of(shape, lesson)
        if isinstance(line, str):
            tally.skipped[line] += 1
        else:
            lines.append(line)
    tally.records += len(lessons)
    tally.lines += len(lines)
    return write.lines(lines)
