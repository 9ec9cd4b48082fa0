"""The words of a message, as both full-text indexes know them, and of a search for them.

The words are cut here, once, so that SQLite and Postgres find the same messages: each gets a list
of lower-case words and cuts nothing further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from commonhold.errors import FieldError, InvalidRequest

MAX_WORDS = 2000
"""Different words of one message that are indexed."""

MAX_LETTERS = 64
"""A longer run of letters is no word: a key, a picture."""

MAX_TEXT = 100_000
"""Characters of one message that are looked at."""

MAX_TERMS = 16

# Scripts that set no space between words are cut into characters.
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Letters to Python that SQLite takes for marks between words (New Tai Lue, Vedic signs).
_MARKS = "\u19b0-\u19c0\u19c8\u19c9\u1cf2\u1cf3"
_WORD = re.compile(rf"[{_DENSE}]|[^\W{_DENSE}{_MARKS}]+")
_TERM = re.compile(rf"[{_DENSE}]\*?|[^\W{_DENSE}{_MARKS}]+\*?")

_ARGUMENTS = ("arguments", "input")
"""Keys of a tool call under which everything counts, be it JSON text or JSON."""

_SPOKEN = (
    *("content", "text", "output", "refusal", "summary", "reasoning_content", "thinking"),
    *("tool_calls", "function_call", "function", *_ARGUMENTS),
)
"""Keys of a message, or of a part of it, that lead to what somebody wrote."""

_decode = msgspec.json.Decoder().decode


def words_of(message: Mapping[str, Any]) -> str | None:
    """The words of a message, each once, with a space between; None when it says nothing."""
    found: dict[str, None] = {}
    for text in _texts(message):
        for word in _words(text):
            found[word] = None
            if len(found) == MAX_WORDS:
                return " ".join(found)
    return " ".join(found) or None


def words_in(text: str | None) -> str | None:
    """The words of a plain text, a title say."""
    return " ".join(dict.fromkeys(_words(text[:MAX_TEXT]))) or None if text else None


def search_terms(query: str) -> str:
    """A search as words with a space between, all of which a message must have.

    A word that ends in `*` stands for every word that begins so.

    Raises:
        InvalidRequest: there is no word in it, or more than 16, or one that is too long, or a NUL.
    """
    terms = list(dict.fromkeys(_TERM.findall(query.casefold())))
    is_short = all(len(term.removesuffix("*")) <= MAX_LETTERS for term in terms)
    if not (0 < len(terms) <= MAX_TERMS and is_short) or "\0" in query:
        rule = (
            f"expected 1 to {MAX_TERMS} words of up to {MAX_LETTERS} letters;"
            " a word may end in * to find what begins so"
        )
        raise InvalidRequest(f"q: {rule}.", errors=[FieldError(("q",), rule)])
    return " ".join(terms)


def _words(text: str) -> Iterable[str]:
    return (word for word in _WORD.findall(text.casefold()) if len(word) <= MAX_LETTERS)


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    left = MAX_TEXT
    # What is left to look at, and whether everything in it counts.
    waiting: list[tuple[Any, bool]] = [(message, False)]
    while waiting and left > 0:
        item, is_free = waiting.pop()
        if isinstance(item, str):
            yield item[:left]
            left -= len(item)
        elif isinstance(item, Mapping):
            waiting.extend(_values(item) if is_free else _inner(item))
        elif isinstance(item, list):
            waiting.extend((each, is_free) for each in reversed(item))
        elif is_free and isinstance(item, int | float):
            waiting.append((str(item), True))


def _inner(item: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """What somebody wrote in a message, or in a part of it; the first is last."""
    for name in reversed(_SPOKEN):
        if name in item:
            is_free = name in _ARGUMENTS
            yield _unpacked(item[name]) if is_free else item[name], is_free


def _values(item: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    for name in reversed(tuple(item)):
        yield item[name], True
        yield name, True


def _unpacked(arguments: Any) -> Any:
    """Arguments as JSON, where they are a text of it: its escapes would be read as letters."""
    if isinstance(arguments, str) and arguments[:1] in ("{", "[") and len(arguments) <= MAX_TEXT:
        try:
            return _decode(arguments)
        except (ValueError, RecursionError):
            return arguments
    return arguments
