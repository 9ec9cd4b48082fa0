"""What sessions are found by: the plain values at the top of their metadata."""

from __future__ import annotations

from collections.abc import Iterator

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import opaque

MAX_LABELS = 64
MAX_LABEL = 512
"""Characters of a name and its value as JSON; what is longer is kept, and not found by."""


def labels_of(metadata: str) -> tuple[str, ...]:
    """A label for each text, number, true and false at the top of a JSON object."""
    return tuple(_labels(metadata))[:MAX_LABELS]


def labels_asked(metadata: str) -> tuple[str, ...]:
    """The labels a session must have to match a JSON object.

    Raises:
        InvalidRequest: it is no JSON object of plain values, it is empty, or one is too long.
    """
    text = opaque.object_text(metadata, "metadata")
    asked = tuple(_labels(text))
    if not 0 < len(asked) <= MAX_LABELS or len(asked) != len(opaque.loads(text)):
        rule = (
            f"expected a JSON object of 1 to {MAX_LABELS} texts, numbers, true or false,"
            f" each with its name at most {MAX_LABEL} characters"
        )
        raise InvalidRequest(f"metadata: {rule}.", errors=[FieldError(("metadata",), rule)])
    return asked


def _labels(metadata: str) -> Iterator[str]:
    for name, value in opaque.loads(metadata, "metadata").items():
        if isinstance(value, str | int | float):
            label = opaque.dumps([name, value])
            if len(label) <= MAX_LABEL:
                yield label
