"""What a page that has no credential of its own may do: give one vote, and change it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids, opaque
from commonhold.model.binding import trace_key
from commonhold.model.clock import Micros
from commonhold.model.feedback import MAX_INT
from commonhold.model.once import check_key
from commonhold.model.scope import Author, Scope

USUAL_VOTE_TTL_S = 3600
MAX_VOTE_TTL_S = 30 * 86_400
"""Seconds that a vote may be open: an hour unless it is said otherwise, and a month at most."""

_RULE = "must be given with either turn or message_id, or else trace_id alone"


@dataclass(frozen=True, slots=True)
class VoteTarget:
    """What one vote is about: a turn of a session, by its number or a message of it, or a trace."""

    session_id: str | None = None
    turn_index: int | None = None
    message_id: str | None = None
    trace_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("session_id", "message_id", "trace_id"):
            value = getattr(self, name)
            if value is not None:
                ids.check_key(value, name)
        if self.turn_index is not None and not 0 <= self.turn_index <= MAX_INT:
            raise _bad("turn", f"must be from 0 to {MAX_INT}")
        turns = [each for each in (self.turn_index, self.message_id) if each is not None]
        is_whole = not turns if self.session_id is None else len(turns) == 1
        if not is_whole or (self.trace_id is None) == (self.session_id is None):
            raise _bad("session_id", _RULE)

    def __str__(self) -> str:
        if self.trace_id is not None:
            return f"trace {self.trace_id}"
        what = (
            f"message {self.message_id}" if self.turn_index is None else f"turn {self.turn_index}"
        )
        return f"{what} of session {self.session_id}"

    @property
    def key(self) -> tuple[str | int | None, ...]:
        """The same for all spellings of the target."""
        trace = None if self.trace_id is None else trace_key(self.trace_id)
        return (self.session_id, self.turn_index, self.message_id, trace)


@dataclass(frozen=True, slots=True)
class VoteGrant:
    """Leave to give the vote `vote_id` about `target`, as `scope`, until a second of UTC."""

    scope: Scope
    target: VoteTarget
    vote_id: str
    expires_s: int

    @property
    def expires_at(self) -> Micros:
        """When it ends."""
        return Micros(self.expires_s * 1_000_000)


def vote_id(author: Author, target: VoteTarget, key: str | None) -> str:
    """The id of the vote that a grant is for.

    A user has one vote for a target, however often leave is given. Nobody in particular has a new
    one each time, and the same again for the same idempotency key.

    Raises:
        InvalidRequest: the key cannot be one.
    """
    check_key(key)
    if key is None and not author.user:
        return ids.new_id("fb")
    whose = ("user", author.user) if author.user else ("key", key)
    told = opaque.dumps([author.agent, *whose, *target.key])
    return f"fb_{sha256(told.encode()).hexdigest()[:32]}"


def _bad(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])
