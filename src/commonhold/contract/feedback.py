"""The contract of feedback storage."""

from __future__ import annotations

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


class Feedback(Protocol):
    """Feedback of one tenant, written as one author.

    F1. A method that returns has committed; one that raises has changed nothing.
    F2. The store gives the id, the time and the user; none of them comes from the caller.
    F3. What a record is about need not exist yet, and no id is ever made up.
    F4. Statistics are kept with the records in the same transaction and always equal a recount.
    F5. Lists are newest first, ties broken by id, and a cursor resumes without a gap or a repeat.
    F6. Another tenant's rows do not exist.
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

    async def list(self, query: FeedbackQuery = ..., /) -> Page[Record]:
        """A page of records, newest first."""

    async def stats(self, query: StatsQuery = ..., /) -> tuple[FeedbackStats, ...]:
        """Votes per window and agent type, oldest window first; empty windows are left out."""
