"""Whether any of many texts is in a body: a question that nearly all of what is written answers no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

try:
    from ahocorasick_rs import BytesAhoCorasick, MatchKind
except ModuleNotFoundError:  # an agent with a database of its own has nothing of the server
    if not TYPE_CHECKING:
        BytesAhoCorasick = None

Scan = Callable[[bytes, bytes], bool]
"""Whether something is in a body: as it came, and in the spelling in which it is looked for."""

Sure = Callable[[bytes, int, int], bool]
"""Whether what stands from here to there in a body, as it came, is what it looks like."""

_Find = Callable[[bytes], Iterator[tuple[int, int, int]]]

END = " "
"""What ends a name in `fold`. A space, because the library takes a byte that all texts share for a
rare one and goes from each to the next, which is ten times slower; spaces it knows to be common."""

AT_ONCE = 32
"""Texts that the library finds in one pass with vector instructions."""

_UPPER = bytes(range(ord("A"), ord("Z") + 1))
_ENDS = b"\"'\\\x12\n"
_FOLD = bytes.maketrans(_UPPER + b"- " + _ENDS, _UPPER.lower() + b"__" + END.encode() * len(_ENDS))


def fold(data: bytes) -> bytes:
    """A body in the spelling in which names are compared: lower case, `_` for dashes and spaces.

    What ends a name becomes `END`: a quotation mark, the backslash before one in JSON within JSON,
    and the tag of what follows the name of an attribute in protobuf. No byte moves.
    """
    return data.translate(_FOLD)


def scan_for(wanted: Mapping[str, Sure]) -> Scan:
    """What finds any of these texts where it is sure of one."""
    needles = [each.encode() for each in wanted]
    sure = list(wanted.values())
    find = _vectors(needles) if BytesAhoCorasick is not None else _plain(needles)
    return lambda data, spelt: any(sure[n](data, start, end) for n, start, end in find(spelt))


def _vectors(needles: list[bytes]) -> _Find:
    """By the library of the server, in passes.

    Without this kind of match it looks at every byte by itself. Each pass gets texts from all over
    the list: few that are alike, it looks for by a byte that they share, which is ten times slower.
    """
    passes = -(-len(needles) // AT_ONCE)
    finders = [
        BytesAhoCorasick(needles[first::passes], matchkind=MatchKind.LeftmostFirst)
        for first in range(passes)
    ]

    def find(data: bytes) -> Iterator[tuple[int, int, int]]:
        for first, finder in enumerate(finders):
            for n, start, end in finder.find_matches_as_indexes(data):
                yield first + n * passes, start, end

    return find


def _plain(needles: list[bytes]) -> _Find:
    """By Python, where the library is not there."""

    def find(data: bytes) -> Iterator[tuple[int, int, int]]:
        for n, needle in enumerate(needles):
            start = data.find(needle)
            while start >= 0:
                yield n, start, start + len(needle)
                start = data.find(needle, start + 1)

    return find
