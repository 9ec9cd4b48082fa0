"""Text of others, made harmless: a terminal obeys none of it."""

from __future__ import annotations

from rich.text import Text

from commonhold.model.json_lines import is_harmless


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


def _spelled(character: str) -> str:
    if is_harmless(character):
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
