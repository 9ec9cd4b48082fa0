"""Times as people say them."""

from __future__ import annotations

import re

import typer

from commonhold.errors import InvalidRequest
from commonhold.model import clock
from commonhold.model.clock import Micros

_SECOND = 1_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(\d{1,6})([smhdw])")
_STEPS = ((86_400 * 2, 86_400, "days"), (3600 * 2, 3600, "h"), (90, 60, "min"), (0, 1, "s"))


def moment(text: str) -> Micros:
    """A time out of an option: RFC 3339, a date by UTC, or how long ago (`2h`, `7d`).

    Raises:
        BadParameter: it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        at = clock.now() - int(ago[1]) * _UNITS[ago[2]] * _SECOND
        return Micros(max(at, clock.EARLIEST))
    try:
        return clock.from_rfc3339(text)
    except InvalidRequest:
        raise typer.BadParameter(
            f"{text!r} is not a time: expected one such as 2026-04-27T12:00:00Z,"
            " or how long ago, such as 30m, 2h or 7d."
        ) from None


def window(text: str) -> Micros:
    """When a window up to now began, out of an option: `24h`, `7d`.

    Raises:
        BadParameter: it is no length of time.
    """
    if _AGO.fullmatch(text.strip()) is None:
        raise typer.BadParameter(f"{text!r} is not a window such as 24h, 7d or 30d.")
    return moment(text)


def ago(at: Micros) -> str:
    """How long ago something was: `3 min ago`."""
    seconds = (clock.now() - at) // _SECOND
    return f"{span(seconds)} ago" if seconds > 0 else "now"


def span(seconds: int) -> str:
    """A length of time in its largest unit that says enough: `28 s`, `3 min`, `5 days`."""
    _, unit, name = next(step for step in _STEPS if seconds >= step[0] or step[1] == 1)
    return f"{seconds // unit} {name}"


def local(at: Micros, *, with_date: bool = True) -> str:
    """A time where the reader is."""
    there = clock.to_datetime(at).astimezone()
    return there.strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")


def day(at: Micros) -> str:
    """The date where the reader is."""
    return clock.to_datetime(at).astimezone().strftime("%Y-%m-%d")
