"""Feedback over SQL. Counts are kept by triggers, in the transaction of the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from commonhold.model import ids
from commonhold.model.binding import trace_key
from commonhold.model.feedback import (
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.model.score import (
    NewScore,
    Score,
    ScorePatch,
    ScoreQuery,
    score_of,
    thumb_of,
)
from commonhold.model.score_stats import ScoreStats, ScoreStatsQuery
from commonhold.model.words import search_terms
from commonhold.sql import rows
from commonhold.sql.database import FEW, Database, Row
from commonhold.sql.feedback_counts import FeedbackCounts
from commonhold.sql.feedback_turns import Turns
from commonhold.sql.feedback_writes import FeedbackWriter, missing
from commonhold.sql.statement import statement

GET = statement("get_feedback")
LIST = statement("list_feedback")
SEARCH = statement("search_feedback")

_INDEXED = {"trace_id", "session_id", "user_id", "agent", "rating", "name", "since", "until"}
_ALIKE = (
    *("rating", "session_id", "user_id", "agent", "name", "agent_type", "model", "label"),
    *("source", "data_type", "min_value", "max_value", "since", "until"),
)
"""Filters that are arguments of the statement under their own name."""


class SqlFeedback:
    """`contract.feedback.Feedback` on a database."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._db = database
        self._tenant = scope.tenant
        only = scope.only
        self._only = {
            "part_of": only.part_of,
            "owned_by": only.owned_by,
            "of_user": only.user,
        }
        self._writer = FeedbackWriter(database, scope)
        self._counts = FeedbackCounts(database, scope)
        self._turns = Turns(database)

    async def create(self, new: NewFeedback, /) -> Feedback:
        return thumb_of(await self._writer.put_one(score_of(new)))

    async def find(self, feedback_id: str, /) -> Feedback | None:
        found = await self._find(feedback_id, thumbs=1)
        return None if found is None else thumb_of(found)

    async def get(self, feedback_id: str, /) -> Feedback:
        found = await self.find(feedback_id)
        if found is None:
            raise missing(feedback_id)
        return found

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Feedback:
        if patch.is_empty or not ids.is_key(feedback_id):
            return await self.get(feedback_id)
        change = ScorePatch.of_thumb(patch)
        score = await self._writer.change_thumb(feedback_id, patch.rating, change)
        if score is None:
            raise missing(feedback_id)
        return thumb_of(score)

    async def delete(self, feedback_id: str, /) -> None:
        await self._writer.remove(feedback_id, thumbs=1)

    async def list(self, query: FeedbackQuery = FeedbackQuery(), /) -> Page[Feedback]:
        found = await self._page(query, thumbs=1)
        return page_of(
            [rows.feedback(row) for row in found],
            query.limit,
            lambda item: (item.created_at, item.feedback_id),
        )

    async def stats(self, query: StatsQuery = StatsQuery(), /) -> tuple[FeedbackStats, ...]:
        await self._turns.catch_up(self._tenant)
        return await self._counts.votes(query)

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        return await self._writer.put(new, key)

    async def find_score(self, score_id: str, /) -> Score | None:
        return await self._find(score_id, thumbs=None)

    async def get_score(self, score_id: str, /) -> Score:
        found = await self._find(score_id, thumbs=None)
        if found is None:
            raise missing(score_id)
        return found

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        if patch.is_empty or not ids.is_key(score_id):
            return await self.get_score(score_id)
        score = await self._writer.change(score_id, patch)
        if score is None:
            raise missing(score_id)
        return score

    async def delete_score(self, score_id: str, /) -> None:
        await self._writer.remove(score_id, thumbs=None)

    async def scores(self, query: ScoreQuery = ScoreQuery(), /) -> Page[Score]:
        found = await self._page(query, thumbs=None)
        return page_of(
            [rows.score(row) for row in found],
            query.limit,
            lambda item: (item.created_at, item.score_id),
        )

    async def score_stats(
        self, query: ScoreStatsQuery = ScoreStatsQuery(), /
    ) -> tuple[ScoreStats, ...]:
        await self._turns.catch_up(self._tenant)
        return await self._counts.scores(query)

    async def _find(self, feedback_id: str, *, thumbs: int | None) -> Score | None:
        if not ids.is_key(feedback_id):
            return None
        args = {"tenant": self._tenant, "feedback_id": feedback_id, "thumbs": thumbs, **self._only}
        row = await self._db.one(GET, **args)
        if row is not None and rows.is_waiting(row):
            await self._turns.catch_up(self._tenant)
            row = await self._db.one(GET, **args)
        return None if row is None else rows.score(row)

    async def _page(self, query: FeedbackQuery, *, thumbs: int | None) -> Sequence[Row]:
        check_window(query.limit, query.offset)
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        q = None if query.q is None else search_terms(query.q)
        await self._turns.catch_up(self._tenant)
        is_few = query.limit < FEW and _is_indexed(query) and not self._only["part_of"]
        return await (self._db.few if is_few else self._db.all)(
            LIST if q is None else SEARCH,
            tenant=self._tenant,
            **_filters(query),
            **self._only,
            q=q,
            thumbs=thumbs,
            at=at,
            id=last,
            limit=query.limit + 1,
            offset=query.offset or None,
        )


def _filters(query: FeedbackQuery) -> dict[str, Any]:
    """What is asked of a record, as arguments."""
    given = {name: getattr(query, name, None) for name in _ALIKE}
    return {
        **given,
        "trace_key": None if query.trace_id is None else trace_key(query.trace_id),
        "with_comment": 1 if query.has_comment else None,
        "without_comment": 1 if query.has_comment is False else None,
        "with_correction": 1 if query.has_correction else None,
        "without_correction": 1 if query.has_correction is False else None,
        "turns": 1 if query.turns else None,
    }


def _is_indexed(query: FeedbackQuery) -> bool:
    """Whether an index leads to the page, so that the limit bounds the work."""
    free = {"limit", "cursor"} | _INDEXED
    names = (name for cls in type(query).__mro__ for name in getattr(cls, "__slots__", ()))
    asked = {name for name in names if name not in free and getattr(query, name)}
    by = {name for name in _INDEXED - {"since", "until"} if getattr(query, name, None) is not None}
    return not asked and len(by) <= 1
