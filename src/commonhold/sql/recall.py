"""What this process saw last of a row, so that a guess can spare a round trip."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")

REMEMBERED = 8192

Key = tuple[str, str]


class Recall(Generic[V]):
    """A bounded memory of values by tenant and id, the least recently used forgotten first.

    Never an answer: a statement that uses a recalled value checks it in its WHERE, and what was
    changed elsewhere meanwhile only costs the second round trip. Used on the event loop alone.
    """

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._values: OrderedDict[Key, V] = OrderedDict()

    def get(self, key: Key) -> V | None:
        """The value seen last, if it is still remembered."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def keep(self, key: Key, value: V) -> None:
        """Remember a value."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def forget(self, key: Key) -> None:
        """What was known is no longer true."""
        self._values.pop(key, None)
