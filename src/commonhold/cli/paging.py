"""Lists of any length, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from commonhold.model.audit import AuditQuery
from commonhold.model.page import MAX_LIMIT, Page
from commonhold.model.score import ScoreQuery
from commonhold.model.session import SessionQuery
from commonhold.model.trace import TraceQuery

Q = TypeVar("Q", SessionQuery, TraceQuery, ScoreQuery, AuditQuery)
T = TypeVar("T")


async def pages(
    ask: Callable[[Q], Awaitable[Page[T]]], asked: Q, limit: int | None = None
) -> AsyncIterator[Page[T]]:
    """The pages of a list, as large as they may be, until there are so many items."""
    left = limit
    while True:
        size = MAX_LIMIT if left is None else min(left, MAX_LIMIT)
        page = await ask(replace(asked, limit=size))
        yield page
        left = None if left is None else left - len(page.items)
        if page.cursor is None or left == 0:
            return
        asked = replace(asked, cursor=page.cursor)


async def every(
    ask: Callable[[Q], Awaitable[Page[T]]], asked: Q, limit: int | None = None
) -> AsyncIterator[T]:
    """The items of a list one by one, in its order."""
    async for page in pages(ask, asked, limit):
        for item in page.items:
            yield item
