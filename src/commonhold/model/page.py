"""Keyset pages and their opaque cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from commonhold.errors import FieldError, InvalidRequest

T = TypeVar("T")

MAX_LIMIT = 1000
DEFAULT_LIMIT = 50
MAX_OFFSET = 2**31 - 1

Key = tuple[int, str]
"""A keyset position: a time or sequence, and the id that breaks ties."""

_FAR = 2**63
_decode = msgspec.json.Decoder(Key).decode


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `cursor` continues after its last item; None when the list ends here."""

    items: tuple[T, ...]
    cursor: str | None = None


def encode_cursor(key: Key) -> str:
    """An opaque, URL-safe cursor for a keyset position."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Key:
    """The position inside a cursor.

    Raises:
        InvalidRequest: when it was not made by `encode_cursor`.
    """
    try:
        key: Key = _decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        # A forged one may be well formed, and hold what no database can compare.
        if not -_FAR <= key[0] < _FAR or "\0" in key[1]:
            raise ValueError(key)
        return key
    except (ValueError, binascii.Error):
        message = "expected the cursor of an earlier page, unchanged"
        raise InvalidRequest(
            f"cursor is not valid: {message}.", errors=[FieldError(("cursor",), message)]
        ) from None


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """A page out of up to `limit + 1` rows: the extra row only proves that there is more."""
    items = tuple(rows[:limit])
    more = len(rows) > limit
    return Page(items, encode_cursor(key(items[-1])) if more and items else None)


def check_window(limit: int, offset: int) -> None:
    """Check the size and start of a page.

    Raises:
        InvalidRequest: when `limit` is not 1 to 1000, or `offset` is negative.
    """
    if not 1 <= limit <= MAX_LIMIT:
        rule = f"from 1 to {MAX_LIMIT}"
        raise InvalidRequest(f"limit must be {rule}.", errors=[FieldError(("limit",), rule)])
    if not 0 <= offset <= MAX_OFFSET:
        rule = f"from 0 to {MAX_OFFSET}"
        raise InvalidRequest(f"offset must be {rule}.", errors=[FieldError(("offset",), rule)])
