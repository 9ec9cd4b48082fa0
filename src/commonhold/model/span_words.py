"""What a span is found by in full text: words of its name, input and output, and its attributes.

An attribute is found by its name and value together: both become one made-up word, so that the
index that finds words finds attributes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import opaque
from commonhold.model.words import MAX_TEXT, words_of

MAX_ATTRIBUTES = 128
"""Attributes of one span that it is found by."""

MAX_VALUE = 256
"""Characters of a value; what is longer is content, and found by its words."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def words_of_span(name: str, texts: tuple[str | None, ...], attributes: Mapping[str, Any]) -> str:
    """All words of a span, each once, with a space between."""
    said = [name, *(_said(text) for text in texts if text)]
    words = words_of({"input": said}) or ""
    return " ".join((words, *_terms(attributes))).strip()


def attribute_terms(asked: str) -> list[str]:
    """The words a span must have to match a JSON object of attributes.

    Raises:
        InvalidRequest: it is no JSON object of plain values, or is empty, or a value is too long.
    """
    text = opaque.object_text(asked, "attributes")
    wanted = opaque.loads(text)
    terms = list(_terms(wanted))
    if not terms or len(terms) != len(wanted):
        rule = (
            f"expected a JSON object of 1 to {MAX_ATTRIBUTES} texts, numbers, true or false,"
            f" each at most {MAX_VALUE} characters"
        )
        raise InvalidRequest(f"attributes: {rule}.", errors=[FieldError(("attributes",), rule)])
    return terms


def _said(text: str) -> Any:
    """A text, or what it means where it is JSON: keys and escapes are no words."""
    if text[:1] in ("{", "[") and len(text) <= MAX_TEXT:
        try:
            return _values(_decode(text))
        except (ValueError, RecursionError):
            return text
    return text


def _values(value: Any) -> Any:
    """The texts and numbers in a value of JSON, without the names they stand under."""
    found: list[Any] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(reversed([*item.values()]))
        elif isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, str | int | float):
            found.append(item)
    return found


def _terms(attributes: Mapping[str, Any]) -> Iterator[str]:
    """A word for each plain value. Tokens of both indexes are letters, digits and `_`."""
    left = MAX_ATTRIBUTES
    for name, value in attributes.items():
        if not left:
            return
        is_short = isinstance(value, int | float) or (
            isinstance(value, str) and len(value) <= MAX_VALUE
        )
        if is_short:
            left -= 1
            digest = sha256(_encode((name, _plain(value)))).hexdigest()
            yield f"_a{digest[:14]}"


def _plain(value: Any) -> Any:
    """1 and 1.0 are one number; true is none."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if is_whole else value
