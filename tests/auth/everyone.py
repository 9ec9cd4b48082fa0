"""A service in all modes at once, and callers of every sort: by key, by token, through a gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import httpx2

from commonhold import compose
from commonhold.compose.app import create_app
from commonhold.http import Service
from commonhold.model.key import NewKey, Preset
from commonhold.service.keys import BOOTSTRAP, Issued, KeyRing
from commonhold.settings import Settings
from tests.auth.fleet import PEPPER
from tests.auth.minting import Mint, public, rsa
from tests.auth.publisher import Publisher, publisher
from tests.http.conftest import LOCAL

GATEWAY, OUTSIDE = "10.9.0.7", "10.8.0.7"
"""Where the gateway is, and where somebody else is."""

CLUSTER = "https://kubernetes.default.svc"
SECRET = "what a gateway shows, in thirty-two bytes"


@dataclass(frozen=True, slots=True)
class Everyone:
    """The service, and who comes to it."""

    app: Service
    ring: KeyRing
    there: Publisher
    mint: Mint
    operator: Issued
    clients: dict[str, httpx2.AsyncClient] = field(default_factory=dict)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        peer: str = OUTSIDE,
        headers: Mapping[str, str] | Sequence[tuple[str, str | bytes]] | None = None,
    ) -> httpx2.Response:
        """A request from an address, with these headers."""
        told: Any = headers
        return await self.clients[peer].request(method, path, json=body, headers=told)

    async def user(
        self, name: str, method: str, path: str, body: Any = None, **more: str
    ) -> httpx2.Response:
        """A request of a user who is signed in at the gateway."""
        said = {"X-Auth-Subject": name, "X-Auth-User": "", "X-Auth-Mode": "proxy"}
        said |= {name.replace("_", "-"): value for name, value in more.items()}
        return await self.send(method, path, body, peer=GATEWAY, headers=said)

    async def key(self, preset: Preset, agent: str = "", tenant: str = "default") -> str:
        """A new key."""
        caller = replace(BOOTSTRAP, tenant=tenant)
        return (await self.ring.create(caller, NewKey(preset, agent))).text

    async def bearing(
        self, credential: str, method: str, path: str, body: Any = None, **more: str
    ) -> httpx2.Response:
        """A request with a credential, from outside."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        headers = {"Authorization": f"Bearer {credential}", **named}
        return await self.send(method, path, body, headers=headers)

    async def manage(self, method: str, path: str, body: Any = None) -> Any:
        """What an operator is answered."""
        answer = await self.bearing(self.operator.text, method, path, body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()


@asynccontextmanager
async def everyone(database: str, **more: Any) -> AsyncIterator[Everyone]:
    """The service over a database, with an issuer of people and one of workloads."""
    async with publisher(keys=public(rsa())) as there:
        people = there.issuer(
            alias="realm",
            kind="keycloak",
            role_claim=("roles",),
            roles={"operator": ("fleet-operator",)},
            compat_audiences=("weather",),
        )
        partner = there.issuer(
            alias="partner", issuer="https://partner.example", tenant="acme", user_prefix="partner|"
        )
        pods = there.issuer(alias="pods", issuer=CLUSTER, kind="kubernetes")
        settings = Settings(
            database=database,
            auth="keys,oidc,gateway",
            pepper=(PEPPER,),
            gateway_cidrs="10.9.0.0/16",
            allow_anonymous=True,
            oidc_issuers=json.dumps(
                [asdict(each) for each in (replace(people, user_prefix=""), partner, pods)]
            ),
        )
        app = create_app(replace(settings, **more))
        usual = {"iss": there.url, "typ": "Bearer", "azp": "ui", "client_id": None}
        mint = Mint(header={"typ": "JWT"}, claims=usual)
        async with (
            app.router.lifespan_context(app),
            compose.open_key_ring(settings) as ring,
            calling(app, OUTSIDE) as outside,
            calling(app, GATEWAY) as gateway,
        ):
            operator = await ring.create(BOOTSTRAP, NewKey("operator"))
            made = {OUTSIDE: outside, GATEWAY: gateway}
            yield Everyone(app, ring, there, mint, operator, made)


def calling(app: Service, peer: str) -> httpx2.AsyncClient:
    """A client of the service at another address than this."""
    network = httpx2.ASGITransport(app=app, client=(peer, 50_000))
    return httpx2.AsyncClient(transport=network, base_url=LOCAL)
