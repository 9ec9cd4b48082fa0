"""Issuers as they are configured: what is allowed, and what is said of what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commonhold import compose
from commonhold.auth.issuers import Issuer
from commonhold.compose.oidc import OidcMode
from commonhold.settings import InvalidSettings, Settings
from tests.auth.minting import Mint, elliptic, public, rsa
from tests.auth.publisher import publisher

URL = "https://sso.example"
ONE = {"alias": "main", "issuer": URL, "audiences": ["commonhold"]}
TWO = {"alias": "other", "issuer": "https://other.example", "audiences": ["commonhold"]}

PODS = {**ONE, "kind": "kubernetes"}
REVIEWED = {"token_review": True, "token_file": "token"}

TOML = """
[[issuer]]
alias = "main"
issuer = "https://sso.example"
audiences = ["commonhold"]
role_claim = "realm_access.roles"
tenant_claim = ["https://sso.example/org"]
[issuer.roles]
operator = ["fleet-operator"]
"""


def issuers(text: str) -> list[Issuer]:
    """Issuers out of a setting."""
    return list(compose.issuers_of(Settings(oidc_issuers=text)))


def test_issuers_are_read_from_a_file_or_from_the_setting_itself(tmp_path: Path) -> None:
    """TOML or JSON; the path to a claim is written with dots, or as a list where a name has dots."""
    written, file = {"issuer": [ONE]}, tmp_path / "issuers"
    for text in (json.dumps(written), json.dumps([ONE]), json.dumps([ONE], indent=1)):
        file.write_text(text)
        assert issuers(text) == issuers(str(file)) == [Issuer("main", URL, ("commonhold",))]
    file.write_text(TOML)
    [issuer] = issuers(str(file))
    assert issuer.role_claim == ("realm_access", "roles")
    assert issuer.tenant_claim == ("https://sso.example/org",)
    assert issuer.roles == {"operator": ("fleet-operator",)}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "one issuer at least"),
        ({"issuers": [ONE]}, r"\[\[issuer\]\]"),
        ({"issuer": ONE}, "list of issuers"),
        ([{**ONE, "audience": "x"}], "issuer main has audience; allowed are .*audiences"),
        ([{"issuer": "https://x"}], "issuer number 1: .*missing"),
        ([{**ONE, "audiences": "x"}], r"audiences"),
        ([{**ONE, "audiences": []}], "`audiences` must"),
        ([{**ONE, "compat_audiences": ["commonhold"]}], "must be others"),
        ([{**ONE, "alias": "A B"}], "`alias` must"),
        ([{**ONE, "kind": "saml"}], "keycloak, rfc9068"),
        ([{**ONE, "roles": {"admin": ["x"]}}], "operator, viewer"),
        ([{**ONE, "roles": {"operator": ["x"]}}], "belong together"),
        ([{**ONE, "issuer": "http://sso.example"}], "https URL"),
        ([{**ONE, "issuer": "sso"}], "unless there is a `jwks_url`"),
        ([{**ONE, "jwks_url": "http://10.0.0.1/keys"}], "`jwks_url` must be an https URL"),
        ([{**ONE, "jwks_url": "file:///etc/keys"}], "`jwks_url` must be an https URL"),
        ([{**ONE, "jwks_url": "https://me:pass@sso.example/keys"}], "`jwks_url` must"),
        ([{**ONE, "jwks_url": "https://x/", "jwks_file": "y"}], "not both"),
        ([{**ONE, "algorithms": ["HS256"]}], "RS256, .*ES512"),
        ([{**ONE, "algorithms": []}], "`algorithms` must"),
        ([{**ONE, "max_lifetime_s": 1}], "from 60 to"),
        ([{**ONE, "tenant": "x", "tenant_claim": "y"}], "no other of them"),
        ([{**PODS, "tenant": "x", "namespace_tenants": {"a": "x"}}], "no other of them"),
        ([{**PODS, "tenant_claim": "y", "namespace_tenants": {"a": "x"}}], "no other of them"),
        (
            [{**ONE, "namespace_tenants": {"a": "x"}}],
            "`namespace_tenants` is for kind `kubernetes`",
        ),
        ([{**PODS, "namespace_tenants": {"a_b": "x"}}], "names of namespaces"),
        ([{**PODS, "namespace_tenants": {"a": "X"}}], "a tenant for each"),
        ([{**ONE, "token_review": True}], "`token_review` is for kind `kubernetes`"),
        ([{**PODS, "token_review": True}], "needs a `token_file`"),
        ([{**PODS, "token_review_url": "https://x"}], "`token_review = true`"),
        ([{**PODS, **REVIEWED, "token_review_url": "http://10.0.0.1/"}], "must be an https URL"),
        ([{**ONE, "tenant": "X"}], "`tenant` must"),
        ([{**ONE, "scopes": {"feedback:write": "x"}}], "require_scopes = true"),
        ([{**ONE, "require_scopes": True, "scopes": {"keys:manage": "x"}}], "feedback:write"),
        ([{**ONE, "trust_domains": ["x"]}], "kind `spiffe`"),
        ([{**ONE, "kind": "spiffe"}], "`trust_domains` must be set"),
        ([{**ONE, "kind": "spiffe", "trust_domains": ["spiffe://x"]}], "without spiffe://"),
        ([{**PODS, "user_prefix": ""}], "has no users"),
        ([{**PODS, "compat_audiences": ["weather"]}], "has no users"),
        ([{**ONE, "jwks_file": "/absent"}], "`jwks_file` /absent cannot be used: No such file"),
        ([{**ONE, "user_prefix": "main"}], r"ends with \|"),
        ([ONE, ONE], "same `alias`"),
        ([ONE, {**TWO, "issuer": ONE["issuer"]}], "same `issuer`"),
        ([ONE, TWO], "each must say its `user_prefix`"),
        ([{**ONE, "user_prefix": ""}, {**TWO, "user_prefix": ""}], "same `user_prefix`"),
    ],
)
def test_an_issuer_that_cannot_be_is_refused_at_start(given: Any, told: str) -> None:
    """With what is allowed."""
    settings = Settings(auth="oidc", oidc_issuers=json.dumps(given))
    with pytest.raises(InvalidSettings, match=f"COMMONHOLD_OIDC_ISSUERS: .*{told}"):
        compose.check_callers(settings)


def test_a_file_of_keys_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    """By name, before anything is served; one with keys for something else has none."""
    file = tmp_path / "bundle.json"
    settings = Settings(auth="oidc", oidc_issuers=json.dumps([{**ONE, "jwks_file": str(file)}]))
    for content, told in (
        ("", "Expecting value"),
        ("[]", "no object"),
        ("{}", "no list of keys"),
        (json.dumps(public(rsa(), use="enc")), "no key that may sign"),
        (json.dumps({"keys": [rsa("a").as_dict(private=False)] * 51}), "more than 50"),
    ):
        file.write_text(content)
        for starts in (compose.check_callers, OidcMode):
            with pytest.raises(InvalidSettings, match=f"`jwks_file` {file} cannot be used.*{told}"):
                starts(settings)
    file.write_text(json.dumps(public(rsa())))
    compose.check_callers(settings)


def test_audiences_of_agents_hold_for_every_issuer_that_has_users() -> None:
    """Beside those of its own, and none of them may be one of this service."""
    own = {**ONE, "compat_audiences": ["news"], "user_prefix": ""}
    pods = {**PODS, "alias": "pods", "issuer": "https://cluster"}
    three = json.dumps([own, {**TWO, "user_prefix": "other|"}, pods])
    environ = {
        "COMMONHOLD_OIDC_ISSUERS": three,
        "COMMONHOLD_OIDC_COMPAT_AUDIENCES": "weather, planner",
    }
    found = compose.issuers_of(Settings.load({}, environ))
    assert [each.compat_audiences for each in found] == [
        ("news", "weather", "planner"),
        ("weather", "planner"),
        (),
    ]
    for audiences, told in (
        (
            "weather,commonhold",
            "COMPAT_AUDIENCES: .*commonhold is one of this service: issuer main",
        ),
        ("weather,,planner", "COMPAT_AUDIENCES: .*weather,planner"),
    ):
        with pytest.raises(InvalidSettings, match=told):
            compose.issuers_of(
                Settings.load({}, {**environ, "COMMONHOLD_OIDC_COMPAT_AUDIENCES": audiences})
            )


def test_without_issuers_there_is_nobody_to_believe(tmp_path: Path) -> None:
    """No setting, no such file, one that is no text, and one that is no TOML."""
    file = tmp_path / "issuers.toml"
    for text, told in (("", "oidc needs it"), (str(file), "No such file")):
        with pytest.raises(InvalidSettings, match=told):
            issuers(text)
    for content, told in ((b"\xff", "not text"), (b"alias = ", "cannot be read"), (b"", "list of")):
        file.write_bytes(content)
        with pytest.raises(InvalidSettings, match=told):
            issuers(str(file))
    for certificate in ("absent", str(file)):
        settings = Settings(oidc_issuers=json.dumps([{**ONE, "ca_file": certificate}]))
        with pytest.raises(InvalidSettings, match="`ca_file`"):
            OidcMode(settings)


async def test_keys_are_in_a_file_or_behind_a_token(tmp_path: Path) -> None:
    """As a cluster has them: a bundle that somebody writes, and an address that asks who is there."""
    bundle, secret = tmp_path / "bundle.json", tmp_path / "token"
    bundle.write_text(json.dumps(public(elliptic("P-256"), use="jwt-svid")))
    secret.write_text("of-the-service\n")
    async with publisher(keys=public(rsa())) as there:
        pods = {
            "alias": "pods",
            "issuer": "https://cluster",
            "audiences": ["commonhold"],
            "kind": "kubernetes",
            "jwks_url": f"{there.url}/keys",
            "token_file": str(secret),
        }
        spiffe = {
            "alias": "spiffe",
            "issuer": "https://spire",
            "audiences": ["commonhold"],
            "kind": "spiffe",
            "jwks_file": str(bundle),
            "trust_domains": ["fleet.example"],
        }
        mode = OidcMode(Settings(oidc_issuers=json.dumps([pods, spiffe])))
        nobody = {"client_id": None, "jti": None}
        pod = Mint(header={}).token(
            iss="https://cluster", sub="system:serviceaccount:a:b", **nobody
        )
        svid = Mint(elliptic("P-256"), "ES256", {}).token(
            iss=None, sub="spiffe://fleet.example/a", **nobody
        )
        assert [(await mode.verifier.verify(each)).issuer.alias for each in (pod, svid)] == [
            "pods",
            "spiffe",
        ]
        assert "authorization: bearer of-the-service\r\n" in there.headers[0].lower()
        await mode.aclose()
