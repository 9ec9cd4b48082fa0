"""Opaque JSON: text that passes through as it came, parsed only where a value is needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NewType

import msgspec

from commonhold.errors import FieldError, InvalidRequest

JsonText = NewType("JsonText", str)
"""A JSON value as text, exactly as its author sent it."""

MAX_DEPTH = 256
"""Objects and arrays within each other that are accepted."""

INC = "$inc"
"""The key of a patch whose numbers are added instead of put in place."""

EMPTY_OBJECT = JsonText("{}")
EMPTY_LIST = JsonText("[]")

_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def dumps(value: Any) -> JsonText:
    """Encode a Python value.

    Raises:
        InvalidRequest: when the value has no JSON form (a lone surrogate, infinity, an object).
    """
    try:
        text = _encode(value).decode()
    except (TypeError, ValueError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"This value has no JSON form: {error}.") from None
    # The encoder writes null for infinity and NaN, which is not what the author has.
    if "null" in text and not _is_finite(value):
        raise InvalidRequest("This value has no JSON form: infinity and NaN are no JSON numbers.")
    return JsonText(text)


def _is_finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def loads(text: str | bytes, field: str = "body") -> Any:
    """Decode JSON text.

    Raises:
        InvalidRequest: not JSON, NaN, a lone surrogate, or nested too deep.
    """
    try:
        value = _decode(text)
    except (ValueError, RecursionError, UnicodeError) as error:
        raise not_json(field, error) from None
    if _is_too_deep(value):
        raise not_json(field, RecursionError())
    return value


def _is_too_deep(value: Any) -> bool:
    """Whether a reader with an ordinary JSON library, already some calls deep, might give up."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for parent in level
            if isinstance(parent, dict | list)
            for item in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


def canonical_digest(value: Any) -> bytes:
    """16 bytes that are equal for JSON-equal values, whatever their spelling (SHA-256, cut)."""
    return sha256(_canonical(value)).digest()[:16]


def merge(base: str, patch: str) -> JsonText:
    """Shallow merge of two JSON objects: each top-level key of `patch` wins, texts untouched."""
    merged = _fields(base)
    merged.update(_fields(patch))
    return JsonText(_encode(merged).decode())


def has_increments(patch: str) -> bool:
    """Whether a JSON object asks for numbers to be added, so that it must not be sent twice."""
    return INC in _fields(patch)


def merge_counting(base: str, patch: str) -> JsonText:
    """`merge`, and then numbers under the patch's `$inc` are added, nested as the base is.

    Raises:
        InvalidRequest: an increment is no number, or what it is added to.
    """
    fields = _fields(patch)
    increments = loads(bytes(fields.pop(INC)), INC) if INC in fields else {}
    merged = _fields(base)
    merged.update(fields)
    if not isinstance(increments, dict):
        raise _no_number((INC,))
    for name, increment in increments.items():
        old = loads(bytes(merged[name]), name) if name in merged else None
        merged[name] = msgspec.Raw(dumps(_added(old, increment, (INC, name))).encode())
    return JsonText(_encode(merged).decode())


def _added(old: Any, increment: Any, path: tuple[str, ...]) -> Any:
    if isinstance(increment, dict) and (old is None or isinstance(old, dict)):
        base = dict(old or {})
        for name, inner in increment.items():
            base[name] = _added(base.get(name), inner, (*path, name))
        return base
    if not _is_number(increment) or not (old is None or _is_number(old)):
        raise _no_number(path)
    try:
        total = (old or 0) + increment
    except OverflowError:  # an integer beyond every float, and a float
        raise _no_number(path) from None
    if isinstance(total, float) and not math.isfinite(total):
        raise _no_number(path)
    return total


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no_number(path: tuple[str, ...]) -> InvalidRequest:
    rule = "expected a number, to add to a number"
    field = ("cost_data", *path)
    return InvalidRequest(f"{'.'.join(field)}: {rule}.", errors=[FieldError(field, rule)])


def object_text(value: Mapping[str, Any] | str, field: str) -> JsonText:
    """A JSON object as text, out of a mapping or of text that must be one.

    Raises:
        InvalidRequest: when it is not an acceptable JSON object.
    """
    text = value if isinstance(value, str) else dumps(value)
    if not isinstance(loads(text, field), dict):
        rule = "expected a JSON object"
        raise InvalidRequest(f"{field}: {rule}.", errors=[FieldError((field,), rule)])
    return trim(text)


def trim(text: str) -> JsonText:
    """The value without white space around it, which belongs to the body it came in."""
    return JsonText(text.strip(" \t\n\r"))


def check_object(text: str, field: str) -> None:
    """Check that a text is a JSON object, without reading what is in it.

    Raises:
        InvalidRequest: when it is not.
    """
    _check(_fields, text, field)


def check_array(text: str, field: str) -> None:
    """Check that a text is a JSON array, without reading what is in it.

    Raises:
        InvalidRequest: when it is not.
    """
    _check(_items, text, field)


def _check(decode: Callable[[str], object], text: str, field: str) -> None:
    try:
        decode(text)
    except (ValueError, RecursionError, UnicodeError) as error:
        raise not_json(field, error) from None


def not_json(field: str, error: Exception) -> InvalidRequest:
    """The one error for text that is not acceptable JSON."""
    reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
    return InvalidRequest(
        f"{field} is not acceptable JSON: {reason}.", errors=[FieldError((field,), reason)]
    )
