"""What every step of an erasure is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypedDict

from commonhold.model.clock import Micros
from commonhold.model.erasure import Counts
from commonhold.sql.database import Tx

AT_ONCE = 500
"""Messages, records or spans of one transaction, or one session or trace where it has more: few, so
that others wait for them only shortly."""


class Whose(TypedDict):
    """The user, as named parameters of a statement, and the time before which things were made."""

    tenant: str
    user: str
    before: Micros


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Done:
    """What one step did, and the sessions in which something changed."""

    counts: Counts = NOTHING
    sessions: tuple[str, ...] = ()


Step = Callable[[Tx, Whose, Micros], Awaitable[Done | None]]
"""Does a piece, at a time; None where nothing is left to do."""
