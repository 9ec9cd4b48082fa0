"""What stored spans say: the texts of their rows, read by their meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commonhold.errors import CommonholdError
from commonhold.model import opaque
from commonhold.model.otel import Meaning, OtelSpan, Resource, Scope, SpanEvent
from commonhold.otlp.meaning import meaning_of
from commonhold.otlp.values import attributes_of

_NOWHERE, _NOBODY = Resource(), Scope()


def meaning_of_texts(name: str, attributes: Mapping[str, Any] | str, events: str = "[]") -> Meaning:
    """What a span means by its name, its attributes and its events, as they are stored."""
    known = attributes_in(attributes) if isinstance(attributes, str) else attributes
    told = tuple([SpanEvent(*each, known) for each, known in _events(events)])
    span = OtelSpan("", "", None, name, 0, 0, 0, known, _NOWHERE, _NOBODY, told)
    return meaning_of(span)


def attributes_in(text: str) -> dict[str, Any]:
    """Stored attributes as values; none where they cannot be read."""
    try:
        return attributes_of(text)
    except (ValueError, RecursionError, CommonholdError):
        return {}


def _events(text: str) -> Sequence[tuple[tuple[str, int], dict[str, Any]]]:
    try:
        found = opaque.loads(text) if len(text) > len("[]") else []
    except CommonholdError:
        return ()
    return [
        ((str(each.get("name", "")), 0), attributes_in(opaque.dumps(each.get("attributes") or {})))
        for each in found
        if isinstance(each, dict)
    ]
