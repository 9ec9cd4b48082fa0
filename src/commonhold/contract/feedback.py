"""The contract of feedback storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from commonhold.model.feedback import (
    Feedback as Record,
)
from commonhold.model.feedback import (
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.page import Page
from commonhold.model.score import NewScore, Score, ScorePatch, ScoreQuery
from commonhold.model.score_stats import ScoreStats, ScoreStatsQuery


class Feedback(Protocol):
    """Feedback of one tenant, written as one author: thumbs, and scores of any kind.

    F1. A method that returns has committed; one that raises has changed nothing.
    F2. The store gives the time and the user, and the id where the caller has none.
    F3. What a record is about need not exist yet, and no id is ever made up.
    F4. Statistics are kept with the records in the same transaction and always equal a recount.
    F5. Lists are newest first, ties broken by id, and a cursor resumes without a gap or a repeat.
    F6. Another tenant's rows do not exist.
    F7. A thumb is a score, boolean and named `user_feedback`: one record with one id, in both
        lists. The other methods of thumbs see only thumbs.
    F8. A record is bound to its turn, and so to an agent, a model and a trace, as soon as they are
        there, whichever came first; a read sees what was committed before it. Until then it is
        pending. Turn k of a session, from 0, is its live user message k and all up to the next;
        its answer is the last live assistant message in it.
    F9. A user has one vote of a name and source for a turn: the second one changes it. Nobody in
        particular is no user, so each anonymous vote stands. Of two that turn out to be one, the
        later stands and the other is superseded: kept, but neither listed nor counted.
    F10. A score that comes again with its `score_id` or idempotency key is kept once; the id of
        another author's score is a conflict, and so is a key used for something else. With an
        `identifier` a score replaces its author's of the same name, target and identifier.
    """

    async def create(self, new: NewFeedback, /) -> Record:
        """Keep a vote."""

    async def find(self, feedback_id: str, /) -> Record | None:
        """The record, or None."""

    async def get(self, feedback_id: str, /) -> Record:
        """The record.

        Raises:
            NotFound: no such record.
        """

    async def patch(self, feedback_id: str, patch: FeedbackPatch, /) -> Record:
        """Change a record and return it; an empty patch only reads.

        Raises:
            NotFound: no such record.
        """

    async def delete(self, feedback_id: str, /) -> None:
        """Remove a record for good.

        Raises:
            NotFound: no such record.
        """

    async def list(self, query: FeedbackQuery = ..., /) -> Page[Record]:
        """A page of records, newest first."""

    async def stats(self, query: StatsQuery = ..., /) -> tuple[FeedbackStats, ...]:
        """Votes per window and agent type, oldest window first; empty windows are left out."""

    async def put_scores(
        self, new: Sequence[NewScore], /, *, key: str | None = None
    ) -> tuple[Score, ...]:
        """Keep scores, all of them or none, and return them in their order.

        With an idempotency key, scores without an id have one that the key stands for: sent
        again, they are kept once, and what was changed since stays changed.

        Raises:
            Conflict: a score of that id is another author's, or the key was used for others.
            InvalidRequest: there are more than 1000.
        """

    async def find_score(self, score_id: str, /) -> Score | None:
        """The score, or None."""

    async def get_score(self, score_id: str, /) -> Score:
        """The score.

        Raises:
            NotFound: no such score.
        """

    async def patch_score(self, score_id: str, patch: ScorePatch, /) -> Score:
        """Change a score and return it; an empty patch only reads.

        Raises:
            NotFound: no such score.
            InvalidRequest: the value would not fit the score's data type.
        """

    async def delete_score(self, score_id: str, /) -> None:
        """Remove a score for good.

        Raises:
            NotFound: no such score.
        """

    async def scores(self, query: ScoreQuery = ..., /) -> Page[Score]:
        """A page of scores, newest first, thumbs among them."""

    async def score_stats(self, query: ScoreStatsQuery = ..., /) -> tuple[ScoreStats, ...]:
        """Counts per window and group, oldest window first; empty windows are left out.

        Raises:
            InvalidRequest: there are more than 10,000 windows.
        """
