"""Public keys of issuers, and what they have signed. The only module that knows the JWT library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.api_jws import PyJWS

from commonhold.auth.issuers import ALGORITHMS, IssuerKind
from commonhold.auth.jwks_text import NO_KEY, algorithms_of, read_jwks

LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192

_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_JWS = PyJWS(algorithms=ALGORITHMS)


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the algorithms it may be used with. Two are equal when the keys are."""

    kid: str
    algorithms: frozenset[str]
    jwk: str = field(repr=False)
    material: jwt.PyJWK = field(repr=False, compare=False)


def is_signed(token: str, key: Key, algorithm: str) -> bool:
    """Whether a key has signed a token in that way."""
    try:
        _JWS.decode_complete(token, key.material.key, algorithms=[algorithm])
    except jwt.PyJWTError:
        return False
    return True


def read_keys(body: bytes, kind: IssuerKind = "rfc9068") -> Mapping[str, Key]:
    """The keys of a JWKS that may sign tokens of such an issuer, by their ids.

    Raises:
        ValueError: there is none, or it is no JWKS.
    """
    keys: dict[str, Key] = {}
    for jwk in read_jwks(body, kind):
        key = _key(jwk)
        if key is not None:
            keys.setdefault(key.kid, key)
    if not keys:
        raise ValueError(NO_KEY)
    return keys


def _key(jwk: Mapping[str, Any]) -> Key | None:
    """The key of a JWK, out of its public members; None for one that must not be used."""
    algorithms = algorithms_of(jwk)
    public = {name: jwk.get(name) for name in _PUBLIC[jwk["kty"]]}
    try:
        material = jwt.PyJWK.from_dict(public, algorithm=min(algorithms))
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if jwk["kty"] == "RSA" and not LEAST_RSA_BITS <= material.key.key_size <= MOST_RSA_BITS:
        return None
    return Key(jwk["kid"], algorithms, json.dumps(public, sort_keys=True), material)
