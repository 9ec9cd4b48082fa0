"""Whose turn it is, checked in the statement that writes and told when the check fails."""

from __future__ import annotations

from typing import TypedDict

from commonhold.errors import LeaseEnded, LeaseHeld
from commonhold.model.clock import Micros, to_rfc3339
from commonhold.model.turns import check_token
from commonhold.sql.database import Row


class Guard(TypedDict):
    """The turn a write claims, as parameters of its statement: a token, or that there is none."""

    lease: int | None
    unleased_at: int | None


def guard(lease: int | None, now: int) -> Guard:
    """What the statement must find: the token's turn still lasting, or nobody's turn."""
    if lease is None:
        return Guard(lease=None, unleased_at=now)
    return Guard(lease=check_token(lease), unleased_at=None)


def check_turn(lease: int | None, turn: Row, now: int) -> None:
    """Check a claim against the columns `lease_token, lease_holder, lease_until`.

    Raises:
        LeaseHeld: another runner has the turn.
        LeaseEnded: the turn of `lease` is over, or never was.
    """
    token, holder, until = turn
    if lease is None:
        if until > now:
            raise held(holder, until)
    elif lease != token or until <= now:
        raise ended(lease)


def held(holder: str | None, until: int) -> LeaseHeld:
    """The error that names who has the turn."""
    return LeaseHeld(holder=holder or "somebody", expires_at=to_rfc3339(Micros(until)))


def ended(lease: int) -> LeaseEnded:
    """The error of a token whose turn is over."""
    return LeaseEnded(
        f"The turn of Lease-Token {lease} is over, and it will not be accepted again. "
        "Take a new lease, and read the session before you write."
    )
