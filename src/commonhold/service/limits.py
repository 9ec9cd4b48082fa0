"""How often one caller may ask: token buckets of one process, which nobody else's calls touch."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from commonhold.errors import TooManyRequests
from commonhold.model.clock import monotonic

REMEMBERED = 4096
"""Callers that are remembered; whoever was not seen for longest begins anew."""

_MINUTE_S = 60.0


@dataclass(slots=True)
class _Bucket:
    """What is left of a caller's minute, and when that was reckoned."""

    left: float
    at: float


class Buckets:
    """One bucket for each caller, full at first, which fills again in a minute."""

    def __init__(self, per_minute: int, now: Callable[[], float] = monotonic) -> None:
        self._size = float(per_minute)
        self._now = now
        self._known: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take one; 0 when there was one, or else in how many seconds there will be."""
        now = self._now()
        bucket = self._known.get(caller)
        if bucket is None:
            bucket = self._known[caller] = _Bucket(self._size, now)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(caller)
        gained = (now - bucket.at) * self._size / _MINUTE_S
        bucket.left, bucket.at = min(self._size, bucket.left + gained), now
        if bucket.left < 1.0:
            return (1.0 - bucket.left) * _MINUTE_S / self._size
        bucket.left -= 1.0
        return 0.0


class Limits:
    """What one caller may do in a minute. 0 is no limit."""

    def __init__(self, *, admin: int, failed: int, now: Callable[[], float] = monotonic) -> None:
        self._admin = Buckets(admin, now) if admin else None
        self._failed = Buckets(failed, now) if failed else None

    def check_admin(self, caller: str) -> None:
        """Count a request about keys and the like.

        Raises:
            TooManyRequests: it is one too many.
        """
        _check(self._admin, caller, "asks too often about what it looks after")

    def check_failed(self, caller: str) -> None:
        """Count an answer that said no.

        Raises:
            TooManyRequests: it is one too many, and is told instead.
        """
        _check(self._failed, caller, "asks too often for what it does not get")


def _check(buckets: Buckets | None, caller: str, what: str) -> None:
    wait_s = 0.0 if buckets is None else buckets.wait_s(caller)
    if wait_s:
        after_s = math.ceil(wait_s)
        told = f"This caller {what}. Nothing was done; try again in {after_s} s."
        raise TooManyRequests(told, retry_after_s=after_s)
