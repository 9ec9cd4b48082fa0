"""What a token must say, by the kind of its issuer. The signature is another matter."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from commonhold.auth.issuers import Issuer, IssuerKind, namespace_of
from commonhold.auth.jwks_text import MAX_KID
from commonhold.auth.users import MAX_USER, RESERVED
from commonhold.errors import Unauthenticated
from commonhold.model.clock import Micros

LEEWAY_S = 30
"""How far the clock of an issuer may be from ours, in seconds."""

MAX_ACTORS = 8
MAX_ACT_BYTES = 4096

_SECOND = 1_000_000
_ABSENT = ""
_JWT, _ACCESS = frozenset({"jwt"}), frozenset({"at+jwt", "application/at+jwt"})
_NO_ACCESS = frozenset({"id", "refresh", "offline", "logout", "serialized-id"})
"""Values of the claim `typ`, as Keycloak has it, of what is no access token."""

_NOT_OURS = ("at_hash", "c_hash", "events")
"""Claims of ID tokens and of logout tokens, which access tokens do not have."""

_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}")
_SPIFFE = re.compile(r"spiffe://([a-z0-9._-]+)((?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)+)")


@dataclass(frozen=True, slots=True)
class _Profile:
    """The types that the header may name, empty for none, and what must be said beside the usual."""

    types: frozenset[str]
    has_client: bool = False
    needs: tuple[str, ...] = ("iss", "sub", "aud", "exp", "iat")


_PROFILES: Mapping[IssuerKind, _Profile] = {
    "keycloak": _Profile(_JWT | _ACCESS, True, ("iss", "sub", "aud", "exp", "iat", "jti")),
    "rfc9068": _Profile(_ACCESS, True, ("iss", "sub", "aud", "exp", "iat", "jti")),
    "kubernetes": _Profile(frozenset({_ABSENT})),
    "spiffe": _Profile(frozenset({_ABSENT, "jwt", "jose"}), needs=("sub", "aud", "exp", "iat")),
    "plain": _Profile(frozenset({_ABSENT}) | _JWT | _ACCESS),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a token whose claims are as they must be."""

    subject: str
    expires_at: Micros
    client_id: str | None
    act: Mapping[str, Any] | None
    is_compat: bool


def check_header(header: Mapping[str, Any], issuer: Issuer) -> tuple[str, str]:
    """The algorithm and the id of the key. Keys and addresses of keys in a header are ignored.

    Raises:
        Unauthenticated: it is not that of a token that this issuer makes.
    """
    if "crit" in header or "b64" in header:
        raise Unauthenticated(
            "The header of the token has `crit` or `b64`, which are not used here."
        )
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", _ABSENT)
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise Unauthenticated("The token is signed with an algorithm (`alg`) that is not allowed.")
    if not isinstance(kind, str) or kind.lower() not in _PROFILES[issuer.kind].types:
        raise Unauthenticated("The token is of a type (`typ`) that is no access token here.")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise Unauthenticated("The token does not name the key that signed it (`kid`).")
    return algorithm, kid


def check_claims(claims: Mapping[str, Any], issuer: Issuer, now: Micros) -> Facts:
    """What the claims of a token say.

    Raises:
        Unauthenticated: they are not those of a token that is for us, and good now.
    """
    profile = _PROFILES[issuer.kind]
    missing = [name for name in profile.needs if claims.get(name) is None]
    if missing:
        raise Unauthenticated(f"The token lacks {', '.join(f'`{name}`' for name in missing)}.")
    _check_type(claims, issuer)
    if claims.get("cnf") is not None:
        raise Unauthenticated(
            "The token is bound to a key of its holder (`cnf`), which is not there."
        )
    expires_at = _check_times(claims, issuer, now)
    client_id = _client(claims)
    if profile.has_client and client_id is None:
        raise Unauthenticated("The token names no client (`azp` or `client_id`).")
    subject = _subject(claims["sub"], issuer)
    if issuer.kind == "kubernetes":
        _check_namespace(claims.get("kubernetes.io"), namespace_of(subject))
    return Facts(
        subject=subject,
        expires_at=expires_at,
        client_id=client_id,
        act=_actor(claims.get("act")),
        is_compat=_is_compat(claims["aud"], issuer),
    )


