"""The input or output of a span as people read it: messages by role, anything else as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from commonhold.model.pieces import flat, pieces

Said = tuple[str, str]
"""A role, which may be empty, and what was said."""


def exchange(text: str | None) -> list[Said]:
    """What a text says, message by message. Never raises."""
    if not text:
        return []
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return [("", text)]
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        value = value["messages"]
    messages = value if isinstance(value, list) else [value]
    if not messages or not all(isinstance(each, Mapping) and "role" in each for each in messages):
        return [("", text)]
    return [(flat(each["role"]), "\n".join(_lines(each))) for each in messages]


def _lines(message: Mapping[str, Any]) -> Iterator[str]:
    for piece in pieces(flat(message)):
        if piece.kind == "call":
            yield f"{piece.name}({piece.text})"
        else:
            yield piece.text
