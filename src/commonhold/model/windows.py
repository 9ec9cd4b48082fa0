"""Windows of time in a time zone, and the minutes, hours and UTC days that counts are kept for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import EARLIEST, LATEST, Micros, from_datetime, to_datetime

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MAX_WINDOWS = 10_000

MARGIN = 400 * DAY
"""Windows lie so far inside the calendar that the next one and any zone still fit."""


class Window(NamedTuple):
    """A window of time, `[start, end)`."""

    start: Micros
    end: Micros


class Piece(NamedTuple):
    """A part of a window that is counted in one way: from records (`r`), minutes, hours or UTC days.

    `span` is the number of the window; None where windows are told from one another by division.
    """

    span: int | None
    level: str
    since: int
    until: int


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        InvalidRequest: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not found is a KeyError
        rule = "must be the name of a known time zone, such as UTC or Europe/Berlin"
        raise InvalidRequest(f"tz {rule}.", errors=[FieldError(("tz",), rule)]) from None


def windows(window: str, zone: ZoneInfo, since: Micros, until: Micros) -> list[Window]:
    """The windows that have a part in `[since, until)`, oldest first, whole.

    Raises:
        InvalidRequest: there are more than 10,000, or a time that no calendar has.
    """
    if since >= until:
        return []
    if not EARLIEST + MARGIN <= since < until <= LATEST - MARGIN:
        raise _bad("since", "and until must be in the years 3 to 9997")
    found: list[Window] = []
    for each in _from(window, zone, since):
        if each.start >= until:
            break
        if len(found) == MAX_WINDOWS:
            rule = f"and until may span at most {MAX_WINDOWS} windows; ask for longer ones"
            raise _bad("since", rule)
        found.append(each)
    return found


def window_before(window: str, zone: ZoneInfo, at: Micros) -> Window:
    """The window that ends where the one that holds `at` begins."""
    start = next(_from(window, zone, at)).start
    return next(_from(window, zone, Micros(start - 1)))


def pieces(index: int | None, start: int, end: int, *, levels: str = "mhd") -> Iterator[Piece]:
    """A window cut into what is counted: UTC days in the middle, hours and less at its ends.

    `levels` are the kinds of counts that may be used.
    """
    width, level = _WIDEST.get(levels[-1:], (0, ""))
    if not levels:
        yield from _piece(index, "r", start, end)
        return
    first, last = -(-start // width) * width, end // width * width
    if first >= last:
        yield from pieces(index, start, end, levels=levels[:-1])
        return
    yield from pieces(index, start, first, levels=levels[:-1])
    yield Piece(index, level, first, last)
    yield from pieces(index, last, end, levels=levels[:-1])


def _piece(index: int | None, level: str, start: int, end: int) -> Iterator[Piece]:
    if start < end:
        yield Piece(index, level, start, end)


_WIDEST: Mapping[str, tuple[int, str]] = {
    "m": (MINUTE, "m"),
    "h": (HOUR, "h"),
    "d": (DAY, "d"),
    "u": (DAY, "u"),
}
"""By the letter of a level: the width of what is counted."""


def _from(window: str, zone: ZoneInfo, at: Micros) -> Iterator[Window]:
    return _BY_CLOCK[window](zone, at) if window in _BY_CLOCK else _by_calendar(window, zone, at)


def _by_calendar(window: str, zone: ZoneInfo, at: Micros) -> Iterator[Window]:
    """Days, weeks and months begin at midnight of the zone, whatever its clocks do then."""
    day = to_datetime(at).astimezone(zone).replace(tzinfo=None)
    day = _FLOOR[window](day.replace(hour=0, minute=0, second=0, microsecond=0))
    start = _instant(day, zone)
    while True:
        day = _NEXT[window](day)
        end = _instant(day, zone)
        if end > start:  # a zone that changed its side of the date line has no such day
            yield Window(start, end)
        start = end


def _instant(naive: datetime, zone: ZoneInfo) -> Micros:
    """The first instant that the clocks of a zone show this time or, if they skip it, a later."""
    return from_datetime(naive.replace(tzinfo=zone))


def _first_of_next_month(day: datetime) -> datetime:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


_FLOOR: Mapping[str, Callable[[datetime], datetime]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}
_NEXT: Mapping[str, Callable[[datetime], datetime]] = {
    "day": lambda day: day + timedelta(days=1),
    "week": lambda day: day + timedelta(days=7),
    "month": _first_of_next_month,
}


def _hours(zone: ZoneInfo, at: Micros) -> Iterator[Window]:
    """Hours begin when the zone's clocks show a full one: not all are offset by whole hours."""
    return _steady(HOUR, zone, at)


def _minutes(zone: ZoneInfo, at: Micros) -> Iterator[Window]:
    return _steady(MINUTE, zone, at)


def _steady(width: int, zone: ZoneInfo, at: Micros) -> Iterator[Window]:
    start = _floor_of(width, zone, at)
    while True:
        # Where clocks are moved by less than the width, the window ends at the change.
        end = _floor_of(width, zone, Micros(start + width))
        yield Window(start, end if end > start else Micros(start + width))
        start = end if end > start else Micros(start + width)


def _floor_of(width: int, zone: ZoneInfo, at: Micros) -> Micros:
    offset = to_datetime(at).astimezone(zone).utcoffset() or timedelta()
    shift = offset // timedelta(microseconds=1)
    return Micros((at + shift) // width * width - shift)


_BY_CLOCK: Mapping[str, Callable[[ZoneInfo, Micros], Iterator[Window]]] = {
    "minute": _minutes,
    "hour": _hours,
}


def _bad(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])