def _check_type(claims: Mapping[str, Any], issuer: Issuer) -> None:
    kind = claims.get("typ")
    is_refused = isinstance(kind, str) and kind.lower() in _NO_ACCESS
    is_other = issuer.kind == "keycloak" and kind != "Bearer"
    if is_refused or is_other or any(name in claims for name in _NOT_OURS):
        raise Unauthenticated("The token is no access token.")


def _check_times(claims: Mapping[str, Any], issuer: Issuer, now: Micros) -> Micros:
    """When it ends."""
    at = now / _SECOND
    expires, issued = _number(claims, "exp"), _number(claims, "iat")
    begins = _number(claims, "nbf") if "nbf" in claims else issued
    if at >= expires + LEEWAY_S:
        raise Unauthenticated("The token has expired.")
    if max(begins, issued) > at + LEEWAY_S:
        raise Unauthenticated("The token is from the future (`iat` or `nbf`).")
    if expires - issued > issuer.max_lifetime_s:
        told = (
            f"The token is good for longer than {issuer.max_lifetime_s} seconds (`max_lifetime_s`)."
        )
        raise Unauthenticated(told)
    return Micros(int(expires * _SECOND))


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Far out, an integer is too large for a float; no such time is meant.
    if not is_number or abs(value) > 1e12 or not math.isfinite(value):
        raise Unauthenticated(f"`{name}` of the token is no time.")
    return float(value)


def _is_compat(audience: object, issuer: Issuer) -> bool:
    """Whether it is for an agent that may show it to us; it may also be for ourselves."""
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise Unauthenticated("`aud` of the token is neither a text nor a list of texts.")
    if set(named) & set(issuer.audiences):
        return False
    if set(named) & set(issuer.compat_audiences):
        return True
    raise Unauthenticated("The token is for somebody else (`aud`).")


def _client(claims: Mapping[str, Any]) -> str | None:
    found = {claims[name] for name in ("azp", "client_id") if _is_text(claims.get(name))}
    if len(found) > 1:
        raise Unauthenticated("The token names two clients, as `azp` and as `client_id`.")
    return found.pop() if found else None


def _subject(subject: object, issuer: Issuer) -> str:
    if not isinstance(subject, str) or not is_subject(subject) or not _fits(subject, issuer):
        raise Unauthenticated("`sub` of the token can name nobody here.")
    return subject


def is_subject(text: str) -> bool:
    """Whether an issuer may call somebody that."""
    is_fit = 0 < len(text) <= MAX_USER and text.isprintable() and "," not in text
    return is_fit and text.strip() == text and text.lower() not in RESERVED


def _fits(subject: str, issuer: Issuer) -> bool:
    if issuer.kind == "kubernetes":
        return _SERVICE_ACCOUNT.fullmatch(subject) is not None
    if issuer.kind != "spiffe":
        return True
    match = _SPIFFE.fullmatch(subject)
    return match is not None and match[1] in issuer.trust_domains


def _check_namespace(pod: object, namespace: str) -> None:
    """See that what a cluster says of a pod, if anything, is of the namespace that `sub` names."""
    if pod is not None and not (isinstance(pod, dict) and pod.get("namespace") == namespace):
        raise Unauthenticated(
            "The token is not of one namespace: `sub` and `kubernetes.io` must name the same."
        )


def _actor(act: object) -> Mapping[str, Any] | None:
    """Who acts, outermost first: every one of them has a name."""
    if act is None:
        return None
    each, depth = act, 0
    while each is not None:
        depth += 1
        if not isinstance(each, dict) or not _is_text(each.get("sub")) or depth > MAX_ACTORS:
            raise Unauthenticated(
                f"`act` of the token must be 1 to {MAX_ACTORS} actors with a `sub`."
            )
        each = each.get("act")
    if not isinstance(act, dict) or len(json.dumps(act)) > MAX_ACT_BYTES:
        raise Unauthenticated(f"`act` of the token is longer than {MAX_ACT_BYTES} bytes.")
    return act


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
