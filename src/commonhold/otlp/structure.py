"""What of a span's attributes is structure, and not content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from commonhold.otlp.vocabulary import name_of, vocabulary

FIELDS = (
    *("agent", "agent_id", "agent_version", "instance", "operation", "model", "provider"),
    *("input_tokens", "output_tokens", "total_tokens", "cached_input", "cache_write"),
    *("reasoning", "cost_usd", "tool_name", "tool_call_id", "environment"),
)
"""Fields of the vocabulary that say how a span was made, and not what was said in it."""

MAX_TEXT = 200


def structural(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are known to be structure: numbers and short names of known fields."""
    known = _names()
    return {name: value for name, value in attributes.items() if name in known and _is_plain(value)}


def without_user(user: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes whose value is not the name of a user, nor holds it."""
    return {name: value for name, value in attributes.items() if not _names_user(value, user)}


def _names_user(value: object, user: str) -> bool:
    if isinstance(value, list | tuple):
        return any(_names_user(each, user) for each in value)
    if isinstance(value, Mapping):
        return any(_names_user(each, user) for each in value.values())
    return value == user


@cache
def _names() -> frozenset[str]:
    fields = vocabulary().fields
    return frozenset(
        name
        for field in FIELDS
        for each in fields[field].attributes
        if "*" not in (name := name_of(each))
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= MAX_TEXT)
