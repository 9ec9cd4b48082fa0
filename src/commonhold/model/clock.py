"""Time: UTC microseconds inside, RFC 3339 on the wire. The only module that reads the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NewType

from commonhold.errors import FieldError, InvalidRequest

Micros = NewType("Micros", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Clock = Callable[[], Micros]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is printed by the caller
_MICROSECOND = timedelta(microseconds=1)
EARLIEST = Micros(-62_135_596_800_000_000)
LATEST = Micros(253_402_300_799_999_999)
"""The range `datetime` can print: years 1 to 9999."""


monotonic = time.perf_counter
"""Seconds of a clock that never goes back: for durations only."""


def now() -> Micros:
    """The wall clock."""
    return Micros(time.time_ns() // 1000)


def to_datetime(at: Micros) -> datetime:
    """An aware UTC datetime."""
    return EPOCH + timedelta(microseconds=at)


def from_datetime(value: datetime) -> Micros:
    """Microseconds of a datetime; a naive one is taken as UTC, as old clients send it."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return Micros((aware - EPOCH) // _MICROSECOND)


def to_rfc3339(at: Micros) -> str:
    """`2026-04-27T12:00:00.250000+00:00`, the spelling Python clients already send."""
    second, micros = divmod(at, 1_000_000)
    if micros:
        return f"{_to_the_second(second)}.{micros:06d}+00:00"
    return f"{_to_the_second(second)}+00:00"


@lru_cache(maxsize=4096)
def _to_the_second(second: int) -> str:
    # Lists print hundreds of times that share few seconds; this is most of what a list costs.
    return (_NAIVE_EPOCH + timedelta(seconds=second)).isoformat()


def from_rfc3339(text: str, field: str = "time") -> Micros:
    """Parse an ISO 8601 / RFC 3339 time.

    Raises:
        InvalidRequest: when `text` is not one, or lies outside of the years 1 to 9999 in UTC.
    """
    try:
        at = from_datetime(datetime.fromisoformat(text))
        if not EARLIEST <= at <= LATEST:
            raise OverflowError
        return at
    except (ValueError, TypeError, OverflowError):
        message = "expected an RFC 3339 time such as 2026-04-27T12:00:00Z"
        raise InvalidRequest(
            f"{field} is not a time: {message}.", errors=[FieldError((field,), message)]
        ) from None
