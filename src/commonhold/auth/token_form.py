"""The form of a token: three segments, two of them JSON objects. Nothing of it is believed yet."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from commonhold.errors import Unauthenticated

MAX_TOKEN = 16 * 1024
"""Characters of a token; a longer one is not looked at."""

MAX_HEADER = 2 * 1024
"""Characters of its header."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")

FORM = "The token is not one that can be read: it must be a signed JWT of three segments."


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token says, by its own word."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def looks_like_a_token(text: str) -> bool:
    """Whether a credential is meant to be a token: nothing else of ours begins so."""
    return text.startswith("ey") and "." in text


def open_token(text: str) -> Opened:
    """The header and the claims of a token.

    Raises:
        Unauthenticated: it is too long, or has another form.
    """
    if len(text) > MAX_TOKEN:
        raise Unauthenticated(f"The token is longer than {MAX_TOKEN} characters.")
    segments = text.split(".")
    if len(segments) != 3 or not all(map(_SEGMENT.fullmatch, segments)):
        raise Unauthenticated(FORM)
    if len(segments[0]) > MAX_HEADER:
        raise Unauthenticated(f"The header of the token is longer than {MAX_HEADER} characters.")
    return Opened(_object(segments[0]), _object(segments[1]))


def read_object(text: bytes | str) -> dict[str, Any]:
    """A JSON object in which no name stands twice.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is no object")  # noqa: TRY004  (of the text, not of an argument)
    return found


def _object(segment: str) -> Mapping[str, Any]:
    try:
        return MappingProxyType(read_object(urlsafe_b64decode(segment + "=" * (-len(segment) % 4))))
    except ValueError:
        raise Unauthenticated(FORM) from None


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
