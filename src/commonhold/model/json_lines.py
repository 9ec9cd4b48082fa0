"""JSON Lines that stay lines, and that a terminal may show: text of others is made harmless."""

from __future__ import annotations

import re
import unicodedata

import msgspec

_KEPT = frozenset("\n\t\u200c\u200d")
"""Line ends and tabs, and the two joiners that Persian, Hindi and emoji are written with."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""What a terminal obeys, what turns the reading direction, what nobody sees, what ends a line."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


def is_harmless(character: str) -> bool:
    """Whether a terminal only shows it."""
    return character in _KEPT or unicodedata.category(character) not in _UNSEEN


def json_line(value: object) -> str:
    """A value as JSON on one line. Opaque parts keep their spelling, but for what would harm.

    Line ends in them can only be white space, and what controls a terminal only inside a string,
    where an escape stands for the same.
    """
    text = msgspec.json.encode(value).decode().replace("\r", " ").replace("\n", " ")
    if text.isascii() and "\x7f" not in text:
        return text
    return _BEYOND_ASCII.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    if is_harmless(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
