"""Feedback that reports every operation."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.contract.stores import Backend
from commonhold.model.feedback import (
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.page import Page
from commonhold.model.score import NewScore, Score, ScorePatch, ScoreQuery
from commonhold.model.score_stats import ScoreStats, ScoreStatsQuery
from commonhold.wrap.timed import StoreObserver, Timed

_NEWEST_FEEDBACK = FeedbackQuery()
_BY_DAY = StatsQuery()
_NEWEST_SCORES = ScoreQuery()
_SCORES_BY_DAY = ScoreStatsQuery()


class ObservedFeedback:
    """`contract.feedback.Feedback`, reported."""

    def __init__(self, backend: Backend, observe: StoreObserver) -> None:
        self._backend = backend
        self._observe = observe

    async def create(self, new: NewFeedback, /) -> Feedback:
        with self._timed("feedback.create"):
            return await self._backend.feedback.create(new)

    async def find(self, feedback_id: str, /) -> Feedback | None:
        with self._timed("feedback.find"):
            return await self._backend.feedback.find(feedback_id)

    async def get(self, feedback_id: str, /) -> Feedback:
        with self._timed("feedback.get"):
            return await self._backend.feedback.get(feedback_id)

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Feedback:
        with self._timed("feedback.patch"):
            return await self._backend.feedback.patch(feedback_id, patch)

    async def list(self, query: FeedbackQuery = _NEWEST_FEEDBACK, /) -> Page[Feedback]:
        with self._timed("feedback.list"):
            return await self._backend.feedback.list(query)

    async def stats(self, query: StatsQuery = _BY_DAY, /) -> tuple[FeedbackStats, ...]:
        with self._timed("feedback.stats"):
            return await self._backend.feedback.stats(query)

    async def delete(self, feedback_id: str, /) -> None:
        with self._timed("feedback.delete"):
            await self._backend.feedback.delete(feedback_id)

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        with self._timed("feedback.put_scores"):
            return await self._backend.feedback.put_scores(new, key=key)

    async def find_score(self, score_id: str, /) -> Score | None:
        with self._timed("feedback.find_score"):
            return await self._backend.feedback.find_score(score_id)

    async def get_score(self, score_id: str, /) -> Score:
        with self._timed("feedback.get_score"):
            return await self._backend.feedback.get_score(score_id)

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        with self._timed("feedback.patch_score"):
            return await self._backend.feedback.patch_score(score_id, patch)

    async def delete_score(self, score_id: str, /) -> None:
        with self._timed("feedback.delete_score"):
            await self._backend.feedback.delete_score(score_id)

    async def scores(self, query: ScoreQuery = _NEWEST_SCORES, /) -> Page[Score]:
        with self._timed("feedback.scores"):
            return await self._backend.feedback.scores(query)

    async def score_stats(
        self, query: ScoreStatsQuery = _SCORES_BY_DAY, /
    ) -> tuple[ScoreStats, ...]:
        with self._timed("feedback.score_stats"):
            return await self._backend.feedback.score_stats(query)

    def _timed(self, operation: str) -> Timed:
        return Timed(self._observe, operation)
