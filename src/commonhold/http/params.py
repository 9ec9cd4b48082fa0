"""Query parameters: one table per route, which reads them and describes them in OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_to_bytes

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import from_rfc3339

Schema = Mapping[str, Any]

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_FAR = 10**18
NO_NUL = r"^[^\x00]*$"


class _Refused(Exception):
    """A value breaks the rule that is the argument."""


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter: how it is read, what it is when it is absent, what it means.

    One that `is_json` has a value of its schema as JSON text.
    """

    name: str
    doc: str
    read: Callable[[str], Any]
    schema: Schema = field(default_factory=dict)
    default: Any = None
    into: str = ""
    is_json: bool = False


def integer(name: str, doc: str, *, default: int | None = None, least: int, most: int) -> Param:
    """A whole number from `least` to `most`; anything else is refused."""
    rule = f"expected a whole number from {least} to {most}"

    def read(text: str) -> int:
        if _INTEGER.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        raise _Refused(rule)

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Param(name, doc, read, schema, default)


def number(name: str, doc: str, *, least: float, most: float) -> Param:
    """A number from `least` to less than `most`; anything else is refused."""
    rule = f"expected a number from {least:g} to {most:g}"

    def read(text: str) -> float:
        if _NUMBER.fullmatch(text) and least <= float(text) < most:
            return float(text)
        raise _Refused(rule)

    schema = {"type": "number", "minimum": least, "exclusiveMaximum": most}
    return Param(name, doc, read, schema)


def clamped(name: str, doc: str, *, default: int, least: int, most: int) -> Param:
    """A whole number, moved into `least` to `most` where it is outside."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]+", text):
            raise _Refused("expected a whole number")
        far = -_FAR if text.startswith("-") else _FAR
        return max(least, min(int(text) if _INTEGER.fullmatch(text) else far, most))

    doc = f"{doc} Moved into {least} to {most}."
    return Param(name, doc, read, {"type": "integer"}, default)


def choice(
    name: str, doc: str, options: Mapping[str, Any], *, default: Any = None, into: str = ""
) -> Param:
    """One of a few words, each standing for a value; `into` is what the endpoint calls it."""
    rule = f"expected one of {', '.join(options)}"

    def read(text: str) -> Any:
        if text not in options:
            raise _Refused(rule)
        return options[text]

    kind = "integer" if all(type(value) is int for value in options.values()) else "string"
    words = list(options.values()) if kind == "integer" else list(options)
    return Param(name, doc, read, {"type": kind, "enum": words}, default, into)


def several(name: str, doc: str, words: Sequence[str]) -> Param:
    """One or more of a few words, with commas between; all of them when absent."""
    rule = f"expected one or more of {', '.join(words)}, with commas between"

    def read(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if not set(chosen) <= set(words):
            raise _Refused(rule)
        return chosen

    word = f"({'|'.join(words)})"
    schema = {"type": "string", "pattern": f"^{word}(,{word})*$"}
    return Param(name, doc, read, schema, tuple(words))


def text(name: str, doc: str, *, default: str | None = None, schema: Schema | None = None) -> Param:
    """Any text; `schema` describes it where the store will look closer."""

    def read(value: str) -> str:
        if "\0" in value:
            raise _Refused("expected text without NUL characters")
        return value

    return Param(name, doc, read, schema or {"type": "string", "pattern": NO_NUL}, default)


def json_object(name: str, doc: str, schema: Schema) -> Param:
    """An object as JSON, which `schema` describes and the store looks at."""
    return replace(text(name, doc), schema=schema, is_json=True)


def time(name: str, doc: str) -> Param:
    """An RFC 3339 time."""

    def read(value: str) -> int:
        # A plus sign that nobody escaped arrives as a space.
        return from_rfc3339(value.replace(" ", "+") if "T" in value else value, name)

    return Param(name, doc, read, {"type": "string", "format": "date-time"})


SINCE = time("since", "Only what is not older than this time.")
UNTIL = time("until", "Only what is older than this time.")
CURSOR = text("cursor", "Where to go on: the cursor in the `Link` header of the page before.")


class Params:
    """The query parameters of one route."""

    def __init__(self, params: Sequence[Param]) -> None:
        self.params = tuple(params)
        self._by_name = {param.name: param for param in params}
        self._defaults = {param.into or param.name: param.default for param in params}

    def read(self, query: bytes) -> Mapping[str, Any]:
        """The values of a query string; what is not in the table is ignored.

        Raises:
            InvalidRequest: naming every parameter that is wrong.
        """
        if not query:
            return self._defaults
        values = dict(self._defaults)
        seen: set[str] = set()
        errors: list[FieldError] = []
        for pair in query.split(b"&"):
            name, _, value = pair.partition(b"=")
            param = self._by_name.get(_unquoted(name, "replace"))
            if param is None:
                continue
            try:
                if param.name in seen:
                    raise _Refused("expected once")
                seen.add(param.name)
                values[param.into or param.name] = param.read(_unquoted(value, "strict"))
            except (_Refused, UnicodeDecodeError, InvalidRequest) as error:
                errors.append(FieldError(("query", param.name), _rule(error)))
        if errors:
            told = "; ".join(f"{error.loc[1]}: {error.msg}" for error in errors)
            raise InvalidRequest(f"{told}.", errors=errors)
        return values


def _unquoted(raw: bytes, errors: str) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", errors)


def _rule(error: Exception) -> str:
    if isinstance(error, InvalidRequest):
        return error.errors[0].msg
    return "expected UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
