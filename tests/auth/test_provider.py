"""A real OpenID provider, in a process of its own: the tokens that it gives out are taken."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from commonhold.compose.oidc import OidcMode
from commonhold.errors import Unauthenticated
from commonhold.settings import Settings
from tests.exporters.environments import Missing, node_packages
from tests.processes import Process

HERE = Path(__file__).parent / "provider"
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def provider(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Process]:
    """The provider, with a client `weather`."""
    try:
        packages = node_packages(HERE, pytestconfig.cache.mkdir("providers"))
    except Missing as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must test a real provider: {reason}", pytrace=False)
        pytest.skip(f"no provider: {reason}")
    process = Process(
        lambda port: ["node", HERE / "provider.mjs", packages, str(port)],
        tmp_path,
        name="provider",
        ready=DISCOVERY,
    )
    process.start()
    yield process
    process.kill9()


async def test_a_client_of_a_real_provider_is_known(provider: Process) -> None:
    """By the keys that its discovery document leads to; a token that it gave for others is refused."""
    issuer = {"alias": "main", "issuer": provider.url, "audiences": ["commonhold"]}
    mode = OidcMode(Settings(oidc_issuers=json.dumps([issuer])))
    async with httpx2.AsyncClient(auth=("weather", "not-a-secret")) as client:

        async def token(resource: str) -> str:
            asked = {"grant_type": "client_credentials", "resource": resource}
            answer = await client.post(f"{provider.url}/token", data=asked)
            return str(answer.json()["access_token"])

        for resource in ("https://rsa.example/commonhold", "https://ec.example/commonhold"):
            known = await mode.verifier.verify(await token(resource))
            assert (known.issuer.alias, known.subject, known.client_id) == (
                "main",
                "weather",
                "weather",
            )
        with pytest.raises(Unauthenticated, match="somebody else"):
            await mode.verifier.verify(await token("https://rsa.example/other"))
    await mode.aclose()
