"""Erasures: what a service keeps of them, and what carries them on.

They are an operator's affair and not a surface of `Stores`, as webhooks are.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from commonhold.model.erasure import Erasure
from commonhold.model.page import DEFAULT_LIMIT, Page


class Erasures(Protocol):
    """The erasures of one tenant.

    E1. What an erasure began with is gone when it is done: everything of the user that was
        committed before it began, in every table, but for the receipt.
    E2. It goes on after a crash, and its counts are those of one that was never interrupted.
    E3. While one of a user is under way there is no second one: it is the answer to whoever asks.
    E4. Votes and scores that go are taken out of every count.
    E5. Nothing of another user is changed, and what a trace cost stays.
    """

    async def create(self, user: str, /, *, key: str | None = None) -> Erasure:
        """Begin, and go on for some seconds; a large one is then carried on by others.

        Raises:
            InvalidRequest: `user` cannot name one user.
            Conflict: the key was used for another user.
        """

    async def survey(self, user: str, /) -> Erasure:
        """What belongs to the user by name, counted, and nothing done.

        Raises:
            InvalidRequest: `user` cannot name one user.
        """

    async def get(self, erasure_id: str, /) -> Erasure:
        """The receipt as it is now.

        Raises:
            NotFound: there is none of this id.
        """

    async def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str = "") -> Page[Erasure]:
        """Receipts, newest first."""


@runtime_checkable
class KeepsErasures(Protocol):
    """A backend that erases too."""

    @property
    def erasures(self) -> Erasures:
        """Those of the tenant it is bound to."""
