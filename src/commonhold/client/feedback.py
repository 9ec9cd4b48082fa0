"""Feedback kept by a service."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.client import answers, requests, score_answers, score_requests
from commonhold.client.transport import Line
from commonhold.errors import NotFound
from commonhold.model import ids
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

_STATS = "stats"
"""Not an id: `/v1/feedback/stats` is another route."""


class HttpFeedback:
    """`contract.feedback.Feedback` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, new: NewFeedback, /) -> Feedback:
        return answers.feedback(await self._line.send(requests.create_feedback(new)))

    async def find(self, feedback_id: str, /) -> Feedback | None:
        try:
            return await self.get(feedback_id)
        except NotFound:
            return None

    async def get(self, feedback_id: str, /) -> Feedback:
        _check_key(feedback_id)
        return answers.feedback(await self._line.send(requests.get_feedback(feedback_id)))

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Feedback:
        if patch.is_empty:
            return await self.get(feedback_id)
        _check_key(feedback_id)
        call = requests.patch_feedback(feedback_id, patch)
        return answers.feedback(await self._line.send(call))

    async def list(self, query: FeedbackQuery = FeedbackQuery(), /) -> Page[Feedback]:
        return answers.feedbacks(await self._line.send(requests.list_feedback(query)))

    async def stats(self, query: StatsQuery = StatsQuery(), /) -> tuple[FeedbackStats, ...]:
        return answers.stats(await self._line.send(requests.feedback_stats(query)))

    async def delete(self, feedback_id: str, /) -> None:
        _check_key(feedback_id)
        answers.done(await self._line.send(requests.delete_feedback(feedback_id)))

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        call = score_requests.put_scores(new, key)
        return score_answers.scores(await self._line.send(call)).items

    async def find_score(self, score_id: str, /) -> Score | None:
        try:
            return await self.get_score(score_id)
        except NotFound:
            return None

    async def get_score(self, score_id: str, /) -> Score:
        _check_key(score_id)
        return score_answers.score(await self._line.send(score_requests.get_score(score_id)))

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        if patch.is_empty:
            return await self.get_score(score_id)
        _check_key(score_id)
        call = score_requests.patch_score(score_id, patch)
        return score_answers.score(await self._line.send(call))

    async def delete_score(self, score_id: str, /) -> None:
        _check_key(score_id)
        answers.done(await self._line.send(score_requests.delete_score(score_id)))

    async def scores(self, query: ScoreQuery = ScoreQuery(), /) -> Page[Score]:
        return score_answers.scores(await self._line.send(score_requests.list_scores(query)))

    async def score_stats(
        self, query: ScoreStatsQuery = ScoreStatsQuery(), /
    ) -> tuple[ScoreStats, ...]:
        return score_answers.score_stats(await self._line.send(score_requests.score_stats(query)))


def _check_key(feedback_id: str) -> None:
    if not ids.is_key(feedback_id) or feedback_id == _STATS:
        raise NotFound(f"Feedback {feedback_id} not found")
