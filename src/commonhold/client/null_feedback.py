"""Feedback that is not kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from commonhold.errors import NotFound
from commonhold.model import clock, ids
from commonhold.model.binding import Binding
from commonhold.model.feedback import (
    ANONYMOUS,
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.once import check_key
from commonhold.model.page import Page, check_window, decode_cursor
from commonhold.model.scope import Author
from commonhold.model.score import (
    NewScore,
    Score,
    ScorePatch,
    ScoreQuery,
    check_count,
    score_of,
    thumb_of,
)
from commonhold.model.score_stats import ScoreStats, ScoreStatsQuery
from commonhold.model.words import search_terms

log = logging.getLogger("commonhold.null")


class NullFeedback:
    """`contract.feedback.Feedback` that keeps nothing; `check` lets a call through, or raises."""

    def __init__(self, check: Callable[[], None], author: Author) -> None:
        self._check = check
        self._author = author

    async def create(self, new: NewFeedback, /) -> Feedback:
        [score] = await self.put_scores([score_of(new)])
        return thumb_of(score)

    async def find(self, feedback_id: str, /) -> Feedback | None:
        self._check()
        return None

    async def get(self, feedback_id: str, /) -> Feedback:
        raise self._missing(feedback_id)

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Feedback:
        return await self.get(feedback_id)

    async def delete(self, feedback_id: str, /) -> None:
        raise self._missing(feedback_id)

    async def list(self, query: FeedbackQuery = FeedbackQuery(), /) -> Page[Feedback]:
        self._check_page(query)
        return Page(())

    async def stats(self, query: StatsQuery = StatsQuery(), /) -> tuple[FeedbackStats, ...]:
        self._check()
        return ()

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        check_count(new)
        check_key(key)
        self._check()
        log.debug("feedback was not kept")
        return tuple([self._unkept(each) for each in new])

    async def find_score(self, score_id: str, /) -> Score | None:
        self._check()
        return None

    async def get_score(self, score_id: str, /) -> Score:
        raise self._missing(score_id)

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        raise self._missing(score_id)

    async def delete_score(self, score_id: str, /) -> None:
        raise self._missing(score_id)

    async def scores(self, query: ScoreQuery = ScoreQuery(), /) -> Page[Score]:
        self._check_page(query)
        return Page(())

    async def score_stats(
        self, query: ScoreStatsQuery = ScoreStatsQuery(), /
    ) -> tuple[ScoreStats, ...]:
        self._check()
        return ()

    def _unkept(self, new: NewScore) -> Score:
        now = clock.now()
        given = {name: getattr(new, name) for name in new.__slots__}
        score_id = given.pop("score_id") or ids.new_id("fb")
        return Score(
            score_id=score_id,
            created_at=now,
            updated_at=now,
            rating=new.rating,
            user_id=self._author.user or ANONYMOUS,
            author=self._author.agent,
            turn=Binding(agent=self._author.agent, model=new.model_id),
            **given,
        )

    def _missing(self, feedback_id: str) -> NotFound:
        self._check()
        return NotFound(f"Feedback {feedback_id} not found")

    def _check_page(self, query: FeedbackQuery) -> None:
        check_window(query.limit, query.offset)
        if query.cursor:
            decode_cursor(query.cursor)
        if query.q is not None:
            search_terms(query.q)
        self._check()
