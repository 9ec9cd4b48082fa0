"""Feedback, as one caller may see and write it."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.errors import Forbidden, NotFound
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
from commonhold.wrap.reach import Reach

_NEWEST_FEEDBACK = FeedbackQuery()
_BY_DAY = StatsQuery()
_NEWEST_SCORES = ScoreQuery()
_SCORES_BY_DAY = ScoreStatsQuery()


class ScopedFeedback:
    """`contract.feedback.Feedback` of one caller."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def create(self, new: NewFeedback, /) -> Feedback:
        stores = self._reach.at("feedback.create")
        self._reach.check_type(new.agent_type)
        await self._check_session(new.session_id)
        return await stores.feedback.create(new)

    async def find(self, feedback_id: str, /) -> Feedback | None:
        return await self._reach.at("feedback.read", "part_of", "user").feedback.find(feedback_id)

    async def get(self, feedback_id: str, /) -> Feedback:
        return await self._reach.at("feedback.read", "part_of", "user").feedback.get(feedback_id)

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Feedback:
        return await self._reach.at("feedback.update", "owned_by", "user").feedback.patch(
            feedback_id, patch
        )

    async def list(self, query: FeedbackQuery = _NEWEST_FEEDBACK, /) -> Page[Feedback]:
        stores = self._reach.at("feedback.list", "part_of", "user")
        self._check_turns("feedback.list", is_asked=query.turns)
        return await stores.feedback.list(query)

    async def stats(self, query: StatsQuery = _BY_DAY, /) -> tuple[FeedbackStats, ...]:
        return await self._reach.at("feedback.stats", "part_of").feedback.stats(query)

    async def delete(self, feedback_id: str, /) -> None:
        await self._reach.at("feedback.delete", "owned_by", "user").feedback.delete(feedback_id)

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        stores = self._reach.at("scores.create")
        for each in new:
            self._reach.check_type(each.agent_type)
            await self._check_session(each.session_id)
        return await stores.feedback.put_scores(new, key=key)

    async def find_score(self, score_id: str, /) -> Score | None:
        return await self._reach.at("scores.read", "part_of", "user").feedback.find_score(score_id)

    async def get_score(self, score_id: str, /) -> Score:
        return await self._reach.at("scores.read", "part_of", "user").feedback.get_score(score_id)

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        return await self._reach.at("scores.update", "owned_by", "user").feedback.patch_score(
            score_id, patch
        )

    async def delete_score(self, score_id: str, /) -> None:
        await self._reach.at("scores.delete", "owned_by", "user").feedback.delete_score(score_id)

    async def scores(self, query: ScoreQuery = _NEWEST_SCORES, /) -> Page[Score]:
        stores = self._reach.at("scores.list", "part_of", "user")
        self._check_turns("scores.list", is_asked=query.turns)
        return await stores.feedback.scores(query)

    async def score_stats(
        self, query: ScoreStatsQuery = _SCORES_BY_DAY, /
    ) -> tuple[ScoreStats, ...]:
        return await self._reach.at("scores.stats", "part_of").feedback.score_stats(query)

    def _check_turns(self, operation: str, *, is_asked: bool) -> None:
        if is_asked and (self._reach.is_somebody or not self._reach.sees_content(operation)):
            raise Forbidden("A turn is what was said: agents and operators see it with a vote.")

    async def _check_session(self, session_id: str | None) -> None:
        """Let a person vote on what was said to others no more than read it.

        Raises:
            NotFound: the session is another's.
        """
        if session_id is None or not self._reach.is_somebody:
            return
        own = self._reach.at("sessions.summary", "user")
        every = self._reach.at("feedback.create")
        if await own.sessions.find(session_id) is None and await every.sessions.find(session_id):
            raise NotFound(f"Session {session_id} not found")
