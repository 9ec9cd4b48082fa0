"""Mode `oidc`: a token of an issuer that is configured says who is asking."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from commonhold.auth import Headers
from commonhold.auth.bearer import bearer_of
from commonhold.auth.issuers import Issuer, IssuerKind, Issuers, Role
from commonhold.auth.presets import RIGHTS, USER, Rights
from commonhold.auth.principal import Method, Principal, Scopes
from commonhold.auth.tokens import VerifiedToken, Verifies
from commonhold.errors import (
    Forbidden,
    TenantConflict,
    TenantRequired,
    TenantUnknown,
    Unauthenticated,
)
from commonhold.model.tenant import SINGLE, can_be_tenant

Resolve = Callable[[VerifiedToken], Awaitable[Principal]]
"""From a token that is good to whom it stands for. Raises `Forbidden` when that is nobody here."""

NEEDED = "This service needs a token: send it as `Authorization: Bearer ...`."

_COMPAT = USER - {"sessions:delete", "feedback:delete"}
_FIRST: tuple[Role, ...] = ("operator", "platform-admin", "viewer")
"""Who has several roles has the first of these."""

_METHODS: Mapping[IssuerKind, Method] = {"kubernetes": "k8s", "spiffe": "spiffe"}


class OidcAuthenticator:
    """The `Authenticator` of this mode; `resolve` says whom a token stands for."""

    def __init__(self, verifier: Verifies, resolve: Resolve) -> None:
        self._verifier = verifier
        self._resolve = resolve

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """Who sent these headers.

        Raises:
            Unauthenticated: there is no token, or it is not good.
            Forbidden: it stands for nobody here, or for another than the path names.
            Unavailable: the keys of its issuer are not known yet.
        """
        text = bearer_of(headers)
        if text is None:
            raise Unauthenticated(NEEDED)
        caller = await self._resolve(await self._verifier.verify(text))
        if agent is not None and agent != caller.agent:
            whose = f"agent {caller.agent}" if caller.agent else "no agent"
            raise Forbidden(f"The path names agent {agent}, and this token is that of {whose}.")
        return caller


def users_of(issuers: Issuers) -> Resolve:
    """Takes every token for that of a user, but those of workloads, which no agent is known by."""

    async def resolve(token: VerifiedToken) -> Principal:
        if not token.issuer.has_people:
            raise Forbidden(f"No agent is known by {token.subject} (unknown_agent).")
        return as_user(token, issuers)

    return resolve


def as_user(token: VerifiedToken, issuers: Issuers) -> Principal:
    """The user that a token stands for, with the role that it gives.

    Raises:
        Unauthenticated: the name would be another user's.
        Forbidden: the token is of no tenant, or of several.
    """
    user = user_name(token, issuers)
    rights = _rights(token)
    subject = f"user:{token.issuer.alias}|{token.subject}"
    return Principal(
        tenant=tenant_of(token),
        subject=subject,
        actor=subject,
        kind=rights.kind,
        user=user,
        scopes=rights.scopes,
        delegation="asserted" if token.is_compat else "self",
        method=method_of(token.issuer),
        credential_id=credential_id(token),
    )


def user_name(token: VerifiedToken, issuers: Issuers) -> str:
    """The name of a user on rows: that of the issuer, behind its `user_prefix`.

    Raises:
        Unauthenticated: it reads like one of another issuer.
    """
    name = (token.issuer.user_prefix or "") + token.subject
    if issuers.is_ambiguous(token.issuer, name):
        raise Unauthenticated("`sub` of the token begins like the users of another issuer.")
    return name


def tenant_of(token: VerifiedToken) -> str:
    """The tenant that a token says, or that its issuer is for.

    Raises:
        Forbidden: it says none, or several.
    """
    return named_tenant(token) or SINGLE


def named_tenant(token: VerifiedToken) -> str:
    """The tenant that a token says, or that is configured for it; empty when nothing has to say one.

    Raises:
        Forbidden: a claim has to, and says none, or several.
    """
    issuer = token.issuer
    if not issuer.tenant_claim:
        return issuer.tenant_of(token.subject)
    where = ".".join(issuer.tenant_claim)
    named = _texts(claim_at(token.claims, issuer.tenant_claim))
    if len(named) > 1:
        raise TenantConflict(f"The token names several tenants ({where}); it must name one.")
    if not named or not named[0]:
        raise TenantRequired(f"The token names no tenant ({where}).")
    if not can_be_tenant(named[0]):
        raise TenantUnknown(f"The token names no tenant ({where}) in a-z, 0-9 and -.")
    return named[0]


def method_of(issuer: Issuer) -> Method:
    """How a token of that issuer proves who is there."""
    return _METHODS.get(issuer.kind, "oidc")


def credential_id(token: VerifiedToken) -> str:
    """What the log calls a token: a digest of its id, and empty when it has none."""
    jti = token.claims.get("jti")
    told = f"{token.issuer.alias}|{jti}".encode(errors="replace")
    return f"jti:{hashlib.sha256(told).hexdigest()[:16]}" if isinstance(jti, str) else ""


def claim_at(claims: Mapping[str, Any], path: Sequence[str]) -> object:
    """The value at a path of claims; None when there is none."""
    found: object = claims
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(value: object) -> list[str]:
    """The texts that a claim holds: itself, its items, or its names, as organisations have them."""
    if isinstance(value, str):
        return [value]
    items = value if isinstance(value, list | Mapping) else ()
    return [each for each in items if isinstance(each, str)]


def _rights(token: VerifiedToken) -> Rights:
    role = None if token.is_compat else _role(token)
    if role is not None:
        return RIGHTS[role]
    return Rights("user", scopes_of_user(token))


def scopes_of_user(token: VerifiedToken) -> Scopes:
    """What the user of a token may do, whatever role the user has."""
    return _granted(token, _COMPAT if token.is_compat else USER)


def _role(token: VerifiedToken) -> Role | None:
    issuer = token.issuer
    held = set(_texts(claim_at(token.claims, issuer.role_claim))) if issuer.role_claim else set()
    return next((role for role in _FIRST if held & set(issuer.roles.get(role, ()))), None)


def _granted(token: VerifiedToken, scopes: Scopes) -> Scopes:
    """Of these scopes, those that the token has, where its issuer asks for them."""
    issuer = token.issuer
    if not issuer.require_scopes:
        return scopes
    told = token.claims.get("scope", token.claims.get("scp"))
    named = set(told.split()) if isinstance(told, str) else set(_texts(told))
    return frozenset(each for each in scopes if issuer.scopes.get(each, each) in named)
