"""What happened in a session, of every kind and every agent, in one order."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Literal, NamedTuple, get_args

import msgspec

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import Micros
from commonhold.model.feedback import Feedback
from commonhold.model.page import Key, Page
from commonhold.model.session import Message
from commonhold.model.trace import TraceSummary
from commonhold.model.turns import Event

Kind = Literal["message", "event", "trace", "feedback"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_FAR = 2**63


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `at` orders the timeline and never goes back within it."""

    kind: Kind
    at: Micros
    item: Message | Event | TraceSummary | Feedback


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """A page of a timeline, oldest first. `kinds` are those that are wanted."""

    limit: int = 50
    cursor: str | None = None
    kinds: tuple[str, ...] = field(default=KINDS)

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            rule = f"expected one or more of {', '.join(KINDS)}"
            raise InvalidRequest(f"kinds: {rule}.", errors=[FieldError(("kinds",), rule)])


class Position(NamedTuple):
    """How far each source has been read: the log by sequence, the others by time and id.

    `at` is the latest time shown: what the log holds with an earlier one, written by a clock that
    was behind, stands where the log has it.
    """

    seq: int = 0
    at: int = -_FAR
    trace: Key = (-_FAR, "")
    feedback: Key = (-_FAR, "")


START = Position()
_decode = msgspec.json.Decoder(Position).decode


def encode(position: Position) -> str:
    """An opaque, URL-safe cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode(cursor: str | None) -> Position:
    """The position inside a cursor; the start without one.

    Raises:
        InvalidRequest: it was not made by `encode`.
    """
    if not cursor:
        return START
    try:
        found = _decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        numbers = (found.seq, found.at, found.trace[0], found.feedback[0])
        texts = found.trace[1] + found.feedback[1]
        if not all(-_FAR <= number < _FAR for number in numbers) or "\0" in texts:
            raise ValueError(found)
        return found
    except (ValueError, binascii.Error):
        rule = "expected the cursor of an earlier page, unchanged"
        raise InvalidRequest(
            f"cursor is not valid: {rule}.", errors=[FieldError(("cursor",), rule)]
        ) from None


def page(
    position: Position,
    limit: int,
    log: Iterable[Message | Event],
    traces: Iterable[TraceSummary],
    votes: Iterable[Feedback],
) -> Page[Moment]:
    """The next `limit` moments of sources that each begin at `position` and are in order.

    Each source gives up to `limit + 1`, so that the page knows whether there is more.
    """
    sources = (
        _log(log, position.at),
        [Moment("trace", max_at(each.started_at, position.at), each) for each in traces],
        [Moment("feedback", max_at(each.created_at, position.at), each) for each in votes],
    )
    merged = list(merge(*sources, key=lambda moment: moment.at))
    items = tuple(merged[:limit])
    return Page(items, encode(after(position, items)) if len(merged) > limit else None)


def after(position: Position, moments: Sequence[Moment]) -> Position:
    """Where to go on behind these moments."""
    for moment in moments:
        position = _step(position, moment)
    return position


def max_at(at: int, floor: int) -> Micros:
    """A time, moved up to what was already shown."""
    return Micros(max(at, floor))


def _log(entries: Iterable[Message | Event], floor: int) -> list[Moment]:
    """The log in its own order, with times that never go back."""
    moments = []
    for entry in sorted(entries, key=lambda entry: entry.seq):
        floor = max_at(entry.created_at, floor)
        moments.append(Moment("message" if isinstance(entry, Message) else "event", floor, entry))
    return moments


def _step(position: Position, moment: Moment) -> Position:
    item = moment.item
    if isinstance(item, Message | Event):
        return position._replace(at=moment.at, seq=item.seq)
    if isinstance(item, TraceSummary):
        return position._replace(at=moment.at, trace=(item.started_at, item.trace_id))
    return position._replace(at=moment.at, feedback=(item.created_at, item.feedback_id))
