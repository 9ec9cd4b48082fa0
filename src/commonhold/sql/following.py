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
from commonhold.sql.statement import Statement, statement

MESSAGES = statement("follow_messages")
EVENTS = statement("list_events")
TRACES = statement("list_session_traces")
FEEDBACK = statement("list_session_feedback")
REACH = statement("get_reach")

AT_ONCE = 100
"""Entries of a log that are read at once."""

Entry = Message | Event


class SessionFollowing(SessionLogs):
    """The tail and the timeline."""

    async def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        check_stored(session_id)
        with self._memory.bell.watch(self._tenant, session_id) as watch:
            seen = await self._reach(session_id)
            if seen is None:
                raise missing(session_id)
            seen = seen if after is None else after
            while True:
                entries = await self._entries(session_id, seen)
                if entries is None:
                    return
                for entry in entries:
                    yield entry
                    seen = entry.seq
                if len(entries) < AT_ONCE:
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

        messages = await some("message", MESSAGES, after=start.seq)
        events = await some("event", EVENTS, after=start.seq)
        (at, last), (voted_at, vote) = start.trace, start.feedback
        traces = await some("trace", TRACES, at=at, id=last)
        votes = await some("feedback", FEEDBACK, at=voted_at, id=vote)
        log: list[Entry] = [*map(rows.message, messages), *map(rows.event, events)]
        return timeline.page(
            start, query.limit, log, map(rows.summary, traces), map(rows.feedback, votes)
        )

    async def _reach(self, session_id: str) -> int | None:
        row = await self._db.one(REACH, **self._key(session_id))
        return None if row is None else row[0]

    async def _entries(self, session_id: str, after: int) -> list[Entry] | None:
        """What the log holds next, in order and without a gap; None when it is gone."""

        async def unit(tx: Tx) -> list[Entry] | None:
            args = {**self._key(session_id), "after": after, "limit": AT_ONCE}
            found: list[Entry] = [rows.message(row) for row in await tx.all(MESSAGES, **args)]
            found += [rows.event(row) for row in await tx.all(EVENTS, **args)]
            if not found and await tx.one(HEAD, **self._key(session_id)) is None:
                return None
            return sorted(found, key=lambda entry: entry.seq)[:AT_ONCE]

        return await self._db.read(unit)
