"""Names of users, as somebody else gives them to us."""

from __future__ import annotations

from commonhold.errors import FieldError, InvalidRequest

RESERVED = frozenset({"anonymous", "anon", "system", "default"})
NOBODY = "anonymous"
"""Who is not signed in: all of them together, by the name that clients know. No issuer, gateway or
agent can name a user so."""

MAX_USER = 255
_RULE = f"1 to {MAX_USER} printable characters, no comma, and none of the names {', '.join(sorted(RESERVED))}"


def asserted(header: bytes) -> str:
    """The user in `X-On-Behalf-Of`.

    Raises:
        InvalidRequest: it can name nobody.
    """
    user = named(header)
    if user is None:
        where = ("header", "X-On-Behalf-Of")
        raise InvalidRequest(f"X-On-Behalf-Of must be {_RULE}.", errors=[FieldError(where, _RULE)])
    return user


def named(header: bytes) -> str | None:
    """The user that a header names; None when it can name nobody."""
    try:
        user = header.decode().strip()
    except UnicodeDecodeError:
        return None
    is_fit = 0 < len(user) <= MAX_USER and user.isprintable() and "," not in user
    return user if is_fit and user.lower() not in RESERVED else None
