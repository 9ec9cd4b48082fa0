"""The log of a session as the commands read it: page by page, from any place in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from commonhold.contract.sessions import Sessions
from commonhold.model import timeline
from commonhold.model.page import MAX_LIMIT
from commonhold.model.session import Message, MessageQuery
from commonhold.model.timeline import TimelineQuery
from commonhold.model.turns import Event

PAGE = 100
"""Entries read at once: what is in memory while a log of any length goes by."""


async def entries(
    sessions: Sessions, session_id: str, *, after: int = 0, kinds: Sequence[str]
) -> AsyncIterator[Message | Event]:
    """What the log holds behind a sequence, in order; `kinds` are `message` and `event`."""
    start = timeline.encode(timeline.START._replace(seq=after)) if after else None
    asked = TimelineQuery(limit=PAGE, cursor=start, kinds=tuple(kinds))
    while True:
        page = await sessions.timeline(session_id, asked)
        for moment in page.items:
            if isinstance(moment.item, Message | Event):
                yield moment.item
        if page.cursor is None:
            return
        asked = TimelineQuery(limit=PAGE, cursor=page.cursor, kinds=tuple(kinds))


async def messages(
    sessions: Sessions, session_id: str, *, after: int = 0, superseded: bool = False
) -> AsyncIterator[Message]:
    """The messages behind a sequence, in order."""
    while True:
        asked = MessageQuery(after=after, limit=PAGE, include_superseded=superseded)
        page = await sessions.messages(session_id, asked)
        for message in page.items:
            yield message
            after = message.seq
        if page.cursor is None:
            return


async def before_last(
    sessions: Sessions, session_id: str, count: int, *, superseded: bool = False
) -> int:
    """The sequence behind which the last `count` messages are."""
    asked = MessageQuery(last=min(count, MAX_LIMIT), include_superseded=superseded)
    first = None
    while True:
        page = await sessions.messages(session_id, asked)
        if not page.items:
            return 0 if first is None else first - 1
        first, count = page.items[0].seq, count - len(page.items)
        if count <= 0 or first <= 1:
            return first - 1
        size = min(count, MAX_LIMIT)
        asked = MessageQuery(before=first, limit=size, include_superseded=superseded)
