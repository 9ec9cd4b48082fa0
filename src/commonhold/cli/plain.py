"""Text of others, made harmless: a terminal obeys none of it, and JSON Lines stay lines."""

from __future__ import annotations

import re
import unicodedata

import msgspec
from rich.text import Text

_KEPT = frozenset("\n\t\u200c\u200d")
"""Line ends and tabs, and the two joiners that Persian, Hindi and emoji are written with."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""What a terminal obeys, what turns the reading direction, what nobody sees, what ends a line."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


def visible(text: str) -> str:
    r"""The text with what a terminal would obey, or hide, spelled out: `\x1b`, `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_spelled, text.replace("\r\n", "\n")))


def on_line(text: str) -> str:
    """The same on one line, its white space made single spaces."""
    return " ".join(visible(text).split())


def quoted(text: str, style: str = "", *, one_line: bool = True) -> Text:
    """Text of others to print: no markup in it is read."""
    return Text(on_line(text) if one_line else visible(text), style=style)


def json_line(value: object) -> str:
    """A value as JSON on one line. Opaque parts keep their spelling, but for what would harm.

    Line ends in them can only be white space, and what controls a terminal only inside a string,
    where an escape stands for the same.
    """
    text = msgspec.json.encode(value).decode().replace("\r", " ").replace("\n", " ")
    if text.isascii() and "\x7f" not in text:
        return text
    return _BEYOND_ASCII.sub(lambda found: _escaped(found[0]), text)


def _spelled(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _escaped(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _UNSEEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
