"""When a call that failed is sent again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REPEATED_STATUS: Final = frozenset({502, 503, 504})
"""Answers that say "not now": of the service under load, or of a proxy that cannot reach it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Full jitter: the wait before attempt n + 1 is drawn between 0 and `base_s * 2**(n - 1)`.

    All times are seconds. `attempts` counts the first one; `cap_s` bounds what is drawn from; a
    `Retry-After` of more than `patience_s` is not waited for. No wait is begun that would end more
    than `deadline_s` after the first attempt. `statuses` are the answers that say "not now".
    """

    attempts: int = 4
    base_s: float = 0.1
    cap_s: float = 2.0
    patience_s: float = 5.0
    deadline_s: float = math.inf
    statuses: frozenset[int] = REPEATED_STATUS

    def wait_s(
        self,
        attempt: int,
        asked_s: float | None = None,
        draw: Callable[[], float] = random.random,
        *,
        spent_s: float = 0.0,
    ) -> float | None:
        """Seconds to wait after `attempt` (the first is 1), or None to give up.

        `asked_s` is what the service asked for; jitter comes on top of it, so that those who were
        turned away together do not come back together. `spent_s` have passed since the first one.
        """
        if attempt >= self.attempts or (asked_s or 0.0) > self.patience_s:
            return None
        drawn = draw() * min(self.cap_s, self.base_s * 2.0 ** (attempt - 1))
        wait_s = (asked_s or 0.0) + drawn
        return wait_s if spent_s + wait_s <= self.deadline_s else None
