"""Capture `none`: of spans and log records stays what happened, and not what was said.

What stays is listed, and not what goes: an attribute that nobody knows is taken for content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from commonhold.model.otel import Attributes
from commonhold.otlp.vocabulary import name_of, vocabulary
from commonhold.redact.rules import kept_names, marker_of

CONTENT = marker_of("content")
"""What stands where something was said."""

_EVENT_FACTS = ("name", "timestamp", "time_unix_nano")


def without_content(attributes: Attributes) -> Attributes:
    """Attributes with their numbers, and those texts that are names."""
    kept = _kept()
    told = {name: value if name in kept else emptied(value) for name, value in attributes.items()}
    return attributes if told == attributes else told


def event_without_content(event: Any) -> Any:
    """An event of a native span: when it was and what it is called."""
    if not isinstance(event, Mapping):
        return emptied(event)
    return {
        name: value if name in _EVENT_FACTS else _emptied_event(value)
        for name, value in event.items()
    }


def emptied(value: Any) -> Any:
    """A value with its type, and without what it says; of a list, how long it is."""
    if isinstance(value, str):
        return CONTENT if value else value
    if isinstance(value, bytes):
        return CONTENT.encode() if value else value
    if isinstance(value, Mapping):
        return {CONTENT: len(value)} if value else value
    if isinstance(value, Sequence):
        return [CONTENT for _ in value]
    return value


def _emptied_event(value: Any) -> Any:
    return without_content(value) if isinstance(value, Mapping) else emptied(value)


@cache
def _kept() -> frozenset[str]:
    fields = vocabulary().fields.values()
    named = {
        name
        for field in fields
        if field.read != "content"
        for name in (*map(name_of, field.attributes), *field.resource)
    }
    return kept_names() | named
