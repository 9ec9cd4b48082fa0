"""Windows of time that traces are found by in full text, from the newest to the oldest.

An index of words knows no order: to show the newest page of what has a word, all that has it would
have to be looked at. So each span is found by the windows its trace begins in as well, of seven
widths, and a search asks for one stretch of time after the other, each wider than the last, until
its page is full.
"""

from __future__ import annotations

from dataclasses import dataclass

SHIFTS = (20, 24, 28, 32, 36, 40, 44)
"""Widths are powers of two, in microseconds: from a second to half a year."""

MOST = 24
"""Windows that one search asks for at most."""

WIDER, FAR_WIDER = 16, 64
"""By how much a stretch is wider than the one before: after one that had matches, and after none."""

ALWAYS = -(2**62)
"""Microseconds before which no trace begins; none begins after as many either."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `since` to before `until`, in microseconds, and the windows that cover it.

    One that would take too many windows has none, and reaches back to `ALWAYS`.
    """

    since: int
    until: int
    windows: tuple[int, ...] | None

    def older(self, found: int) -> Stretch:
        """The next one, where this one had so many matches.

        It is as much wider as leaves the number of matches to be expected within bounds.
        """
        width = (self.until - self.since) * (WIDER if found else FAR_WIDER)
        return stretch(self.since - width, self.since)


def stretch(since: int, until: int) -> Stretch:
    """The stretch from `since`, or somewhat earlier, as windows begin, to before `until`."""
    for level, shift in enumerate(SHIFTS):
        first, last = since >> shift, (until - 1) >> shift
        if last - first < MOST:
            windows = tuple([number << 3 | level for number in range(first, last + 1)])
            return Stretch(first << shift, until, windows)
    return Stretch(ALWAYS, until, None)
