"""Answers that are believed for a moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from commonhold.model.clock import Clock, Micros

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

REMEMBERED = 4096
"""Answers that a process remembers of one kind, good and bad."""


class Believed(Generic[K, V]):
    """Answers by what was asked, each for `ttl_us` microseconds; of too many the oldest go."""

    def __init__(self, ttl_us: int, now: Clock) -> None:
        self._ttl_us = ttl_us
        self._now = now
        self._known: OrderedDict[K, tuple[V, Micros]] = OrderedDict()

    def get(self, asked: K) -> tuple[V] | None:
        """The answer, as a tuple of it alone since it may be None; None when it has to be asked."""
        known = self._known.get(asked)
        return known[:1] if known is not None and self._now() < known[1] else None

    def keep(self, asked: K, answer: V, since: Micros) -> V:
        """Remember the answer to what was asked at `since`, and return it."""
        self._known[asked] = answer, Micros(since + self._ttl_us)
        self._known.move_to_end(asked)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return answer

    def clear(self) -> None:
        """Believe nothing any more."""
        self._known.clear()
