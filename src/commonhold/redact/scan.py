"""Whether any of many texts is in a body: a question that nearly all of what is written answers no."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

try:
    from ahocorasick_rs import BytesAhoCorasick, MatchKind
except ModuleNotFoundError:  # an agent with a database of its own has nothing of the server
    if not TYPE_CHECKING:
        BytesAhoCorasick = None

Scan = Callable[[bytes], bool]
"""Whether something is in a body."""

END = " "
"""What ends a name in `fold`. A space, because the library takes a byte that all texts share for a
rare one and goes from each to the next, which is ten times slower; spaces it knows to be common."""

AT_ONCE = 24
"""Texts that the library finds in one pass with vector instructions."""

_UPPER = bytes(range(ord("A"), ord("Z") + 1))
_ENDS = b"\"'\\\x12"
_FOLD = bytes.maketrans(_UPPER + b"- " + _ENDS, _UPPER.lower() + b"__" + END.encode() * len(_ENDS))


def fold(data: bytes) -> bytes:
    """A body in the spelling in which names are compared: lower case, `_` for dashes and spaces.

    What ends a name becomes `END`: a quotation mark, the backslash before one in JSON within JSON,
    and the tag of the value that follows the name of an attribute in protobuf.
    """
    return data.translate(_FOLD)


def scan_for(wanted: Iterable[str]) -> Scan:
    """What finds any of these texts: the library of the server, or where it is not there, Python."""
    needles = [each.encode() for each in dict.fromkeys(wanted)]
    if BytesAhoCorasick is None:
        return _plain(needles)
    # Without this kind the library looks at every byte by itself.
    finders = [
        BytesAhoCorasick(needles[at : at + AT_ONCE], matchkind=MatchKind.LeftmostFirst)
        for at in range(0, len(needles), AT_ONCE)
    ]
    return lambda data: any(finder.find_matches_as_indexes(data) for finder in finders)


def _plain(needles: list[bytes]) -> Scan:
    return lambda data: any(each in data for each in needles)
