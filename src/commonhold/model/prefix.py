"""The beginning of a message list, recognised again at the speed of one hash over all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Self, overload

_BETWEEN = b"\x1e"
"""No JSON text holds it, so that no two lists of JSON texts are joined to the same bytes."""


class Texts(Sequence[str]):
    """Texts that are bytes until somebody looks at one: most of a list that is saved again is not.

    `decode` gives the text of an item by its index, and raises what a bad one deserves.
    """

    __slots__ = ("_decode", "_first", "raws")

    def __init__(
        self, raws: Sequence[Any], decode: Callable[[Any, int], str], first: int = 0
    ) -> None:
        self.raws = raws
        self._decode = decode
        self._first = first

    def __len__(self) -> int:
        return len(self.raws)

    @overload
    def __getitem__(self, index: int, /) -> str: ...

    @overload
    def __getitem__(self, index: slice, /) -> Texts: ...

    def __getitem__(self, index: int | slice, /) -> str | Texts:
        if isinstance(index, slice):
            start = range(len(self.raws))[index].start
            return Texts(self.raws[index], self._decode, self._first + start)
        return self._decode(self.raws[index], self._first + range(len(self.raws))[index])


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
    if isinstance(texts, Texts):
        return _BETWEEN.join((*texts.raws, b""))
    return _BETWEEN.join([*(text.encode("utf-8", "surrogatepass") for text in texts), b""])
