"""Public keys of issuers, and what they have signed. The only module that knows the JWT library."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.api_jws import PyJWS

from commonhold.auth.issuers import ALGORITHMS
from commonhold.auth.token_form import read_object

MAX_KEYS = 50
"""Keys of one issuer; with more of them, none is taken."""

MAX_KID = 255
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_EC = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
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


def read_keys(body: bytes, uses: Collection[str] = ("sig",)) -> Mapping[str, Key]:
    """The keys of a JWKS that may sign tokens, by their ids; others in it are left out.

    Raises:
        ValueError: there is none, or it is no JWKS.
    """
    found = read_object(body).get("keys")
    if not isinstance(found, list):
        raise ValueError("it has no list of keys")  # noqa: TRY004  (of the text, not of an argument)
    if len(found) > MAX_KEYS:
        raise ValueError(f"it has more than {MAX_KEYS} keys")
    keys: dict[str, Key] = {}
    for key in _usable(found, uses):
        keys.setdefault(key.kid, key)
    if not keys:
        raise ValueError("it has no key that may sign a token")
    return keys


def _usable(found: Sequence[object], uses: Collection[str]) -> Iterator[Key]:
    for each in found:
        if isinstance(each, dict) and each.get("use") in (None, *uses):
            key = _key(each)
            if key is not None:
                yield key


def _key(jwk: Mapping[str, Any]) -> Key | None:
    """The key of a JWK, out of its public members; None for one that must not be used."""
    kid, named = jwk.get("kid"), jwk.get("alg")
    algorithms = _algorithms(jwk)
    if isinstance(named, str):
        algorithms &= {named}
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID or not algorithms:
        return None
    public = {name: jwk.get(name) for name in _PUBLIC[jwk["kty"]]}
    try:
        material = jwt.PyJWK.from_dict(public, algorithm=min(algorithms))
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if jwk["kty"] == "RSA" and not LEAST_RSA_BITS <= material.key.key_size <= MOST_RSA_BITS:
        return None
    return Key(kid, algorithms, json.dumps(public, sort_keys=True), material)


def _algorithms(jwk: Mapping[str, Any]) -> frozenset[str]:
    if jwk.get("kty") == "RSA":
        return _RSA
    curve = jwk.get("crv")
    is_known = jwk.get("kty") == "EC" and isinstance(curve, str) and curve in _EC
    return frozenset({_EC[str(curve)]}) if is_known else frozenset()
