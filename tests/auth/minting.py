"""Tokens minted with a JWT library that the service does not use, so that no bug hides itself."""

from __future__ import annotations

import hmac
import json
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from joserfc.jws import JWSRegistry

URL = "https://sso.example/realms/fleet"
OURS = "commonhold"


@cache
def rsa(kid: str = "rsa", bits: int = 2048) -> RSAKey:
    """A key, always the same one by its name; also one that is too short, for what must fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"})


@cache
def elliptic(curve: str) -> ECKey:
    """A key on a curve."""
    return ECKey.generate_key(curve, {"kid": curve})


def public(*keys: Key, **more: Any) -> dict[str, Any]:
    """The JWKS that an issuer publishes."""
    return {"keys": [{**key.as_dict(private=False), **more} for key in keys]}


def signed(header: Mapping[str, Any], payload: bytes, key: Key) -> str:
    """A token of any header and payload, signed by the algorithm that the header names."""
    return sealed(json.dumps(header).encode(), payload, key, str(header["alg"]))


def sealed(header: bytes, payload: bytes, key: Key, algorithm: str) -> str:
    """A token of any texts whatever."""
    told = b".".join(map(segment, (header, payload)))
    signature = JWSRegistry.algorithms[algorithm].sign(told, key)
    return b".".join((told, segment(signature))).decode()


def sealed_with(secret: bytes, header: bytes, payload: bytes) -> str:
    """A token under a secret that is a public key: the library that mints the others refuses to."""
    told = b".".join(map(segment, (header, payload)))
    return b".".join((told, segment(hmac.digest(secret, told, "sha256")))).decode()


def segment(text: bytes) -> bytes:
    """A part of a token."""
    return urlsafe_b64encode(text).rstrip(b"=")


@dataclass(frozen=True, slots=True)
class Mint:
    """Mints tokens for a user `ada`; what is given replaces what is usual, and None leaves it out."""

    key: Key = field(default_factory=rsa)
    algorithm: str = "RS256"
    header: Mapping[str, Any] = field(default_factory=lambda: {"typ": "at+jwt"})
    claims: Mapping[str, Any] = field(default_factory=dict)

    def token(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """One token."""
        head = {"alg": self.algorithm, "kid": self.key.kid, **self.header, **(header or {})}
        body = self.said(**claims)
        return signed(_given(head), json.dumps(body).encode(), self.key)

    def said(self, **claims: Any) -> dict[str, Any]:
        """The claims of one token."""
        now = int(time.time())
        usual: dict[str, Any] = {
            "iss": URL,
            "sub": "ada",
            "aud": OURS,
            "client_id": "ui",
            "jti": "j1",
        }
        usual |= {"iat": now, "exp": now + 300}
        return _given({**usual, **self.claims, **claims})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


SECRET = OctKey.import_key(b"a secret that is shared by two, of 32 bytes and more", {"kid": "oct"})
