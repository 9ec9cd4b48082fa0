"""Feedback over SQL. Counts are kept by triggers, in the transaction of the record."""

from __future__ import annotations

from commonhold.errors import NotFound
from commonhold.model import clock, ids
from commonhold.model.feedback import (
    ANONYMOUS,
    HOUR,
    WINDOW_OFFSET,
    WINDOW_WIDTH,
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.sql import rows
from commonhold.sql.database import FEW, Database, certain
from commonhold.sql.scope import stamp
from commonhold.sql.statement import statement

CREATE = statement("create_feedback")
GET = statement("get_feedback")
PATCH = statement("patch_feedback")
LIST = statement("list_feedback")
STATS = statement("feedback_stats")

_FIRST_HOUR = -(2**62) // HOUR * HOUR
_LAST_HOUR = 2**62 // HOUR * HOUR


class SqlFeedback:
    """`contract.feedback.Feedback` on a database."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._db = database
        self._tenant = scope.tenant
        self._stamp = stamp(scope)
        self._user_id = scope.author.user or ANONYMOUS

    async def create(self, new: NewFeedback, /) -> Feedback:
        row = await self._db.one(
            CREATE,
            tenant=self._tenant,
            feedback_id=ids.new_id("fb"),
            **self._stamp,
            user_id=self._user_id,
            trace_id=new.trace_id,
            session_id=new.session_id,
            rating=new.rating,
            comment=new.comment,
            correction=new.correction,
            model_id=new.model_id,
            latency_ms=new.latency_ms,
            turn_index=new.turn_index,
            agent_type=new.agent_type,
            now=clock.now(),
        )
        return rows.feedback(certain(row, "an insert returns its row"))

    async def find(self, feedback_id: str, /) -> Feedback | None:
        if not ids.is_key(feedback_id):
            return None
        row = await self._db.one(GET, tenant=self._tenant, feedback_id=feedback_id)
        return None if row is None else rows.feedback(row)

    async def get(self, feedback_id: str, /) -> Feedback:
        found = await self.find(feedback_id)
        if found is None:
            raise _missing(feedback_id)
        return found

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Feedback:
        if patch.is_empty or not ids.is_key(feedback_id):
            return await self.get(feedback_id)
        row = await self._db.one(
            PATCH,
            tenant=self._tenant,
            feedback_id=feedback_id,
            rating=patch.rating,
            comment=patch.comment,
            correction=patch.correction,
            now=clock.now(),
        )
        if row is None:
            raise _missing(feedback_id)
        return rows.feedback(row)

    async def list(self, query: FeedbackQuery = FeedbackQuery(), /) -> Page[Feedback]:
        check_window(query.limit, query.offset)
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        read = self._db.few if query.limit < FEW and _is_indexed(query) else self._db.all
        found = await read(
            LIST,
            tenant=self._tenant,
            trace_id=query.trace_id,
            session_id=query.session_id,
            user_id=query.user_id,
            agent_type=query.agent_type,
            rating=query.rating,
            since=query.since,
            until=query.until,
            at=at,
            id=last,
            limit=query.limit + 1,
            offset=query.offset or None,
        )
        records = [rows.feedback(row) for row in found]
        return page_of(records, query.limit, lambda item: (item.created_at, item.feedback_id))

    async def stats(self, query: StatsQuery = StatsQuery(), /) -> tuple[FeedbackStats, ...]:
        width = WINDOW_WIDTH[query.window]
        found = await self._db.all(
            STATS,
            tenant=self._tenant,
            width=width,
            shift=WINDOW_OFFSET[query.window],
            agent_type=query.agent_type,
            **_spans(query.since, query.until),
        )
        return tuple([rows.stats(row, width) for row in found])


def _is_indexed(query: FeedbackQuery) -> bool:
    """Whether an index leads to the page, so that the limit bounds the work."""
    return query.user_id is None and query.agent_type is None and not query.offset


def _spans(since: int | None, until: int | None) -> dict[str, int]:
    """Whole hours between the bounds, and the cut hours at both ends, each `[from, to)`."""
    start = _FIRST_HOUR if since is None else since
    end = _LAST_HOUR if until is None else until
    first_whole = -(-start // HOUR) * HOUR
    last_whole = end // HOUR * HOUR
    if first_whole > last_whole:  # both bounds lie within one hour
        first_whole = last_whole = end
    return {
        "from_hour": first_whole,
        "to_hour": last_whole,
        "head_from": start,
        "head_to": first_whole,
        "tail_from": last_whole,
        "tail_to": end,
    }


def _missing(feedback_id: str) -> NotFound:
    return NotFound(f"Feedback {feedback_id} not found")
