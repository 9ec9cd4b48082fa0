"""From the bytes of a body to a checked value, or to an error that names the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from commonhold.errors import FieldError, InvalidRequest, UnsupportedMediaType
from commonhold.http.call import Call
from commonhold.model.opaque import EMPTY_LIST, EMPTY_OBJECT, JsonText

T = TypeVar("T")

NULL = Raw(b"null")
JSON = b"application/json"
_AT = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_check_object = msgspec.json.Decoder(dict).decode
_check_list = msgspec.json.Decoder(list).decode
_NUL = b"\\u0000"


def is_json(media: bytes) -> bool:
    """Whether a media type, parameters and all, says JSON."""
    if media == JSON:
        return True
    name = media.partition(b";")[0].strip().lower()
    return name == JSON or (name.count(b"/") == 1 and name.endswith(b"+json"))


def require_json(call: Call) -> None:
    """Accept JSON, and bodies that do not say what they are.

    Raises:
        UnsupportedMediaType: the body says that it is something else.
    """
    media = call.head.get(b"content-type")
    if media is not None and not is_json(media):
        name = media.decode("latin-1")
        raise UnsupportedMediaType(f"The body is {name}; send JSON as application/json.")


def decode(decoder: msgspec.json.Decoder[T], call: Call, *, has_texts: bool = True) -> T:
    """The body of a request as the type of `decoder`; one with opaque parts alone has no texts.

    Raises:
        InvalidRequest: not JSON, or a field is not what it must be.
        UnsupportedMediaType: the body says that it is something else than JSON.
    """
    require_json(call)
    try:
        value = decoder.decode(call.content)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    if has_texts and _NUL in call.content:
        _refuse_nul(value, ("body",))
    return value


def invalid(error: msgspec.ValidationError, *within: str | int) -> InvalidRequest:
    """The error of ours for a field that has the wrong type, somewhere in `within`."""
    told = str(error)
    at = _AT.search(told)
    steps = _STEP.findall(at[1]) if at else []
    loc = ("body", *within, *(int(index) if index else name or "..." for name, index in steps))
    rule = told[: at.start()] if at else told
    where = ".".join(str(step) for step in loc[1:]) or "body"
    return InvalidRequest(f"{where}: {rule}.", errors=[FieldError(loc, rule)])


def text_of(raw: Raw, *loc: str | int) -> str:
    """The text of an opaque part.

    Raises:
        InvalidRequest: it is not UTF-8.
    """
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise _not_json(error, *loc) from None


def object_of(raw: Raw | UnsetType, *loc: str | int) -> JsonText:
    """The text of an opaque part that must be a JSON object; null stands for an empty one.

    Raises:
        InvalidRequest: it is something else.
    """
    return _part(raw, _check_object, EMPTY_OBJECT, *loc)


def list_of(raw: Raw | UnsetType, *loc: str | int) -> JsonText:
    """The text of an opaque part that must be a JSON array; null stands for an empty one.

    Raises:
        InvalidRequest: it is something else.
    """
    return _part(raw, _check_list, EMPTY_LIST, *loc)


def whole(value: float | None, name: str) -> int | None:
    """A number of a body that must be whole, however it is written.

    Raises:
        InvalidRequest: it has a fraction.
    """
    if value is None or isinstance(value, int):
        return value
    if value.is_integer():
        return int(value)
    rule = "expected a whole number"
    raise InvalidRequest(f"{name}: {rule}.", errors=[FieldError(("body", name), rule)])


def given(raw: Raw | UnsetType) -> Raw | None:
    """An opaque part, or None where it is null or was left out."""
    return None if raw is UNSET or raw == NULL else raw


def _part(
    raw: Raw | UnsetType, check: Callable[[Raw], object], empty: JsonText, *loc: str | int
) -> JsonText:
    if raw is UNSET or raw == NULL:
        return empty
    try:
        # Parsed for nothing but this: what only looks like JSON (1e999, or bytes that are not
        # UTF-8) could be kept, and never be read back.
        check(raw)
        return JsonText(str(raw, "utf-8"))
    except msgspec.ValidationError as error:
        raise invalid(error, *loc) from None
    except (ValueError, RecursionError) as error:
        raise _not_json(error, *loc) from None


def _not_json(error: Exception, *loc: str | int) -> InvalidRequest:
    reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
    return InvalidRequest(
        f"The body is not acceptable JSON: {reason}.",
        errors=[FieldError(("body", *loc), reason)],
    )


def _refuse_nul(value: Any, loc: tuple[str | int, ...]) -> None:
    """No database keeps a NUL in a text. Opaque parts keep it, as the escape it came as."""
    if isinstance(value, str) and "\0" in value:
        rule = "expected text without NUL characters"
        where = ".".join(map(str, loc[1:]))
        raise InvalidRequest(f"{where}: {rule}.", errors=[FieldError(loc, rule)])
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            _refuse_nul(getattr(value, name), (*loc, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_nul(item, (*loc, index))
