"""Errors: one tree, the same on both sides of the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold import errors
from commonhold.errors import BY_CODE, CommonholdError, FieldError, StaleVersion, Unavailable

LOC = st.lists(st.text(max_size=5) | st.integers(), max_size=3).map(tuple)
FIELDS = st.lists(st.builds(FieldError, LOC, st.text(max_size=10)), max_size=3)


def problem_of(error: CommonholdError) -> dict[str, Any]:
    """The problem document of an error."""
    return {
        "code": error.code,
        "detail": error.detail,
        "errors": [{"loc": list(item.loc), "msg": item.msg} for item in error.errors],
        **error.extras(),
    }


@given(st.sampled_from(sorted(BY_CODE)), st.text(min_size=1), FIELDS, st.integers(1, 9999))
def test_an_error_comes_back_from_its_problem_document(
    code: str, detail: str, fields: list[FieldError], number: int
) -> None:
    """Its class, its detail, its fields and its own facts."""
    kind = BY_CODE[code]
    extra: dict[str, Any] = {}
    if issubclass(kind, StaleVersion):
        extra = {"current": number}
    elif issubclass(kind, Unavailable):
        extra = {"retry_after_s": number}
    error = kind(detail, errors=fields, **extra)
    found = errors.from_problem(kind.status, problem_of(error))
    assert type(found) is kind
    assert (found.detail, found.errors, found.extras()) == (detail, tuple(fields), error.extras())
    assert str(found) == detail


@pytest.mark.parametrize("kind", BY_CODE.values())
def test_an_error_without_a_detail_says_its_docstring(kind: type[CommonholdError]) -> None:
    """Which tells a user what happened, in a sentence."""
    assert kind().detail == (kind.__doc__ or "").strip()
    assert kind().detail.endswith(".")
    assert 400 <= kind.status < 600


def test_every_code_is_of_one_class_and_drawn_in_the_tree() -> None:
    """What crosses the wire is unambiguous, and documented."""
    assert len(BY_CODE) == len(set(BY_CODE.values()))
    drawing = errors.__doc__ or ""
    for kind in BY_CODE.values():
        assert kind.__name__ in drawing
        assert kind is CommonholdError or f"{kind.__name__} " in drawing


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "InvalidRequest"),
        (401, "Unauthenticated"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (409, "Conflict"),
        (412, "StaleVersion"),
        (413, "PayloadTooLarge"),
        (418, "InvalidRequest"),
        (422, "InvalidRequest"),
        (500, "Internal"),
        (502, "Unavailable"),
        (503, "Unavailable"),
        (504, "Unavailable"),
        (599, "Internal"),
    ],
)
def test_a_status_without_a_code_is_still_an_error_of_ours(status: int, expected: str) -> None:
    """Something between us and the service may have answered."""
    kind = type(errors.from_problem(status, {}))
    assert issubclass(kind, getattr(errors, expected))


@given(
    st.integers(400, 599),
    st.dictionaries(
        st.sampled_from(["code", "detail", "errors", "current_version", "retry_after_seconds"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["loc", "msg"]), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    ),
)
def test_no_problem_document_is_too_odd_to_be_an_error(status: int, problem: dict) -> None:
    """A proxy may send anything under our content type."""
    assert isinstance(errors.from_problem(status, problem), CommonholdError)
