"""Mode `gateway`: who is asking is said by a gateway, whose address is known."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from commonhold.auth import Authenticator, Headers
from commonhold.auth.peer import (
    AGENT_AUTHORIZATION,
    AUTH_MODE,
    AUTH_SUBJECT,
    AUTHORIZATION,
    GATEWAY_SECRET,
    OF_A_GATEWAY,
    ON_BEHALF_OF,
    TENANT_ID,
    Address,
    peer_of,
    without,
)
from commonhold.auth.presets import ANONYMOUS, USER
from commonhold.auth.principal import Principal
from commonhold.auth.users import NOBODY, named
from commonhold.errors import (
    Forbidden,
    IdentityConflict,
    TenantConflict,
    TenantUnknown,
    Unauthenticated,
)
from commonhold.model.tenant import can_be_tenant

Network = IPv4Network | IPv6Network

ACTOR = "svc:gateway"
ALIAS = "gw"
"""What stands for an issuer in the names of the users of a gateway."""

NEEDED = "This service is reached through its gateway: only that says who is asking."
UNTRUSTED = (
    "This request does not come from a gateway that this service knows, so that its X-Auth headers"
    " say nothing. COMMONHOLD_GATEWAY_CIDRS names the gateways, and COMMONHOLD_GATEWAY_SECRET what"
    " they show."
)
NO_BEARER = (
    "This service takes no credential beside the word of its gateway; let the gateway remove"
    " Authorization, or set COMMONHOLD_AUTH=oidc,gateway."
)
NOT_NAMED = (
    "The gateway must name the user in X-Auth-Subject, once: up to 255 printable characters without"
    " a comma, and none of the reserved names."
)
NO_ANONYMOUS = (
    "Nobody is signed in at the gateway, and this service takes no anonymous callers unless"
    " COMMONHOLD_ALLOW_ANONYMOUS=true."
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Which peers are a gateway, and what is made of their word.

    One of `secrets`, if there are any, must be in X-Gateway-Secret. Where it names no tenant, its
    word is for `default_tenant`; if that is empty, for none that is let in. `user_prefix` stands before the
    names of its users, and no such name may begin with one of `taken`, which those of issuers do.
    A credential must be that of the same user, unless it is no `same_subject` that is asked for.
    """

    networks: tuple[Network, ...]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    default_tenant: str = "default"
    user_prefix: str = ""
    allows_anonymous: bool = False
    same_subject: bool = True
    taken: tuple[str, ...] = ()

    def sent(self, headers: Headers) -> bool:
        """Whether these headers come from a gateway."""
        peer = peer_of(headers)
        if peer is None or not _is_within(peer, self.networks):
            return False
        shown = headers.get(GATEWAY_SECRET, b"")
        known = [hmac.compare_digest(each.encode(), shown) for each in self.secrets]
        return any(known) or not known

    def user(self, headers: Headers) -> str:
        """The user that it names; `NOBODY` for one who is not signed in.

        Raises:
            Unauthenticated: it names nobody, or nobody that there can be.
        """
        given = headers.get(AUTH_SUBJECT, b"").strip()
        if headers.get(AUTH_MODE, b"").strip().lower() == b"anonymous" or given == NOBODY.encode():
            if not self.allows_anonymous:
                raise Unauthenticated(NO_ANONYMOUS)
            return NOBODY
        name = named(given)
        if name is None:
            raise Unauthenticated(NOT_NAMED)
        if f"{self.user_prefix}{name}".startswith(self.taken):
            raise Unauthenticated("X-Auth-Subject begins like the users of an issuer.")
        return f"{self.user_prefix}{name}"

    def tenant(self, headers: Headers) -> str | None:
        """The tenant that it names, if it does.

        Raises:
            TenantUnknown: none can be called that.
        """
        given = headers.get(TENANT_ID)
        if given is None:
            return None
        name = given.decode("latin-1")
        if not can_be_tenant(name):
            raise TenantUnknown("X-Tenant-ID must be one tenant, 1 to 63 of a-z, 0-9 and -.")
        return name


class BehindGateway:
    """The `Authenticator` of this mode, beside that of others, `direct`, if there are any."""

    def __init__(self, gateway: Gateway, direct: Authenticator | None) -> None:
        self._gateway = gateway
        self._direct = direct

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """Who sent these headers.

        Raises:
            Unauthenticated: nobody says so whom this service believes.
            Forbidden: it may not, or is of another tenant.
            Unavailable: a credential cannot be looked at now.
        """
        if not self._gateway.sent(headers):
            return await self._from_outside(headers, agent, may_be_stale=may_be_stale)
        if AUTHORIZATION not in headers:
            return self._named(headers, agent)
        if self._direct is None:
            raise Unauthenticated(NO_BEARER)
        # What its own caller sent comes through the gateway too, and says nothing.
        told = without(headers, AGENT_AUTHORIZATION, ON_BEHALF_OF)
        caller = await self._direct(told, agent, may_be_stale=may_be_stale)
        self._check_same(caller, headers)
        return caller

    async def _from_outside(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool
    ) -> Principal:
        if self._direct is not None and AUTHORIZATION in headers:
            return await self._direct(headers, agent, may_be_stale=may_be_stale)
        raise Unauthenticated(NEEDED if OF_A_GATEWAY.isdisjoint(headers) else UNTRUSTED)

    def _named(self, headers: Headers, agent: str | None) -> Principal:
        user = self._gateway.user(headers)
        tenant = self._gateway.tenant(headers) or self._gateway.default_tenant
        if agent is not None:
            raise Forbidden(f"The path names agent {agent}, and the gateway speaks for a user.")
        if user == NOBODY:
            return Principal(
                tenant=tenant,
                subject="anon",
                actor=ACTOR,
                kind="anonymous",
                user=user,
                scopes=ANONYMOUS,
                method="gateway",
            )
        return Principal(
            tenant=tenant,
            subject=f"user:{ALIAS}|{user}",
            actor=ACTOR,
            kind="user",
            user=user,
            scopes=USER,
            delegation="verified",
            method="gateway",
        )

    def _check_same(self, caller: Principal, headers: Headers) -> None:
        """See that the credential and the gateway speak of the same.

        Raises:
            IdentityConflict: they speak of different users.
            TenantConflict: they speak of different tenants.
        """
        tenant = self._gateway.tenant(headers)
        if tenant not in (None, caller.tenant):
            raise TenantConflict
        given = headers.get(AUTH_SUBJECT)
        if given is None or not self._gateway.same_subject:
            return
        subject = caller.subject.partition("|")[2]
        if not subject or subject.encode() != given.strip():
            raise IdentityConflict(
                "The credential is not that of the user whom the gateway names in X-Auth-Subject."
            )


@lru_cache(maxsize=1024)
def _is_within(peer: Address, networks: Sequence[Network]) -> bool:
    return any(peer in each for each in networks)
