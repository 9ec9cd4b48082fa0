"""The words of messages and of searches, whatever people write."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.errors import InvalidRequest
from commonhold.model.words import (
    MAX_LETTERS,
    MAX_TERMS,
    MAX_TEXT,
    MAX_WORDS,
    search_terms,
    words_in,
    words_of,
)

TEXT = st.text(max_size=80)
KEYS = st.sampled_from(
    ["content", "text", "arguments", "input", "tool_calls", "function", "output", "role", "x"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS | TEXT, inner), max_leaves=20
)
MESSAGES = st.dictionaries(KEYS | TEXT, VALUES | VALUES.map(json.dumps))


def of(message: dict[str, Any]) -> list[str]:
    """The words of a message."""
    return (words_of(message) or "").split(" ") if words_of(message) else []


def finds(query: str, words: list[str]) -> bool:
    """Whether a search finds a message, by set inclusion as the indexes do it."""
    terms = search_terms(query).split(" ")
    return all(
        any(word.startswith(term[:-1]) for word in words) if term.endswith("*") else term in words
        for term in terms
    )


@given(MESSAGES)
def test_any_message_has_words_that_an_index_can_take(message: dict[str, Any]) -> None:
    """Each once, none empty or too long, nothing in them that an index would cut or read."""
    words = of(message)
    assert len(words) == len(set(words)) <= MAX_WORDS
    for word in words:
        assert 0 < len(word) <= MAX_LETTERS
        assert re.fullmatch(r"\w+", word)


@given(MESSAGES)
def test_a_message_is_found_by_any_word_of_it(message: dict[str, Any]) -> None:
    """Whole, by its beginning, in capitals where they have the same letters, and by all of them."""
    words = of(message)
    for word in words:
        assert finds(word, words)
        assert finds(f"{word[:-1]}*" if len(word) > 1 else f"{word}*", words)
    for start in range(0, len(words), MAX_TERMS):
        assert finds(" ".join(words[start : start + MAX_TERMS]), words)


@given(st.text(min_size=1, max_size=40))
def test_a_text_is_found_by_itself(text: str) -> None:
    """Cut as the search for it is cut."""
    words = of({"content": text})
    try:
        found = finds(re.sub(r"[*\0]", " ", text), words)
    except InvalidRequest:
        assert not 0 < len(words) <= MAX_TERMS
    else:
        assert found
    assert (words_in(text) or "") == " ".join(words)


@given(st.text(max_size=200))
def test_a_search_is_words_or_refused(query: str) -> None:
    """Nothing else reaches an index."""
    try:
        terms = search_terms(query).split(" ")
    except InvalidRequest:
        return
    assert 0 < len(terms) <= MAX_TERMS
    assert all(re.fullmatch(r"\w+\*?", term) and len(term) <= MAX_LETTERS + 1 for term in terms)


def test_sqlite_cuts_no_word_further() -> None:
    """Its tokenizer has an opinion of its own about what is a letter: no word shows it."""
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE message_words USING fts5("
        """words, detail = none, tokenize = "unicode61 remove_diacritics 0 tokenchars '_'")"""
    )
    database.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(message_words, 'row')")
    signs = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    texts = [words_in(f"a{sign}q") or "" for sign in signs if re.match(r"\w", sign)]
    whole = [text for text in texts if " " not in text]
    assert len(whole) > 30_000
    database.executemany("INSERT INTO message_words VALUES (?)", [(text,) for text in whole])
    terms = [term for (term,) in database.execute("SELECT term FROM vocabulary")]
    assert not [term for term in terms if len(term) < 3 or (term[0], term[-1]) != ("a", "q")]
    database.close()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "user", "content": "Hello, World! hello"}, "hello world"),
        ({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}, "a b"),
        ({"content": None, "refusal": "No."}, "no"),
        ({"content": {"text": {"content": ["deep", ["deeper"]]}}}, "deep deeper"),
        ({"role": "user", "id": "m1", "name": "find", "metadata": {"text": "x"}}, None),
        ({"content": ""}, None),
        ({"content": 42, "text": True}, None),
        ({}, None),
        ({"arguments": '{"city": "Z\\u00fcrich\\nSeebach", "n": 7}'}, "city zürich seebach n 7"),
        ({"arguments": '{"city": "Zürich'}, "city zürich"),
        ({"arguments": "[1.5, null, true]"}, "1 5 true"),
        ({"content": [{"type": "tool_use", "input": {"a": {"b": ["c", 1]}}}]}, "a b c 1"),
        ({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}, None),
        ({"function_call": {"name": "f", "arguments": '{"q": "x"}'}}, "q x"),
        ({"content": '{"a": "b\\u00fc"}'}, "a b u00fc"),
        ({"content": "天気x日本"}, "天 気 x 日 本"),
        ({"content": "x" * (MAX_LETTERS + 1) + " y"}, "y"),
    ],
    ids=str,
)
def test_words_are_what_somebody_wrote(message: dict[str, Any], words: str | None) -> None:
    """In order, each once; ids, names and what no person reads are not among them."""
    assert words_of(message) == words


def test_a_message_is_looked_at_up_to_a_length() -> None:
    """However much it says, what is indexed of it is bounded."""
    many = " ".join(f"w{n}" for n in range(3 * MAX_WORDS))
    assert len(of({"content": many})) == MAX_WORDS
    late = {"content": ["-" * MAX_TEXT, "late"]}
    assert of(late) == []
    assert of({"content": "-" * (MAX_TEXT - 2) + " later"}) == ["l"]
    assert words_in("-" * MAX_TEXT + "late") is None
    assert of({"arguments": json.dumps(["-" * MAX_TEXT, "late"])}) == []


def test_nesting_is_no_recursion() -> None:
    """What a parser lets through is read to its bottom."""
    deep: Any = "needle"
    for _ in range(5000):
        deep = {"content": [deep]}
    assert of(deep) == ["needle"]
    assert of({"arguments": "[" * 50_000 + "]" * 50_000}) == []


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("Hello world", "hello world"),
        ("hello HELLO", "hello"),
        ("wor* World", "wor* world"),
        ("wor ld*", "wor ld*"),
        ("wor**", "wor*"),
        ("*wor", "wor"),
        ("NOT a AND b", "not a and b"),
        ("天気*", "天 気*"),
        ("don't", "don t"),
        ("straße", "strasse"),
    ],
)
def test_a_search_is_cut_as_messages_are(query: str, terms: str) -> None:
    """In lower case, each word once; only a star at its end means something."""
    assert search_terms(query) == terms


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "*",
        "-",
        "\0",
        "\ud800",
        " ".join(map(str, range(17))),
        "x" * (MAX_LETTERS + 1),
        "a\0b",
    ],
    ids=ascii,
)
def test_a_search_that_finds_nothing_sensible_is_refused(query: str) -> None:
    """No word, too many of them, or one that no message has."""
    with pytest.raises(InvalidRequest, match="1 to 16 words"):
        search_terms(query)
