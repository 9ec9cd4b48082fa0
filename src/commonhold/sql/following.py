"""Following a session: its log as it grows, and its timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from commonhold.model import timeline
from commonhold.model.page import Page, check_window
from commonhold.model.session import Message
from commonhold.model.timeline import Moment, Position, TimelineQuery
from commonhold.model.turns import Event
from commonhold.sql import rows
from commonhold.sql.database import Row, Tx
from commonhold.sql.documents import check_stored, missing
from commonhold.sql.logs import HEAD, SessionLogs
from commonhold.sql.scope import part_label
from commonhold.sql.statement import Statement, statement

MESSAGES = statement("follow_messages")
EVENTS = statement("list_events")
TRACES = statement("list_session_traces")
FEEDBACK = statement("list_session_feedback")
REACH = statement("get_reach")

AT_ONCE = 100
MOST = 1 << 20
"""Entries of a log that are read at once, and characters of their messages."""

EVERYTHING = 2**62

Entry = Message | Event


class SessionFollowing(SessionLogs):
    """The tail and the timeline."""

    async def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        check_stored(session_id)
        with self._memory.bell.watch(self._tenant, session_id) as watch:
            reach = await self._db.one(REACH, **self._key(session_id))
            if reach is None:
                raise missing(session_id)
            seen, born = reach[0] if after is None else after, reach[1]
            while True:
                found = await self._entries(session_id, seen, born)
                if found is None:
                    return
                entries, is_all = found
                for entry in entries:
                    yield entry
                    seen = entry.seq
                if is_all:
                    await watch.wait()

    async def timeline(
        self, session_id: str, query: TimelineQuery = TimelineQuery(), /
    ) -> Page[Moment]:
        check_stored(session_id)
        check_window(query.limit, 0)
        start = timeline.decode(query.cursor)

        async def unit(tx: Tx) -> Page[Moment]:
            if await tx.one(HEAD, **self._key(session_id)) is None:
                raise missing(session_id)
            return await self._page(tx, session_id, start, query)

        return await self._db.read(unit)

    async def _page(
        self, tx: Tx, session_id: str, start: Position, query: TimelineQuery
    ) -> Page[Moment]:
        async def some(kind: str, source: Statement, **args: object) -> Sequence[Row]:
            if kind not in query.kinds:
                return ()
            return await tx.all(source, **self._key(session_id), **args, limit=query.limit + 1)

        messages = await some("message", MESSAGES, after=start.seq, most=EVERYTHING)
        events = await some("event", EVENTS, after=start.seq)
        (at, last), (voted_at, vote) = start.trace, start.feedback
        only = self._scope.only
        traces = await some("trace", TRACES, at=at, id=last, part_label=part_label(only))
        votes = await some("feedback", FEEDBACK, at=voted_at, id=vote, part_of=only.part_of)
        log: list[Entry] = [*map(rows.message, messages), *map(rows.event, events)]
        return timeline.page(
            start, query.limit, log, map(rows.summary, traces), map(rows.feedback, votes)
        )

    async def _entries(
        self, session_id: str, after: int, born: int
    ) -> tuple[list[Entry], bool] | None:
        """What the log holds next, in order and without a gap, and whether that is all of it.

        None when the session is gone, also when there is another one with its id.
        """

        async def unit(tx: Tx) -> tuple[list[Entry], bool] | None:
            reach = await tx.one(REACH, **self._key(session_id))
            if reach is None or reach[1] != born:
                return None
            args = {**self._key(session_id), "after": after, "limit": AT_ONCE}
            messages = [rows.message(row) for row in await tx.all(MESSAGES, **args, most=MOST)]
            events = [rows.event(row) for row in await tx.all(EVENTS, **args)]
            upto = _reached(messages, events, reach[0])
            found: list[Entry] = [*messages, *events]
            some = sorted((each for each in found if each.seq <= upto), key=lambda each: each.seq)
            return some, upto >= reach[0]

        return await self._db.read(unit)


def _reached(messages: Sequence[Message], events: Sequence[Event], head: int) -> int:
    """How far the log was read: to its head, or to where the first of the two stopped short."""
    ends = [head]
    if len(messages) == AT_ONCE or sum(len(each.content) for each in messages) >= MOST:
        ends.append(messages[-1].seq)
    if len(events) == AT_ONCE:
        ends.append(events[-1].seq)
    return min(ends)
