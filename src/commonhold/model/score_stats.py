"""Counts of scores by window of time and by group, and what can be said from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import Micros
from commonhold.model.feedback import check_range
from commonhold.model.windows import zone_of

StatsWindow = Literal["minute", "hour", "day", "week", "month"]
GroupBy = Literal["agent", "agent_type", "model", "name", "label", "source", "user"]
STATS_WINDOWS: tuple[StatsWindow, ...] = get_args(StatsWindow)
GROUPS: tuple[GroupBy, ...] = get_args(GroupBy)

DIMENSIONS = ("agent", "agent_type", "model", "name", "label", "source")
"""What counts are kept by, and can be narrowed to."""

_Z = 1.959963984540054
"""The quantile of the normal distribution for an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class ScoreStatsQuery:
    """What to count: windows in a time zone, grouped; `since` is inclusive, `until` exclusive.

    Without bounds, everything that there is.
    """

    window: str = "day"
    tz: str = "UTC"
    group_by: str | None = None
    agent: str | None = None
    agent_type: str | None = None
    model: str | None = None
    name: str | None = None
    label: str | None = None
    source: str | None = None
    since: Micros | None = None
    until: Micros | None = None

    def __post_init__(self) -> None:
        _check_choice("window", self.window, STATS_WINDOWS)
        if self.group_by is not None:
            _check_choice("group_by", self.group_by, GROUPS)
        zone_of(self.tz)
        check_range(self.since, self.until)

    @property
    def narrowed(self) -> Mapping[str, str]:
        """The dimensions that are narrowed to one value."""
        given = {name: getattr(self, name) for name in DIMENSIONS}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted: scores, thumbs, and the sum of those that have a value."""

    count: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    valued: int = 0
    value_sum: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Thumbs up among thumbs; None where there are none."""
        votes = self.thumbs_up + self.thumbs_down
        return self.thumbs_up / votes if votes else None

    @property
    def mean(self) -> float | None:
        """The mean of the values; a boolean is 1 or 0."""
        return self.value_sum / self.valued if self.valued else None


@dataclass(frozen=True, slots=True)
class ScoreStats:
    """One group in one window; `group` is None where nothing is named, or nothing is grouped.

    `before` is what the same group had in the window before: the deltas compare with it.
    """

    window_start: Micros
    window_end: Micros
    group: str | None
    tally: Tally
    before: Tally

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the ratio lies, with 95 % confidence."""
        return wilson(self.tally.thumbs_up, self.tally.thumbs_up + self.tally.thumbs_down)

    @property
    def count_delta(self) -> int:
        """How many more scores than in the window before."""
        return self.tally.count - self.before.count

    @property
    def ratio_delta(self) -> float | None:
        """How much the ratio rose; None where either window has no thumbs."""
        now, before = self.tally.ratio, self.before.ratio
        return None if now is None or before is None else now - before


def wilson(up: int, total: int) -> tuple[float, float] | None:
    """The score interval of a proportion, at 95 %; None of nothing.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    Unlike the usual one it stays within 0 and 1, and says something of three votes.
    """
    if total == 0:
        return None
    ratio, square = up / total, _Z * _Z
    middle = ratio + square / (2 * total)
    reach = _Z * sqrt(ratio * (1 - ratio) / total + square / (4 * total * total))
    scale = 1 + square / total
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        rule = f"must be one of {', '.join(allowed)}"
        raise InvalidRequest(f"{name} {rule}.", errors=[FieldError((name,), rule)])
