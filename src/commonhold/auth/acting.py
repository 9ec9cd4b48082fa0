"""Which agent acts, and for whom: what tokens say of it, alone or beside the proof of the agent.

Of an agent and a user, both have to be proven; then what is written is marked `verified`, and the
caller may do what the agent may and the user would not be kept from. A role of the user is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from commonhold.auth import Authenticator, Headers
from commonhold.auth.bearer import bearer_of
from commonhold.auth.believed import Believed
from commonhold.auth.issuers import Issuer, Issuers
from commonhold.auth.oidc import (
    as_user,
    credential_id,
    method_of,
    named_tenant,
    scopes_of_user,
    tenant_of,
    user_name,
)
from commonhold.auth.peer import AGENT_AUTHORIZATION, AUTHORIZATION, ON_BEHALF_OF, without
from commonhold.auth.presets import ASSERT, RIGHTS, USER
from commonhold.auth.principal import Principal
from commonhold.auth.roster import TTL_US, Roster, admitted
from commonhold.auth.tenants import settle
from commonhold.auth.token_form import looks_like_a_token
from commonhold.auth.tokens import VerifiedToken, Verifies
from commonhold.errors import (
    AgentProofNeeded,
    Forbidden,
    IdentityConflict,
    InvalidRequest,
    TenantConflict,
    Unauthenticated,
    UnknownAgent,
)
from commonhold.model import clock
from commonhold.model.clock import Clock
from commonhold.model.registry import BindingKind, Identity, Registered

NOT_AN_AGENT = (
    "X-Agent-Authorization must be the credential of an agent by itself: its key, or a token of its"
    " own."
)
NOT_A_USER = (
    "With X-Agent-Authorization, Authorization must be the token of the user for whom the agent"
    " acts."
)

LENT = (
    "The token is an agent's own, and for somebody else (`aud`). Only a user's may be sent on by the"
    " agent that it was made for."
)

NO_WORD = (
    "Only a key of preset agent-obo may name a user in X-On-Behalf-Of; an agent with a token shows"
    " the user's token, and its own as X-Agent-Authorization."
)


class Tokens:
    """Says whom a token stands for: a user, an agent, or an agent for a user.

    With `needs_proof`, a user's token that was made for an agent is not enough by itself.
    """

    def __init__(
        self,
        issuers: Issuers,
        roster: Roster,
        *,
        needs_proof: bool = False,
        now: Clock = clock.now,
    ) -> None:
        self._issuers = issuers
        self._roster = roster
        self._needs_proof = needs_proof
        self._now = now
        # By the token's number. The token is kept with it, so that the number stays its own.
        self._resolved = Believed[int, tuple[VerifiedToken, Principal]](TTL_US, now)

    def forget(self) -> None:
        """Look up again which agents there are: one was changed."""
        self._roster.forget()
        self._resolved.clear()

    async def resolve(self, token: VerifiedToken) -> Principal:
        """Whom it stands for.

        Raises:
            Unauthenticated: it names two agents, or a user whose name is another's, or is an
                agent's and for somebody else.
            Forbidden: it is that of nobody who may call.
        """
        known = self._resolved.get(id(token))
        if known is not None:
            return known[0][1]
        asked_at = self._now()
        caller = await self._resolve(token)
        self._resolved.keep(id(token), (token, caller), asked_at)
        return caller

    async def _resolve(self, token: VerifiedToken) -> Principal:
        agent = await self.agent_in(token)
        if token.is_compat:
            return self._lent(token)
        if is_own(token):
            return self._by_itself(token, agent)
        if agent is not None:
            return self.for_user(_agent(agent, token), token)
        return as_user(token, self._issuers)

    def _lent(self, token: VerifiedToken) -> Principal:
        """The user of a token that was made for an agent: whoever that is may have sent it on.

        So whom it names beside the user is not who sent it.
        """
        if is_own(token):
            raise Unauthenticated(LENT)
        if self._needs_proof:
            raise AgentProofNeeded
        return as_user(token, self._issuers)

    async def agent_in(self, token: VerifiedToken) -> Registered | None:
        """The agent that a token is of, or that acts in it; None if there is none.

        Raises:
            IdentityConflict: it names two.
            UnknownAgent: it names one that nobody registered.
            AgentDisabled: it is one that was stopped.
            TenantConflict: its namespace is of another tenant.
            TenantRequired: neither its namespace nor an agent is of one.
        """
        if not token.issuer.has_people:
            kind: BindingKind = "k8s_sa" if token.issuer.kind == "kubernetes" else "spiffe"
            return await self._known(kind, token.issuer, token.subject)
        asked = await self._client(token)
        if token.act is None:
            return asked
        acting = await self._actor(token, token.act)
        if asked is not None and (asked.tenant, asked.agent) != (acting.tenant, acting.agent):
            raise IdentityConflict("`act` and `azp` of the token are different agents.")
        return acting

    def for_user(self, agent: Principal, token: VerifiedToken) -> Principal:
        """An agent that acts for the user of a token.

        Raises:
            TenantConflict: they are of different tenants.
            Unauthenticated: the name of the user would be another user's.
        """
        if tenant_of(token) != agent.tenant:
            raise TenantConflict("The agent and the user are of different tenants.")
        kept_from = USER - scopes_of_user(replace(token, is_compat=False))
        return replace(
            agent,
            subject=f"user:{token.issuer.alias}|{token.subject}",
            user=user_name(token, self._issuers),
            scopes=agent.scopes - kept_from - {ASSERT},
            delegation="verified",
        )

    def _by_itself(self, token: VerifiedToken, agent: Registered | None) -> Principal:
        if agent is not None:
            return _agent(agent, token)
        if token.issuer.has_people:
            with_role = as_user(token, self._issuers)
            if with_role.kind != "user":
                return with_role
        raise UnknownAgent(f"{token.subject} of {token.issuer.alias} is no registered agent.")

    async def _client(self, token: VerifiedToken) -> Registered | None:
        """The agent whose client asked for the token, if it is that of one."""
        if not token.client_id:
            return None
        identity = _identity("oidc_client", token.issuer, token.client_id)
        found = None if identity is None else await self._roster.find(identity)
        return None if found is None else admitted(found, token.client_id)

    async def _actor(self, token: VerifiedToken, act: Mapping[str, Any]) -> Registered:
        """The agent that acts, outermost: who acted before it is of no consequence."""
        named = {"iss": act["iss"]} if "iss" in act else {"iss": token.issuer.issuer}
        issuer = self._issuers.find(named) or token.issuer
        subject = str(act["sub"])
        return await self._known(_kind_of(subject), issuer, subject)

    async def _known(self, kind: BindingKind, issuer: Issuer, subject: str) -> Registered:
        identity = _identity(kind, issuer, subject)
        found = None if identity is None else await self._roster.find(identity)
        if issuer.namespace_tenants:
            settle(found.tenant if found else None, issuer.tenant_of(subject))
        return admitted(found, f"{subject} of {issuer.alias}")


class WithProof:
    """An `Authenticator` that takes two credentials: a user's, and beside it that of an agent.

    Without the second it is `single`.
    """

    def __init__(self, single: Authenticator, verifier: Verifies, tokens: Tokens) -> None:
        self._single = single
        self._verifier = verifier
        self._tokens = tokens

    async def __call__(
        self, headers: Headers, agent: str | None, *, may_be_stale: bool = False
    ) -> Principal:
        """Who sent these headers.

        Raises:
            Unauthenticated: a credential is not good, or they speak of different agents.
            Forbidden: it may not do so, or is another than the path names.
            Unavailable: a credential cannot be looked at now.
        """
        shown = headers.get(AGENT_AUTHORIZATION)
        if shown is None:
            caller = await self._single(headers, agent, may_be_stale=may_be_stale)
            if ON_BEHALF_OF in headers and caller.kind == "agent" and caller.method != "key":
                raise Forbidden(NO_WORD)
            return caller
        acting = await self._acting(headers, shown)
        token = await self._verifier.verify(_user_token(headers))
        inside = await self._tokens.agent_in(token)
        if is_own(token):
            raise Unauthenticated(NOT_A_USER)
        if inside is not None and (inside.tenant, inside.agent) != (acting.tenant, acting.agent):
            raise IdentityConflict("The user's token is one of another agent.")
        if agent not in (None, acting.agent):
            raise Forbidden(f"The path names agent {agent}, and the caller is {acting.agent}.")
        return self._tokens.for_user(acting, token)

    async def _acting(self, headers: Headers, shown: bytes) -> Principal:
        told = {
            **without(headers, AGENT_AUTHORIZATION, ON_BEHALF_OF),
            AUTHORIZATION: shown,
        }
        acting = await self._single(told, None)
        if acting.kind != "agent" or acting.user:
            raise Unauthenticated(NOT_AN_AGENT)
        return acting


def is_own(token: VerifiedToken) -> bool:
    """Whether a token is that of a client or a workload itself, with no user behind it.

    Keycloak gives `client_id` to its service accounts only; the name alone could be chosen.
    """
    if not token.issuer.has_people:
        return True
    if token.client_id is None:
        return False
    client = token.claims.get("client_id")
    account = f"service-account-{token.client_id}".lower()
    is_account = client == token.client_id and token.claims.get("preferred_username") == account
    return token.subject == token.client_id or is_account


def _agent(agent: Registered, token: VerifiedToken) -> Principal:
    """An agent that a token is of.

    Raises:
        TenantConflict: the token is of another tenant.
    """
    if named_tenant(token) not in ("", agent.tenant):
        raise TenantConflict("The token is of another tenant than the agent.")
    actor = f"agent:{agent.agent}"
    return Principal(
        tenant=agent.tenant,
        subject=actor,
        actor=actor,
        kind="agent",
        agent=agent.agent,
        scopes=RIGHTS["agent"].scopes,
        delegation="self",
        method=method_of(token.issuer),
        credential_id=credential_id(token),
        agent_types=agent.agent_types,
    )


def _identity(kind: BindingKind, issuer: Issuer, subject: str) -> Identity | None:
    """Whom an issuer knows by that; None for what nobody can be bound by."""
    try:
        return Identity(kind, issuer.alias, subject)
    except InvalidRequest:
        return None


def _kind_of(subject: str) -> BindingKind:
    if subject.startswith("spiffe://"):
        return "spiffe"
    return "k8s_sa" if subject.startswith("system:serviceaccount:") else "oidc_client"


def _user_token(headers: Headers) -> str:
    text = bearer_of(headers)
    if text is None or not looks_like_a_token(text):
        raise Unauthenticated(NOT_A_USER)
    return text
