"""Pods of a cluster over HTTP: of which tenant they are, as which agent, and whether they run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from commonhold import compose
from commonhold.auth.token_review import RETRY_S
from commonhold.model.registry import Identity, NewAgent
from commonhold.service.keys import BOOTSTRAP
from commonhold.settings import Settings
from tests.auth.fleet import unique
from tests.auth.minting import OURS, Mint, public, rsa
from tests.auth.publisher import REVIEWS, Cluster, publisher
from tests.auth.test_oidc import CLUSTER, ROLES, Site, site
from tests.http.problems import told

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "of-the-service"
ELSEWHERE = "https://elsewhere.example"
"""A cluster whose API server cannot be reached."""


@dataclass(frozen=True, slots=True)
class Place:
    """A service, and the cluster beside it."""

    site: Site
    cluster: Cluster

    def pod(self, account: str, *, is_there: bool = True, **claims: Any) -> str:
        """The token of a pod, by NAMESPACE:NAME."""
        name = f"system:serviceaccount:{account}"
        nobody = {"iss": CLUSTER, "client_id": None, "jti": unique("j")}
        text = replace(Mint(), header={}, claims=nobody).token(sub=name, **claims)
        if is_there:
            self.cluster.pods[text] = (name, {OURS})
        return text

    async def asks(self, credential: str) -> httpx2.Response:
        """What a credential is answered."""
        return await self.site.send(credential, "GET", "/v1/sessions")

    async def binds(self, issuer: str, subject: str) -> httpx2.Response:
        """What an operator is answered who binds agent `a` to a service account."""
        operator = self.site.mint.token(realm_access={"roles": ["fleet-operator"]})
        body = {"kind": "k8s_sa", "issuer": issuer, "subject": f"system:serviceaccount:{subject}"}
        return await self.site.send(operator, "POST", "/v1/agents/a/bindings", body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Agent `a` is four service accounts: two of its tenant, one of no namespace's, one of another's.

    The last was bound where nobody knew of the namespaces.
    """
    folder = tmp_path_factory.mktemp("clusters")
    (folder / "token").write_text(SECRET)
    cluster = Cluster(SECRET)
    async with publisher(keys=public(rsa())) as there:
        there.pages[REVIEWS] = cluster.review
        realm = there.issuer(alias="realm", role_claim=("realm_access", "roles"), roles=ROLES)
        reviewed = {
            "kind": "kubernetes",
            "token_file": str(folder / "token"),
            "token_review": True,
            "token_review_url": there.url + REVIEWS,
        }
        pods = there.issuer(
            **reviewed,
            alias="pods",
            issuer=CLUSTER,
            namespace_tenants={"fleet": "default", "team-a": "acme"},
        )
        reviewed["token_review_url"] = "http://127.0.0.1:9/"
        away = there.issuer(**reviewed, alias="away", issuer=ELSEWHERE)
        async with site(there, folder, realm, pods, away) as made:
            settings = Settings(database=f"sqlite:///{folder / 'oidc.db'}")
            async with compose.open_registry(settings) as registry:
                await registry.put(BOOTSTRAP, NewAgent("a"))
                for account in ("fleet:weather", "other:weather", "team-a:weather"):
                    name = f"system:serviceaccount:{account}"
                    await registry.bind(BOOTSTRAP, "a", Identity("k8s_sa", "pods", name))
            yield Place(made, cluster)


async def test_a_pod_is_of_the_tenant_of_its_namespace_and_of_its_agent(here: Place) -> None:
    """Either may say so; both must agree, whether the pod acts by itself or in a user's token."""
    for account in ("fleet:weather", "other:weather"):
        assert (await here.asks(here.pod(account))).status_code == 200
    told(await here.asks(here.pod("team-a:weather")), 403, "tenant_conflict")
    told(await here.asks(here.pod("team-a:stranger")), 403, "unknown_agent")
    told(await here.asks(here.pod("other:stranger")), 403, "tenant_required")
    for account, status in (("fleet", 200), ("team-a", 403)):
        act = {"sub": f"system:serviceaccount:{account}:weather", "iss": CLUSTER}
        assert (await here.asks(here.site.mint.token(act=act))).status_code == status


async def test_an_agent_is_bound_to_whom_somebody_vouches_for(here: Place) -> None:
    """An issuer that is configured, and a namespace that is not another tenant's."""
    problem = told(await here.binds("cluster", "fleet:news"), 422, "invalid_request")
    assert "configured here: away, pods, realm" in problem["detail"]
    told(await here.binds("pods", "team-a:news"), 403, "tenant_conflict")
    for account in ("fleet:news", "third:news"):
        assert (await here.binds("pods", account)).status_code == 201
        assert (await here.asks(here.pod(account))).status_code == 200


async def test_a_pod_must_be_there_as_well(here: Place) -> None:
    """One that is gone is 401, and one whose cluster does not answer is told to come again."""
    gone = told(await here.asks(here.pod("fleet:weather", is_there=False)), 401, "unauthenticated")
    assert "TokenReview" in gone["detail"]
    answer = await here.asks(here.pod("fleet:weather", iss=ELSEWHERE))
    assert told(answer, 503, "unavailable")["retry_after_seconds"] == RETRY_S
    assert answer.headers["retry-after"] == str(RETRY_S)
    assert "127.0.0.1" not in answer.text
