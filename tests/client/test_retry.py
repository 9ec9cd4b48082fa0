"""When a failed call is sent again, and after how long."""

from __future__ import annotations

import pytest

from commonhold.client import Retry

RETRY = Retry(attempts=6, base_s=0.1, cap_s=0.5, patience_s=5.0)


def test_waits_double_up_to_the_cap() -> None:
    """The upper bound of what is drawn grows with each attempt, and stops growing."""
    longest = [RETRY.wait_s(attempt, draw=lambda: 1.0) for attempt in range(1, 6)]
    assert longest == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_jitter_is_full() -> None:
    """The draw decides between no wait at all and all of it."""
    assert RETRY.wait_s(3, draw=lambda: 0.0) == 0.0
    assert RETRY.wait_s(3, draw=lambda: 0.25) == pytest.approx(0.1)
    drawn = {RETRY.wait_s(3) for _ in range(50)}
    assert len(drawn) > 1
    assert all(wait is not None and 0.0 <= wait <= 0.4 for wait in drawn)


def test_the_last_attempt_is_the_last() -> None:
    """Six attempts are five waits."""
    assert RETRY.wait_s(5) is not None
    assert RETRY.wait_s(6) is None


def test_what_the_service_asked_for_comes_on_top() -> None:
    """Nobody comes back earlier than asked, and not all of them at the same moment."""
    assert RETRY.wait_s(1, 2.0, draw=lambda: 0.0) == 2.0
    assert RETRY.wait_s(1, 2.0, draw=lambda: 1.0) == pytest.approx(2.1)


def test_patience_has_an_end() -> None:
    """A service that asks for longer than the bound is not waited for."""
    assert RETRY.wait_s(1, 5.0) is not None
    assert RETRY.wait_s(1, 5.1) is None
