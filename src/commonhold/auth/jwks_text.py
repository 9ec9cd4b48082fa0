"""A JWKS as it is written down: which of its keys may sign tokens. None of them is made use of yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from commonhold.auth.issuers import IssuerKind
from commonhold.auth.token_form import read_object

MAX_KEYS = 50
"""Keys of one issuer; with more of them, none is taken."""

MAX_KID = 255

NO_KEY = "it has no key that may sign a token"

_SIGNING = ("sig",)
_USES: Mapping[IssuerKind, Collection[str]] = {"spiffe": ("sig", "jwt-svid")}
"""What keys may be for, by the kind of issuer; a bundle of SPIFFE has a word of its own."""

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_EC = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


def read_jwks(body: bytes, kind: IssuerKind = "rfc9068") -> Sequence[Mapping[str, Any]]:
    """The keys of a JWKS that may sign tokens of such an issuer; others in it are left out.

    Raises:
        ValueError: there is none, or it is no JWKS.
    """
    found = read_object(body).get("keys")
    if not isinstance(found, list):
        raise ValueError("it has no list of keys")  # noqa: TRY004  (of the text, not of an argument)
    if len(found) > MAX_KEYS:
        raise ValueError(f"it has more than {MAX_KEYS} keys")
    uses = (None, *_USES.get(kind, _SIGNING))
    usable = [
        each
        for each in found
        if isinstance(each, dict) and each.get("use") in uses and _can_sign(each)
    ]
    if not usable:
        raise ValueError(NO_KEY)
    return usable


def algorithms_of(jwk: Mapping[str, Any]) -> frozenset[str]:
    """The algorithms that a key may be used with: those of its kind, or the one that it names."""
    named = jwk.get("alg")
    algorithms = _algorithms_of_kind(jwk)
    return algorithms & {named} if isinstance(named, str) else algorithms


def _can_sign(jwk: Mapping[str, Any]) -> bool:
    kid = jwk.get("kid")
    return isinstance(kid, str) and 0 < len(kid) <= MAX_KID and bool(algorithms_of(jwk))


def _algorithms_of_kind(jwk: Mapping[str, Any]) -> frozenset[str]:
    if jwk.get("kty") == "RSA":
        return _RSA
    curve = jwk.get("crv")
    is_known = jwk.get("kty") == "EC" and isinstance(curve, str) and curve in _EC
    return frozenset({_EC[str(curve)]}) if is_known else frozenset()
