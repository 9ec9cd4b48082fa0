"""Months by UTC: what the audit log is kept and pruned by."""

from __future__ import annotations

from datetime import UTC, date, datetime

from commonhold.model import clock
from commonhold.model.clock import Micros


def month_from(day: date, count: int = 0) -> date:
    """The first day of the month that is `count` months behind that of a day."""
    years, month = divmod(day.month - 1 + count, 12)
    return date(day.year + years, month + 1, 1)


def month_start(at: Micros) -> Micros:
    """When the month of a time began."""
    first = month_from(clock.to_datetime(at).date())
    return clock.from_datetime(datetime(first.year, first.month, 1, tzinfo=UTC))


def month_name(at: Micros) -> str:
    """The month of a time, such as `2026-04`."""
    return f"{clock.to_datetime(at):%Y-%m}"
