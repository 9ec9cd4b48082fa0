"""The credential in `Authorization`, whatever it is."""

from __future__ import annotations

from commonhold.auth import Headers


def bearer_of(headers: Headers) -> str | None:
    """The text after `Bearer`; None when there is none, or it is in another form."""
    scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
    token = given.strip()
    return token.decode("latin-1") if scheme.lower() == b"bearer" and token else None
