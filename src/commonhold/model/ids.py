"""Identifiers: how they are made, and which ones are accepted."""

from __future__ import annotations

import re
import secrets

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import clock

MAX_ID = 128
STRICT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
# What can be a key and a path segment: agents use event keys, e-mail addresses and ARNs as ids.
# A slash, a question mark or a hash would change the path an unmodified client sends.
_KEY = re.compile(r"[^\x00-\x1f\x7f/?#\\\ud800-\udfff]{1,128}\Z")
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}\Z")


def new_id(prefix: str) -> str:
    """A fresh random id with 128 bits of entropy: `sess_<32 hex>`."""
    return f"{prefix}_{secrets.token_hex(16)}"


def new_message_id() -> str:
    """`msg_<12 hex of milliseconds>_<12 hex random>`: sortable, as agents themselves mint them."""
    return f"msg_{clock.now() // 1000:012x}_{secrets.token_hex(6)}"


def is_key(value: str) -> bool:
    """Whether `value` could name a stored record at all."""
    return _KEY.match(value) is not None and value not in (".", "..")


def check_key(value: str, field: str) -> str:
    """Return `value` if it can be a key.

    Raises:
        InvalidRequest: naming `field` and the rule.
    """
    if is_key(value):
        return value
    raise _bad(field, "1 to 128 characters, none of them a control character or one of / ? # \\")


def check_strict(value: str, field: str) -> str:
    """Return `value` if it matches `[A-Za-z0-9_-]{1,128}`, what a created id must look like.

    Raises:
        InvalidRequest: naming `field` and the rule.
    """
    if STRICT_ID.match(value):
        return value
    raise _bad(field, "1 to 128 characters out of A-Z a-z 0-9 _ -")


def check_agent(value: str, field: str = "agent") -> str:
    """Return `value` if it can name an agent.

    Raises:
        InvalidRequest: when it cannot.
    """
    if _AGENT.match(value):
        return value
    raise _bad(field, "1 to 128 characters out of A-Z a-z 0-9 . _ : @ -, no sign first")


def _bad(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} must be {rule}.", errors=[FieldError((field,), rule)])
