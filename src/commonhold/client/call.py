"""One request to a service, as a value, and what the parts of one are made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from commonhold.errors import InvalidRequest
from commonhold.model.clock import EARLIEST, LATEST, Micros, to_rfc3339
from commonhold.model.feedback import FeedbackQuery
from commonhold.model.page import check_window, decode_cursor
from commonhold.model.session import SessionQuery
from commonhold.model.trace import TraceQuery

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `target` is its path below the service's URL, and its query, percent-encoded.

    `idempotent` says that it may be sent again when nobody knows whether it was carried out,
    `patience_s` how many seconds longer than usual the answer may take.
    """

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = True
    patience_s: float = 0.0


def path_of(collection: str, key: str, *rest: str) -> str:
    """A path, its key percent-encoded."""
    return "/".join((collection, quote(key, safe=""), *rest))


def target(path: str, /, **params: str | int | None) -> str:
    """A path with those of its parameters that are given.

    Raises:
        InvalidRequest: one has no UTF-8 form.
    """
    chosen = given(params)
    try:
        return f"{path}?{urlencode(chosen)}" if chosen else path
    except UnicodeError:
        raise InvalidRequest("A filter has characters that no text can carry.") from None


def window(query: SessionQuery | TraceQuery | FeedbackQuery) -> dict[str, str | int | None]:
    """What part of a list is asked for."""
    check_window(query.limit, query.offset)
    if query.cursor:
        decode_cursor(query.cursor)
    return {"limit": query.limit, "cursor": query.cursor or None, "offset": query.offset or None}


def time(at: Micros | None) -> str | None:
    """A time, moved into what can be written."""
    return None if at is None else to_rfc3339(max(EARLIEST, min(at, LATEST)))


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is None."""
    return {name: value for name, value in values.items() if value is not None}


def body_of(body: Mapping[str, Any]) -> bytes:
    """A body.

    Raises:
        InvalidRequest: it has no JSON form.
    """
    try:
        return _encode(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"This value has no JSON form: {error}.") from None
