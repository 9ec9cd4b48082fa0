"""What sessions are found by in their metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.errors import InvalidRequest
from commonhold.model.labels import MAX_LABEL, MAX_LABELS, labels_asked, labels_of

PLAIN = (
    st.text(max_size=20)
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
)
NESTED = st.none() | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(), PLAIN, max_size=3)
NAMES = st.text(max_size=20)
METADATA = st.dictionaries(NAMES, PLAIN | NESTED, max_size=20)


@given(METADATA)
def test_any_metadata_has_labels_that_an_index_can_take(metadata: dict[str, Any]) -> None:
    """Each once, without a NUL, and short enough."""
    labels = labels_of(json.dumps(metadata))
    assert len(labels) == len(set(labels)) <= MAX_LABELS
    assert not any("\0" in label or len(label) > MAX_LABEL for label in labels)


@given(METADATA, st.data())
def test_metadata_is_found_by_any_of_its_plain_values(
    metadata: dict[str, Any], data: st.DataObject
) -> None:
    """By one or several, in whatever order and spelling they are asked for."""
    plain = {
        name: value for name, value in metadata.items() if isinstance(value, str | int | float)
    }
    labels = set(labels_of(json.dumps(metadata)))
    assert len(labels) == len(plain)
    if not plain:
        return
    names = data.draw(st.lists(st.sampled_from(sorted(plain)), min_size=1, unique=True))
    asked = {name: plain[name] for name in names}
    for ensure_ascii in (True, False):
        text = json.dumps(asked, ensure_ascii=ensure_ascii, indent=1)
        assert set(labels_asked(text)) <= labels


@given(st.dictionaries(NAMES, PLAIN, min_size=1, max_size=5), NAMES, PLAIN)
def test_metadata_is_not_found_by_another_value(
    metadata: dict[str, Any], name: str, value: object
) -> None:
    """A text is not the number it spells, true is not 1, and a name is not another."""
    asked = labels_asked(json.dumps({name: value}))
    is_there = json.dumps([name, value]) in {json.dumps(list(item)) for item in metadata.items()}
    assert (set(asked) <= set(labels_of(json.dumps(metadata)))) == is_there


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", "null", '"a"', "{}", '{"a": null}', '{"a": []}', '{"a": {"b": 1}}'),
        *('{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": 1, "b": []}'),
        json.dumps({"a": "x" * MAX_LABEL}),
        json.dumps({str(n): n for n in range(MAX_LABELS + 1)}),
    ],
    ids=lambda text: text[:20],
)
def test_what_could_match_nothing_is_refused(text: str) -> None:
    """An empty object would match everything: that is no filter either."""
    with pytest.raises(InvalidRequest, match="metadata"):
        labels_asked(text)


def test_labels_are_bounded() -> None:
    """What is beyond is kept by its session, and does not find it."""
    metadata = {f"k{n:03}": n for n in range(MAX_LABELS + 10)}
    assert len(labels_of(json.dumps(metadata))) == MAX_LABELS
    assert len(labels_asked(json.dumps({f"k{n}": n for n in range(MAX_LABELS)}))) == MAX_LABELS
    fits = "x" * (MAX_LABEL - len('["a",""]'))
    assert [len(label) for label in labels_of(json.dumps({"a": fits}))] == [MAX_LABEL]
    assert labels_of(json.dumps({"a": fits + "x", "b": 1})) == ('["b",1]',)
