"""Tokens of issuers: verified by their profile, and remembered until they end."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from commonhold.auth.issuers import Issuer, Issuers
from commonhold.auth.jwks import KeySet
from commonhold.auth.signatures import Key, is_signed
from commonhold.auth.token_form import Opened, open_token
from commonhold.auth.token_profile import check_claims, check_header
from commonhold.errors import Unauthenticated
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros

REMEMBERED = 4096
"""Tokens that a process remembers."""

REMEMBERED_BYTES = 16 * 1024 * 1024
"""What all of them may weigh, as they were sent."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What an issuer that we trust says of a caller, now.

    `client_id` is the client that asked for the token, by `azp` or `client_id`. `act` is who acts
    for the subject, outermost first; it has a string `sub`, and its `iss`, if any, is one of our
    issuers. A token that `is_compat` was made for an agent, and came to us from somewhere.
    """

    issuer: Issuer
    subject: str
    claims: Mapping[str, Any]
    expires_at: Micros
    client_id: str | None = None
    act: Mapping[str, Any] | None = None
    is_compat: bool = False


class Verifies(Protocol):
    """What makes a verified token of a text."""

    async def verify(self, token: str) -> VerifiedToken:
        """What a token says.

        Raises:
            Unauthenticated: it is not good, and why.
            Unavailable: the keys of its issuer are not known yet.
        """


@dataclass(slots=True)
class _Known:
    """A token that was found good, the key that signed it, and how long it is."""

    token: VerifiedToken
    key: Key
    size: int


class Verifier:
    """`Verifies` by the keys of each issuer, which `keys` has by its alias."""

    def __init__(
        self, issuers: Issuers, keys: Mapping[str, KeySet], now: Clock = clock.now
    ) -> None:
        self._issuers = issuers
        self._keys = keys
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._bytes = 0

    async def verify(self, token: str) -> VerifiedToken:
        mark = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._known.get(mark)
        if known is not None:
            if self._is_good(known):
                self._known.move_to_end(mark)
                return known.token
            self._forget(mark)
        found = await self._verify(token)
        self._remember(mark, found)
        return found.token

    def _is_good(self, known: _Known) -> bool:
        """Whether it would still be found good: neither it nor its key has ended."""
        keys = self._keys[known.token.issuer.alias]
        return self._now() < known.token.expires_at and keys.peek(known.key.kid) == known.key

    async def _verify(self, text: str) -> _Known:
        opened = open_token(text)
        issuer = self._issuers.find(opened.claims)
        if issuer is None:
            raise Unauthenticated("The token is of an issuer (`iss`) that is not known here.")
        algorithm, kid = check_header(opened.header, issuer)
        key = await self._keys[issuer.alias].find(kid)
        if algorithm not in key.algorithms or not is_signed(text, key, algorithm):
            raise Unauthenticated("The signature of the token is not good.")
        return _Known(self._checked(opened, issuer), key, len(text))

    def _checked(self, opened: Opened, issuer: Issuer) -> VerifiedToken:
        facts = check_claims(opened.claims, issuer, self._now())
        if facts.act is not None:
            self._check_actor(facts.act)
        return VerifiedToken(
            issuer=issuer,
            subject=facts.subject,
            claims=opened.claims,
            expires_at=facts.expires_at,
            client_id=facts.client_id,
            act=facts.act,
            is_compat=facts.is_compat,
        )

    def _check_actor(self, act: Mapping[str, Any]) -> None:
        named = act.get("iss")
        if named is not None and not (isinstance(named, str) and self._issuers.has(named)):
            raise Unauthenticated("The token names an actor of an issuer that is not known here.")

    def _remember(self, mark: bytes, known: _Known) -> None:
        if self._now() >= known.token.expires_at:
            return  # within the leeway: looked at each time
        self._forget(mark)
        self._known[mark] = known
        self._bytes += known.size
        while len(self._known) > REMEMBERED or self._bytes > REMEMBERED_BYTES:
            self._bytes -= self._known.popitem(last=False)[1].size

    def _forget(self, mark: bytes) -> None:
        known = self._known.pop(mark, None)
        if known is not None:
            self._bytes -= known.size
