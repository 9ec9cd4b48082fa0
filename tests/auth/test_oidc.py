"""Mode `oidc` beside keys, over HTTP: whom a token stands for, and what it cannot be taken for."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from commonhold import compose
from commonhold.auth.issuers import Issuer, Role
from commonhold.compose.app import create_app
from commonhold.model.key import NewKey
from commonhold.service.keys import BOOTSTRAP, Issued
from commonhold.settings import Settings
from tests.auth.fleet import PEPPER, unique
from tests.auth.minting import Mint, public, rsa
from tests.auth.publisher import Publisher, publisher
from tests.http.conftest import over
from tests.http.problems import told
from tests.http.test_observe import lines

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARTNER, CLUSTER = "https://partner.example", "https://kubernetes.default.svc"
ROLES: dict[Role, tuple[str, ...]] = {
    "operator": ("fleet-operator",),
    "viewer": ("fleet-viewer",),
    "platform-admin": ("root",),
}


@dataclass
class Site:
    """A service, an issuer of access tokens for it, and a key of agent `a`."""

    there: Publisher
    client: httpx2.AsyncClient
    key: Issued
    mint: Mint = field(default_factory=Mint)

    async def send(
        self, credential: str, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        """A request with that credential; without one when it is empty."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if credential:
            named["authorization"] = f"Bearer {credential}"
        return await self.client.request(method, path, json=body, headers=named)

    async def votes(self, token: str) -> str:
        """The path of a vote that is given with a token."""
        answer = await self.send(token, "POST", "/v1/feedback", {"rating": 1})
        assert answer.status_code == 201, answer.text
        return f"/v1/feedback/{answer.json()['feedback_id']}"


