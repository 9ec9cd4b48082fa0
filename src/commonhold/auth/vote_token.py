"""Vote tokens: what a page carries that may give one vote, signed and not secret.

`chv1.<claims>.<seal>`: claims are a JSON array, the seal is its HMAC-SHA-256, both in base64 for
URLs. Whoever has a token can read it, and can change nothing of it.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

from commonhold.auth import Headers
from commonhold.errors import InvalidRequest, InvalidToken, TokenExpired
from commonhold.model.clock import Micros
from commonhold.model.scope import Author, Delegation, Scope
from commonhold.model.vote import VoteGrant, VoteTarget

PREFIX = "chv1."
MAX_CHARS = 4096
"""A longer token is not looked at."""

_PURPOSE = b"commonhold vote token 1"


class _Claims(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What a token says. Appending a field needs a new prefix: an old service would refuse it."""

    tenant: str
    agent: str
    user: str
    actor: str
    delegation: Delegation
    session_id: str | None
    turn_index: int | None
    message_id: str | None
    trace_id: str | None
    vote_id: str
    expires_s: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Claims).decode


def vote_token_of(head: Headers) -> str | None:
    """The vote token that a request carries as its credential; None when it has another, or none."""
    scheme, _, given = head.get(b"authorization", b"").partition(b" ")
    token = given.strip()
    is_one = scheme.lower() == b"bearer" and token.startswith(PREFIX.encode())
    return token.decode("latin-1") if is_one else None


def key_of(secret: bytes) -> bytes:
    """The key for vote tokens out of a secret, which may have other uses."""
    return hmac.digest(secret, _PURPOSE, "sha256")


def sign(grant: VoteGrant, key: bytes) -> str:
    """The token that carries a grant.

    Raises:
        InvalidRequest: its ids are too long for a token.
    """
    claims = _encode(_claims(grant))
    told = PREFIX + urlsafe_b64encode(claims).decode().rstrip("=")
    token = f"{told}.{_seal(told, key)}"
    if len(token) > MAX_CHARS:
        raise InvalidRequest(f"The ids are too long for a token of {MAX_CHARS} characters.")
    return token


def verify(token: str, keys: Sequence[bytes], now: Micros) -> VoteGrant:
    """The grant in a token that one of the keys has signed.

    Raises:
        InvalidToken: none has, or not this.
        TokenExpired: its time is over.
    """
    told, _, seal = token.rpartition(".")
    if len(token) > MAX_CHARS or not token.isascii() or not told.startswith(PREFIX):
        raise InvalidToken
    # The seal is compared as text: two texts can be one value in base64.
    if not any(hmac.compare_digest(seal, _seal(told, key)) for key in keys):
        raise InvalidToken
    grant = _grant(told.removeprefix(PREFIX))
    if grant.expires_at <= now:
        raise TokenExpired
    return grant


def _seal(told: str, key: bytes) -> str:
    return urlsafe_b64encode(hmac.digest(key, told.encode(), "sha256")).decode().rstrip("=")


def _claims(grant: VoteGrant) -> _Claims:
    author, target = grant.scope.author, grant.target
    return _Claims(
        tenant=grant.scope.tenant,
        agent=author.agent,
        user=author.user,
        actor=author.actor,
        delegation=author.delegation,
        session_id=target.session_id,
        turn_index=target.turn_index,
        message_id=target.message_id,
        trace_id=target.trace_id,
        vote_id=grant.vote_id,
        expires_s=grant.expires_s,
    )


def _grant(claims: str) -> VoteGrant:
    try:
        return _granted(_decode(urlsafe_b64decode(claims + "=" * (-len(claims) % 4))))
    except (ValueError, InvalidRequest):
        # It was signed: by a version of the service that allows other things.
        raise InvalidToken from None


def _granted(said: _Claims) -> VoteGrant:
    author = Author(said.agent, said.user, said.actor, said.delegation)
    target = VoteTarget(said.session_id, said.turn_index, said.message_id, said.trace_id)
    return VoteGrant(Scope(said.tenant, author), target, said.vote_id, said.expires_s)
