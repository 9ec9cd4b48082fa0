"""The words of a message, as both full-text indexes know them, and of a search for them.

The words are cut here, once, so that SQLite and Postgres find the same messages: each gets a list
of lower-case words and cuts nothing further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

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
_WORD = re.compile(rf"[{_DENSE}]|[^\W{_DENSE}]+")
_TERM = re.compile(rf"[{_DENSE}]\*?|[^\W{_DENSE}]+\*?")

_SPOKEN = ("content", "text", "output", "refusal", "summary", "reasoning_content", "arguments")
"""Keys of a message, or of a part of it, whose text somebody wrote."""


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
        InvalidRequest: there is no word in it, or more than 16.
    """
    terms = list(dict.fromkeys(_TERM.findall(query.casefold())))
    if not 0 < len(terms) <= MAX_TERMS:
        rule = f"expected 1 to {MAX_TERMS} words; a word may end in * to find what begins so"
        raise InvalidRequest(f"q: {rule}.", errors=[FieldError(("q",), rule)])
    return " ".join(terms)


def _words(text: str) -> Iterable[str]:
    return (word for word in _WORD.findall(text.casefold()) if len(word) <= MAX_LETTERS)


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    left = MAX_TEXT
    waiting: list[Any] = [message]
    while waiting and left > 0:
        item = waiting.pop()
        if isinstance(item, str):
            yield item[:left]
            left -= len(item)
        elif isinstance(item, Mapping):
            waiting.extend(item[name] for name in _inner(item))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _inner(item: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in reversed(_SPOKEN) if name in item)
