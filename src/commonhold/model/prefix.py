"""The beginning of a message list, recognised again at the speed of one hash over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Self

_BETWEEN = "\x1e"
"""No JSON text holds it, so that no two lists of JSON texts are joined to the same bytes."""


class Prefix:
    """What a process remembers of a list it has seen: SHA-256 of it, and where to go on from.

    Unlike the link of a `chain`, it cannot be stored; but it hashes a list as a whole, where a
    chain hashes each message.
    """

    __slots__ = ("_state",)

    def __init__(self, state: Any) -> None:
        self._state = state

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """The prefix that is this whole list."""
        return cls(sha256(_joined(texts)))

    def grown(self, texts: Sequence[str]) -> Prefix:
        """The prefix after more messages."""
        state = self._state.copy()
        state.update(_joined(texts))
        return Prefix(state)

    def is_of(self, texts: Sequence[str]) -> bool:
        """Whether it is this list, spelling included."""
        same: bool = sha256(_joined(texts)).digest() == self._state.digest()
        return same


def _joined(texts: Sequence[str]) -> bytes:
    return _BETWEEN.join((*texts, "")).encode("utf-8", "surrogatepass")