@asynccontextmanager
async def site(there: Publisher, folder: Path, *issuers: Issuer) -> AsyncIterator[Site]:
    """A service that takes keys, and tokens of these issuers."""
    settings = Settings(
        database=f"sqlite:///{folder / 'oidc.db'}",
        auth="keys,oidc",
        pepper=(PEPPER,),
        oidc_issuers=json.dumps([asdict(each) for each in issuers]),
    )
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        over(app) as client,
        compose.open_key_ring(settings) as ring,
    ):
        key = await ring.create(BOOTSTRAP, NewKey("agent", "a"))
        yield Site(there, client, key, Mint(claims={"iss": there.url}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A service with two issuers at one place: the roles of one count, the other says the tenant."""
    async with publisher(keys=public(rsa())) as there:
        realm = there.issuer(
            alias="realm",
            role_claim=("realm_access", "roles"),
            roles=ROLES,
            user_prefix="",
            compat_audiences=("weather",),
        )
        partner = there.issuer(
            alias="partner",
            issuer=PARTNER,
            kind="plain",
            tenant_claim=("org",),
            require_scopes=True,
            scopes={"feedback:write": "vote"},
            user_prefix="partner|",
        )
        pods = there.issuer(alias="pods", issuer=CLUSTER, kind="kubernetes")
        folder = tmp_path_factory.mktemp("oidc")
        async with site(there, folder, realm, partner, pods) as made:
            yield made


def with_role(here: Site, *roles: str) -> str:
    """A token of somebody with these roles."""
    return here.mint.token(realm_access={"roles": list(roles)})


async def status(here: Site, credential: str, path: str) -> int:
    """How a GET is answered."""
    return (await here.send(credential, "GET", path)).status_code


async def test_a_token_says_who_votes(here: Site) -> None:
    """By name, and behind a prefix where another issuer may have the same; it makes nobody an agent."""
    plain = replace(here.mint, header={})
    partner = plain.token(iss=PARTNER, org="default", scope="openid vote")
    lent = here.mint.token(aud="weather")
    for token, user in ((here.mint.token(), "ada"), (partner, "partner|ada"), (lent, "ada")):
        path = await here.votes(token)
        seen = (await here.send(with_role(here, "fleet-operator"), "GET", path)).json()
        assert (seen["user_id"], seen["agent"]) == (user, None)
    told(await here.send(here.mint.token(sub="partner|ada"), "GET", "/v1/feedback"), 401)
    for path in ("/a/a/v1/sessions", "/a/ada/v1/sessions", "/v1/keys", "/metrics"):
        told(await here.send(here.mint.token(), "GET", path), 403, "forbidden")
    trace = {"trace_id": unique("t"), "started_at": "2026-01-01T00:00:00Z", "spans": []}
    told(await here.send(here.mint.token(), "POST", "/v1/traces", trace), 403, "forbidden")


async def test_roles_make_operators_and_viewers(here: Site) -> None:
    """Only those at the configured place, and only of a token that was made for this service."""
    may = {"/v1/sessions": 200, "/v1/webhooks": 200, "/v1/keys": 200, "/v1/feedback/stats": 200}
    seen = {
        role: [await status(here, with_role(here, role, "other"), path) for path in may]
        for role in ("fleet-operator", "fleet-viewer", "root")
    }
    assert seen["fleet-operator"] == [200, 200, 200, 200]
    assert seen["fleet-viewer"] == [200, 403, 403, 200]
    assert seen["root"] == [403, 403, 200, 403]
    both = with_role(here, "fleet-viewer", "fleet-operator")
    assert await status(here, both, "/v1/webhooks") == 200
    for claims in (
        {"roles": ["fleet-operator"], "groups": ["fleet-operator"]},
        {"realm_access": "fleet-operator"},
        {"realm_access": {"roles": {"roles": "fleet-operator"}}},
        {"realm_access": {"roles": [["fleet-operator"], "FLEET-OPERATOR", 1]}},
        {"preferred_username": "operator", "email": "operator@example.org"},
        {"realm_access": {"roles": ["fleet-operator"]}, "aud": "weather"},
    ):
        assert await status(here, here.mint.token(**claims), "/v1/webhooks") == 403, claims


async def test_a_claim_says_the_tenant_and_scopes_what_may_be_done(here: Site) -> None:
    """One tenant, in the form of one; and where scopes are asked for, none is given that is not there."""
    plain = replace(here.mint, header={}, claims={"iss": PARTNER, "scope": "vote"})
    await here.votes(plain.token(org=["default"]))
    await here.votes(plain.token(org={"default": {"id": "1"}}, scp=["vote"], scope=None))
    refused: dict[str, tuple[Any, ...]] = {
        "tenant_required": (None, "", [], 1),
        "tenant_conflict": (["default", "beta"], {"default": {}, "beta": {}}),
        "tenant_unknown": ("Acme", "a_b", "acme"),
    }
    for code, orgs in refused.items():
        for org in orgs:
            answer = await here.send(plain.token(org=org), "POST", "/v1/feedback", {"rating": 1})
            assert "tenant" in told(answer, 403, code)["detail"], org
    for scope in (None, "", "votes", "feedback:write", ["vote", 1]):
        answer = await here.send(
            plain.token(org="default", scope=scope), "POST", "/v1/feedback", {"rating": 1}
        )
        assert answer.status_code == (201 if isinstance(scope, list) else 403), scope


async def test_a_workload_that_no_agent_is_known_by_may_do_nothing(here: Site) -> None:
    """A pod has an identity that is good, and no rights."""
    pod = replace(here.mint, header={}, claims={"iss": CLUSTER})
    token = pod.token(sub="system:serviceaccount:fleet:weather", client_id=None, jti=None)
    answer = await here.send(token, "GET", "/v1/sessions")
    assert "system:serviceaccount:fleet:weather" in told(answer, 403)["detail"]


async def test_what_is_there_and_bad_is_401(here: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever of both it was meant to be; nobody becomes somebody with fewer rights instead."""
    caplog.set_level(logging.INFO, "commonhold.access")
    now = int(time.time())
    key, token = here.key.text, here.mint.token()
    bad = [
        *(
            "",
            key[:-1],
            f"{key}.x",
            token[:-4],
            token + "AAAA",
            f"{key} {token}",
            "eyJ",
            "eyJ.eyJ.eyJ",
        ),
        *(here.mint.token(aud="other"), here.mint.token(exp=now - 60), here.mint.token(iss="x")),
        *(here.mint.token(x="x" * 20_000), replace(here.mint, key=rsa("other")).token()),
        *(here.mint.token({"alg": "RS256", "typ": "JWT"}), token.replace("ey", "EY")),
    ]
    for credential in bad:
        refused = await here.send(credential, "GET", "/v1/sessions", x_auth_subject="ada")
        told(refused, 401, "unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert not credential or credential not in refused.text
    for given in (f"Basic {token}", f"{token}", "Bearer"):
        answer = await here.client.get("/v1/sessions", headers={"authorization": given})
        assert "key or a token" in told(answer, 401)["detail"]
    assert await status(here, key, "/v1/sessions") == 200
    await here.votes(token)
    line = lines(caplog)[-1]
    assert line["key_id"].startswith("jti:")
    assert not any(each in caplog.text + str(lines(caplog)) for each in (key, token))


async def test_while_keys_are_not_there_a_caller_is_told_to_come_again(tmp_path: Path) -> None:
    """503 with `Retry-After`; a key opens what it always does."""
    async with publisher() as there, site(there, tmp_path, there.issuer()) as cold:
        answer = await cold.send(cold.mint.token(), "GET", "/v1/sessions")
        assert told(answer, 503, "unavailable")["retry_after_seconds"] == 5
        assert answer.headers["retry-after"] == "5"
        assert await status(cold, cold.key.text, "/v1/sessions") == 200
        assert await status(cold, "", "/readyz") == 200
