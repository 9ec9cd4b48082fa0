"""Attributes as they are stored: readable where JSON can say it, and reversible always."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given

from commonhold.otlp.values import attributes_of, attributes_text, value_of, value_text
from tests.otlp.wire import attributes, values


@given(attributes)
def test_attributes_come_back_as_they_were(given_attributes: dict) -> None:
    """Bytes, infinities, NaN and the type of every number."""
    back = attributes_of(attributes_text(given_attributes))
    assert repr(back) == repr(given_attributes)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """A body of a log record is no object, and is kept alike."""
    assert repr(value_of(value_text(value))) == repr(value)


@given(attributes)
def test_what_is_stored_is_json_for_everybody(given_attributes: dict) -> None:
    """No bare NaN and no infinity, and every name at the top is where SQL looks for it."""
    stored = json.loads(attributes_text(given_attributes), parse_constant=pytest.fail)
    assert list(stored) == list(given_attributes)


def test_ordinary_values_are_ordinary_json() -> None:
    """What people read in the database is what was sent."""
    plain = {"gen_ai.agent.name": "billing", "n": 2**53 + 1, "x": 0.5, "tags": ["a", {"b": None}]}
    assert json.loads(attributes_text(plain)) == plain


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (b"\0\xff", {"$bytes": "AP8="}),
        (math.nan, {"$float": "NaN"}),
        (-math.inf, {"$float": "-Infinity"}),
        ({"$bytes": "AP8="}, {"$$bytes": "AP8="}),
        ({"$$float": "NaN"}, {"$$$float": "NaN"}),
        ({"$bytes": 1, "b": 2}, {"$bytes": 1, "b": 2}),
    ],
)
def test_what_json_cannot_say_has_a_tag_that_nobody_can_forge(value: Any, stored: Any) -> None:
    """An author's own object of that shape is told apart."""
    assert json.loads(attributes_text({"x": value})) == {"x": stored}
    assert repr(attributes_of(attributes_text({"x": value}))) == repr({"x": value})


def test_white_space_that_a_database_adds_changes_nothing() -> None:
    """Postgres writes jsonb in its own way."""
    text = json.dumps(json.loads(attributes_text({"x": {"y": b"1"}})), indent=2)
    assert attributes_of(text) == {"x": {"y": b"1"}}
