"""The beginning of a list is recognised whatever it is made of, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.errors import InvalidRequest
from commonhold.model.prefix import Prefix, Texts

MESSAGES = st.lists(
    st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2).map(json.dumps),
    max_size=6,
)


def as_bytes(texts: list[str]) -> Texts:
    """The same list, not looked at yet."""
    return Texts([text.encode() for text in texts], lambda raw, _: bytes(raw).decode())


@given(MESSAGES, MESSAGES)
def test_a_prefix_is_of_its_list_and_of_no_other(one: list[str], other: list[str]) -> None:
    """As texts and as bytes."""
    prefix = Prefix.of(one)
    assert prefix.is_of(one)
    assert prefix.is_of(as_bytes(one))
    assert prefix.is_of(other) == prefix.is_of(as_bytes(other)) == (one == other)


@given(MESSAGES, MESSAGES)
def test_a_prefix_grows_with_its_list(one: list[str], more: list[str]) -> None:
    """And the shorter one stays what it was."""
    prefix = Prefix.of(as_bytes(one))
    grown = prefix.grown(as_bytes(more))
    assert grown.is_of([*one, *more])
    assert prefix.is_of(one)


@given(MESSAGES, st.integers(-8, 8), st.integers(-8, 8))
def test_texts_are_a_list(texts: list[str], start: int, end: int) -> None:
    """Length, items, stretches and stretches of stretches."""
    lazy = as_bytes(texts)
    assert list(lazy) == texts
    assert list(lazy[start:end]) == texts[start:end]
    assert list(lazy[start:][:end]) == texts[start:][:end]
    assert len(lazy[start:]) == len(texts[start:])


def test_a_bad_item_is_told_by_its_place_in_the_whole_list() -> None:
    """However often the list was cut since."""

    def refuse(raw: Any, index: int) -> str:
        raise InvalidRequest(f"messages[{index}]")

    lazy = Texts([b"a", b"b", b"c", b"d"], refuse)
    for texts, index in ((lazy, 2), (lazy[1:], 1), (lazy[1:][1:], 0), (lazy, -2)):
        with pytest.raises(InvalidRequest, match=r"messages\[2\]"):
            _ = texts[index]
