"""Who may vouch for callers: the issuers of tokens, all of them from configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, get_args
from urllib.parse import urlsplit

from commonhold.auth.presets import USER
from commonhold.model.tenant import can_be_tenant

IssuerKind = Literal["keycloak", "rfc9068", "kubernetes", "spiffe", "plain"]
"""What the tokens of an issuer look like: what they must say, and under which type."""

KINDS: tuple[IssuerKind, ...] = get_args(IssuerKind)

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
)
"""Every signature that may be allowed; all of them are, unless an issuer says fewer."""

WORKLOADS: frozenset[IssuerKind] = frozenset({"kubernetes", "spiffe"})
"""Kinds whose tokens are never those of a person."""

MAX_LIFETIME_S = 86_400
LONGEST_LIFETIME_S = 30 * 86_400

Role = Literal["operator", "viewer", "platform-admin"]
ROLES: tuple[Role, ...] = get_args(Role)

TOKEN_REVIEWS = "https://kubernetes.default.svc/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105
"""Where an API server is asked about tokens, as the pods of its cluster reach it."""

SERVICE_ACCOUNT = "system:serviceaccount:"
"""How the name of a service account begins; its namespace follows."""

_ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of tokens, and what its tokens are good for.

    `alias` is its short name here, and `issuer` the exact `iss` of its tokens. One of `audiences`
    must be in `aud`; one of `compat_audiences` instead is that of an agent, to which the token was
    given. Keys come from `jwks_url` or `jwks_file`; with neither, from where its discovery document
    says. `ca_file` is whom to trust there, and `token_file` has what to show there. A claim is named
    by the path to it. `namespace_tenants` are tenants by the namespaces of a cluster, whose API server
    is asked about each token with `token_review`. `user_prefix` stands before the names of its users; `roles` are names of
    roles, by what they make of a user. With `require_scopes` a user may do what the token's scope
    says, by the names in `scopes`.

    Raises:
        ValueError: saying what it cannot be, and what is allowed.
    """

    alias: str
    issuer: str
    audiences: tuple[str, ...]
    kind: IssuerKind = "rfc9068"
    jwks_url: str = ""
    jwks_file: str = ""
    ca_file: str = ""
    token_file: str = ""
    algorithms: tuple[str, ...] = ALGORITHMS
    compat_audiences: tuple[str, ...] = ()
    tenant: str = ""
    tenant_claim: tuple[str, ...] = ()
    namespace_tenants: Mapping[str, str] = field(default_factory=dict)
    token_review: bool = False
    token_review_url: str = ""
    role_claim: tuple[str, ...] = ()
    roles: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    require_scopes: bool = False
    scopes: Mapping[str, str] = field(default_factory=dict)
    max_lifetime_s: int = MAX_LIFETIME_S
    trust_domains: tuple[str, ...] = ()
    user_prefix: str | None = None

    def __post_init__(self) -> None:
        _check_names(self)
        _check_keys(self)
        _check_tenants(self)
        _check_review(self)
        _check_rights(self)

    @property
    def has_people(self) -> bool:
        """Whether a token of it may be that of a user."""
        return self.kind not in WORKLOADS

    @property
    def discovery_url(self) -> str:
        """Where an issuer says where its keys are."""
        return self.issuer.rstrip("/") + "/.well-known/openid-configuration"

    @property
    def review_url(self) -> str:
        """Where the API server of a cluster is asked about a token."""
        return self.token_review_url or TOKEN_REVIEWS

    def tenant_of(self, subject: str) -> str:
        """The tenant that is configured for a subject; empty when none is, or a claim has to say it."""
        return self.tenant or self.namespace_tenants.get(namespace_of(subject), "")


class Issuers:
    """The issuers of a service, found by what a token says of itself.

    Raises:
        ValueError: two of them cannot be told apart.
    """

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._all = tuple(issuers)
        _check_together(self._all)
        self._by_url = {each.issuer: each for each in self._all}
        self._by_domain = {name: each for each in self._all for name in each.trust_domains}

    def __iter__(self) -> Iterator[Issuer]:
        return iter(self._all)

    def find(self, claims: Mapping[str, object]) -> Issuer | None:
        """The issuer that these claims, still unproven, name; None for one that is not ours.

        A JWT-SVID need not have an `iss`: its trust domain says whose it is.
        """
        named = claims.get("iss")
        if named is not None:
            return self._by_url.get(named) if isinstance(named, str) else None
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.startswith("spiffe://"):
            return None
        return self._by_domain.get(subject.removeprefix("spiffe://").partition("/")[0])

    def named(self, alias: str) -> Issuer | None:
        """The issuer of that alias, if there is one."""
        return next((each for each in self._all if each.alias == alias), None)

    def has(self, url: str) -> bool:
        """Whether there is an issuer of that `iss`."""
        return url in self._by_url

    def is_ambiguous(self, issuer: Issuer, user: str) -> bool:
        """Whether a user's name would read like one of another issuer."""
        others = (each.user_prefix for each in self._all if each.alias != issuer.alias)
        return any(prefix and user.startswith(prefix) for prefix in others)


def namespace_of(subject: str) -> str:
    """The namespace of a service account; empty for anybody else."""
    if not subject.startswith(SERVICE_ACCOUNT):
        return ""
    return subject.removeprefix(SERVICE_ACCOUNT).partition(":")[0]


