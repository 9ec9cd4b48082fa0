"""How the tests of the suite read a store back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.errors import CommonholdError
from commonhold.model.page import Page
from commonhold.model.session import Message, MessageQuery
from commonhold.model.timeline import TimelineQuery
from commonhold.model.turns import Event

T = TypeVar("T")


Q = TypeVar("Q", bound=Any)


async def pages(
    listing: Callable[[Q], Awaitable[Page[T]]], query: Q
) -> AsyncIterator[tuple[T, ...]]:
    """Every page of a list, following its cursors."""
    while True:
        page = await listing(query)
        yield page.items
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


async def all_of(listing: Callable[[Q], Awaitable[Page[T]]], query: Q) -> list[T]:
    """The items of every page."""
    return [item async for page in pages(listing, query) for item in page]


async def log_of(
    sessions: Sessions, session_id: str, *, superseded: bool = True
) -> tuple[Message, ...]:
    """The log of a session in sequence order, superseded messages and all."""
    found: list[Message] = []
    query = MessageQuery(limit=1000, include_superseded=superseded)
    while True:
        page = await sessions.messages(session_id, query)
        found.extend(page.items)
        if page.cursor is None:
            return tuple(found)
        query = replace(query, after=found[-1].seq)


async def live_of(sessions: Sessions, session_id: str) -> list[str]:
    """The live history, each message by its id, or by its content where it has none."""
    history = await sessions.history(session_id)
    return [item.get("id", item.get("content")) for item in history.messages]


async def error_of(call: Awaitable[object]) -> CommonholdError:
    """The error a call raises, which must be of our own tree whatever the driver raised."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  (its type is what is proved)
        await call
    error = caught.value
    assert type(error).__module__ == "commonhold.errors", repr(error)
    assert isinstance(error, CommonholdError)
    return error


async def events_of(sessions: Sessions, session_id: str) -> list[Event]:
    """What the log of a session says beside its messages, in order."""
    query = TimelineQuery(kinds=("event",))
    moments = await all_of(lambda asked: sessions.timeline(session_id, asked), query)
    return [moment.item for moment in moments if isinstance(moment.item, Event)]
