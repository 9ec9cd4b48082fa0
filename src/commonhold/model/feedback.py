"""Feedback: what a person thought of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest, OutOfRange
from commonhold.model import ids
from commonhold.model.binding import UNBOUND, Binding
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText

Rating = Literal[1, -1]
Window = Literal["hour", "day", "week"]
WINDOWS: tuple[Window, ...] = get_args(Window)

HOUR = 3_600_000_000
WINDOW_WIDTH: dict[str, int] = {"hour": HOUR, "day": 24 * HOUR, "week": 7 * 24 * HOUR}
"""Width of a window in microseconds."""

WINDOW_OFFSET: dict[str, int] = {"hour": 0, "day": 0, "week": 3 * 24 * HOUR}
"""What to add to a time so that windows begin at multiples of the width: weeks start on Monday."""

MAX_TEXT = 65_536
MAX_INT = 2**31 - 1
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """A thumbs up (1) or down (-1), what it is about, and what was said.

    `latency_ms` is milliseconds; `turn_index` counts turns of the session from 0.
    """

    rating: int
    trace_id: str | None = None
    session_id: str | None = None
    comment: str | None = None
    correction: str | None = None
    model_id: str | None = None
    latency_ms: float | None = None
    turn_index: int | None = None
    agent_type: str | None = None

    def __post_init__(self) -> None:
        check_rating(self.rating)
        for name in ("trace_id", "session_id"):
            value = getattr(self, name)
            if value is not None:
                ids.check_key(value, name)
        _check_text("comment", self.comment)
        _check_text("correction", self.correction)
        _check_text("model_id", self.model_id, ids.MAX_ID * 2)
        _check_text("agent_type", self.agent_type, ids.MAX_ID)
        if self.latency_ms is not None and not 0 <= self.latency_ms < float("inf"):
            raise _bad("latency_ms", "must be 0 or more")
        if self.turn_index is not None and not 0 <= self.turn_index <= MAX_INT:
            raise _bad("turn_index", f"must be from 0 to {MAX_INT}")


@dataclass(frozen=True, slots=True)
class FeedbackPatch:
    """What to change; None leaves a field as it is, an empty string clears it."""

    rating: int | None = None
    comment: str | None = None
    correction: str | None = None

    def __post_init__(self) -> None:
        if self.rating is not None:
            check_rating(self.rating)
        _check_text("comment", self.comment)
        _check_text("correction", self.correction)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to change."""
        return self.rating is None and self.comment is None and self.correction is None


@dataclass(frozen=True, slots=True)
class Feedback:
    """A stored record. `trace_id` is None when the author named none; no id is ever made up.

    `agent` is who brought it; whose answer it is about is in `turn`. `question` and `answer` are
    there only where a list was asked for them.
    """

    feedback_id: str
    rating: int
    created_at: Micros
    updated_at: Micros
    trace_id: str | None = None
    session_id: str | None = None
    comment: str | None = None
    correction: str | None = None
    model_id: str | None = None
    latency_ms: float | None = None
    turn_index: int | None = None
    agent_type: str | None = None
    user_id: str = ANONYMOUS
    agent: str = ""
    turn: Binding = UNBOUND
    question: JsonText | None = None
    answer: JsonText | None = None


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """Filters of a feedback list, newest first. `since` is inclusive, `until` exclusive.

    `agent` and `model` are those of the answer, and a trace is found in any spelling of its id.
    `q` is words of the comment and the correction. `turns` adds what each record is about.
    """

    limit: int = 50
    cursor: str | None = None
    offset: int = 0
    trace_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    agent_type: str | None = None
    rating: int | None = None
    since: Micros | None = None
    until: Micros | None = None
    agent: str | None = None
    model: str | None = None
    label: str | None = None
    source: str | None = None
    has_comment: bool | None = None
    has_correction: bool | None = None
    q: str | None = None
    turns: bool = False

    def __post_init__(self) -> None:
        if self.rating is not None:
            check_rating(self.rating)
        check_range(self.since, self.until)


@dataclass(frozen=True, slots=True)
class StatsQuery:
    """Which windows to count; `since` is inclusive, `until` exclusive."""

    window: str = "day"
    agent_type: str | None = None
    since: Micros | None = None
    until: Micros | None = None

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            rule = f"must be one of {', '.join(WINDOWS)}"
            raise OutOfRange(f"window {rule}.", errors=[FieldError(("window",), rule)])


@dataclass(frozen=True, slots=True)
class FeedbackStats:
    """Thumbs of one agent type in one window of UTC time."""

    window_start: Micros
    window_end: Micros
    agent_type: str | None
    thumbs_up: int
    thumbs_down: int

    @property
    def total(self) -> int:
        """All votes of the window."""
        return self.thumbs_up + self.thumbs_down


def check_rating(value: object) -> None:
    """Check that a rating is the integer 1 or -1.

    Raises:
        InvalidRequest: for anything else, `true` and `"1"` included.
    """
    if type(value) is not int or value not in (1, -1):
        raise _bad("rating", "must be the integer 1 (up) or -1 (down)")


def check_range(since: Micros | None, until: Micros | None) -> None:
    """Check that a range of time does not end before it begins.

    Raises:
        InvalidRequest: it does.
    """
    if since is not None and until is not None and since > until:
        raise _bad("since", "must not be after until")


def _check_text(name: str, value: str | None, limit: int = MAX_TEXT) -> None:
    if value is not None and len(value) > limit:
        raise _bad(name, f"must be at most {limit} characters")


def _bad(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])