def is_safe_url(url: str) -> bool:
    """Whether keys may be fetched from there: over https, or from this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    has_login = "@" in parts.netloc
    is_plain = not has_login and not parts.fragment and bool(host) and url.isprintable()
    return is_plain and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host)))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_names(issuer: Issuer) -> None:
    if not _ALIAS.fullmatch(issuer.alias):
        raise ValueError("`alias` must be 1 to 32 of a-z, 0-9 and -, such as `keycloak`.")
    if not issuer.issuer or not issuer.issuer.isprintable():
        raise ValueError("`issuer` must be the exact `iss` of its tokens.")
    if not issuer.audiences or "" in issuer.audiences + issuer.compat_audiences:
        raise ValueError("`audiences` must name what tokens for this service have in `aud`.")
    if set(issuer.audiences) & set(issuer.compat_audiences):
        raise ValueError("`compat_audiences` must be others than `audiences`.")
    if (issuer.kind == "spiffe") != bool(issuer.trust_domains):
        raise ValueError("`trust_domains` must be set for kind `spiffe`, and for no other.")
    if not all(_TRUST_DOMAIN.fullmatch(each) for each in issuer.trust_domains):
        raise ValueError("`trust_domains` must be names such as `example.org`, without spiffe://.")


def _check_keys(issuer: Issuer) -> None:
    if issuer.jwks_url and issuer.jwks_file:
        raise ValueError("one of `jwks_url` and `jwks_file` says where the keys are, not both.")
    url = issuer.jwks_url or ("" if issuer.jwks_file else issuer.discovery_url)
    if url and not is_safe_url(url):
        told = "`jwks_url`" if issuer.jwks_url else "`issuer`, unless there is a `jwks_url`,"
        raise ValueError(f"{told} must be an https URL; http is for a loopback address only.")
    odd = [each for each in issuer.algorithms if each not in ALGORITHMS]
    if odd or not issuer.algorithms:
        raise ValueError(f"`algorithms` must be some of {', '.join(ALGORITHMS)}.")
    if not 60 <= issuer.max_lifetime_s <= LONGEST_LIFETIME_S:
        raise ValueError(f"`max_lifetime_s` must be from 60 to {LONGEST_LIFETIME_S}.")


def _check_tenants(issuer: Issuer) -> None:
    by_namespace = issuer.namespace_tenants
    if sum(map(bool, (issuer.tenant, issuer.tenant_claim, by_namespace))) > 1:
        raise ValueError(
            "one of `tenant`, `tenant_claim` and `namespace_tenants` says whose its callers are, and"
            " no other of them."
        )
    if issuer.tenant and not can_be_tenant(issuer.tenant):
        raise ValueError("`tenant` must be 1 to 63 of a-z, 0-9 and -, such as `acme`.")
    if by_namespace and issuer.kind != "kubernetes":
        raise ValueError("`namespace_tenants` is for kind `kubernetes`, and for no other.")
    if not all(map(_NAMESPACE.fullmatch, by_namespace)):
        raise ValueError("`namespace_tenants` must have names of namespaces, such as `team-a`.")
    if not all(map(can_be_tenant, by_namespace.values())):
        raise ValueError(
            "`namespace_tenants` must name a tenant for each, 1 to 63 of a-z, 0-9 and -, such as"
            " `acme`."
        )


def _check_review(issuer: Issuer) -> None:
    if issuer.token_review and issuer.kind != "kubernetes":
        raise ValueError("`token_review` is for kind `kubernetes`, and for no other.")
    if issuer.token_review_url and not issuer.token_review:
        raise ValueError("`token_review_url` is for `token_review = true`.")
    if issuer.token_review and not issuer.token_file:
        raise ValueError(
            "`token_review` needs a `token_file`: an API server answers only whom it knows."
        )
    if issuer.token_review and not is_safe_url(issuer.review_url):
        raise ValueError(
            "`token_review_url` must be an https URL; http is for a loopback address only."
        )


def _check_rights(issuer: Issuer) -> None:
    if bool(issuer.role_claim) != bool(issuer.roles):
        raise ValueError("`role_claim` and `roles` belong together: where, and which.")
    odd = sorted(set(issuer.scopes) - USER)
    if odd or bool(issuer.scopes) > issuer.require_scopes:
        told = "`scopes` is for `require_scopes = true`, and names what tokens have for"
        raise ValueError(f"{told} {', '.join(sorted(USER))}.")
    of_users = issuer.role_claim or issuer.compat_audiences or issuer.user_prefix is not None
    if not issuer.has_people and of_users:
        raise ValueError(
            f"kind `{issuer.kind}` has no users: no `role_claim`, no `compat_audiences` and no"
            " `user_prefix`."
        )
    if issuer.user_prefix and not re.fullmatch(r"[A-Za-z0-9._:-]{1,32}\|", issuer.user_prefix):
        raise ValueError(
            "`user_prefix` must be empty, or a word that ends with |, such as `acme|`."
        )


def _check_together(issuers: Sequence[Issuer]) -> None:
    if not issuers:
        raise ValueError("there must be one issuer at least.")
    for name in ("alias", "issuer"):
        _check_distinct(f"`{name}`", [getattr(each, name) for each in issuers])
    _check_distinct("trust domain", [name for each in issuers for name in each.trust_domains])
    people = [each for each in issuers if each.has_people]
    if len(people) < 2:
        return
    if any(each.user_prefix is None for each in people):
        raise ValueError(
            "with several issuers that have users, each must say its `user_prefix`, so that"
            " nobody is taken for another of the same name; one of them may be empty."
        )
    _check_distinct("`user_prefix`", [each.user_prefix or "" for each in people])


def _check_distinct(what: str, names: Sequence[str]) -> None:
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ValueError(f"two issuers have the same {what}: {', '.join(map(repr, twice))}.")
