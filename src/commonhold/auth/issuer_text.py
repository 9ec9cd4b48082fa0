"""Issuers as they are written down: TOML, or JSON."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import msgspec

from commonhold.auth.issuers import KINDS, ROLES, Issuer, Issuers

_PATHS = ("tenant_claim", "role_claim")
_NAMES = tuple(each.name for each in fields(Issuer))

_JSON = re.compile(r"\s*(\{|\[\s*[{\]])")
"""How JSON begins, and no TOML does."""

_WORDS = f"`kind` is one of {', '.join(KINDS)}; `roles` are {', '.join(ROLES)}"
_SHAPE = "it must be a list of issuers: `[[issuer]]` in TOML, or a JSON array of objects."


def read_issuers(text: str) -> Issuers:
    """The issuers in a text, which is JSON when it begins like it, and else TOML.

    Raises:
        ValueError: naming the issuer that is wrong, and what is allowed.
    """
    found = _parsed(text)
    if isinstance(found, dict):
        odd = sorted(set(found) - {"issuer"})
        if odd:
            raise ValueError(f"there is no {', '.join(map(repr, odd))}; {_SHAPE}")
        found = found.get("issuer")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(_SHAPE)
    return Issuers([_issuer(number, each) for number, each in enumerate(found, 1)])


def _parsed(text: str) -> object:
    try:
        return json.loads(text) if _JSON.match(text) else tomllib.loads(text)
    except ValueError as error:
        raise ValueError(f"it cannot be read: {error}.") from None


def _issuer(number: int, given: Mapping[str, Any]) -> Issuer:
    name = given.get("alias") if isinstance(given.get("alias"), str) else f"number {number}"
    odd = sorted(set(given) - set(_NAMES))
    if odd:
        allowed = ", ".join(_NAMES)
        raise ValueError(f"issuer {name} has {', '.join(odd)}; allowed are {allowed}.")
    try:
        return msgspec.convert({**given, **_paths(given)}, Issuer)
    except msgspec.ValidationError as error:
        hint = f" ({_WORDS})" if "enum" in str(error) else ""
        raise ValueError(f"issuer {name}: {error}{hint}") from None


def _paths(given: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Paths to claims, which may be written with dots."""
    return {name: given[name].split(".") for name in _PATHS if isinstance(given.get(name), str)}
