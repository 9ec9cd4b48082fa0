"""The stores of the published fipsagents, unmodified: with tokens, and behind a gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fipsagents.server import http as fipsagents_http
from fipsagents.server.feedback import FeedbackRecord

from tests import processes
from tests.auth.minting import Mint, public, rsa
from tests.cli.commands import run
from tests.clients import agents
from tests.clients.agents import unique
from tests.clients.gateway import gateway
from tests.clients.test_fipsagents_with_a_key import status_of
from tests.clients.test_first_contact import use_everything
from tests.processes import Process

ISSUER = "https://sso.example/realms/fleet"


@contextmanager
def serving(folder: Path, mode: str) -> Iterator[Process]:
    """A service in a mode; the agent `weather` is what its issuer knows as `weather-client`."""
    database = f"sqlite:///{folder / 'other.db'}"
    bind = ("bind", "weather", "--issuer", "realm", "--client", "weather-client")
    for command in (("register", "weather"), bind):
        done = run("agents", *command, "--database", database, folder=folder)
        assert done.status == 0, done
    with processes.service(database, folder, "--auth", mode) as process:
        yield process


async def test_stores_work_with_the_tokens_of_an_issuer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's own as its platform token; and its user's, got for the agent, which it sends on."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(public(rsa())))
    issuer = {"alias": "realm", "issuer": ISSUER, "audiences": ["commonhold"]}
    told = json.dumps([{**issuer, "jwks_file": str(keys)}])
    monkeypatch.setenv("COMMONHOLD_OIDC_ISSUERS", told)
    mint = Mint(claims={"iss": ISSUER, "client_id": "weather-client"})
    with serving(tmp_path, "oidc") as service:
        async with agents.stores(service.url, mint.token(sub="weather-client")) as mine:
            await use_everything(mine, 1)
            bearer = f"Bearer {mint.token(sub='ada')}"
            tokens = fipsagents_http.set_request_context(authorization=bearer, traceparent=None)
            await use_everything(mine, 2)
            fipsagents_http.reset_request_context(tokens)
        async with agents.stores(service.url, mint.token(exp=1)) as late:
            assert await status_of(late.sessions.create()) == 401


async def test_stores_work_through_a_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the user who is signed in there: own sessions and votes, and nobody else's."""
    monkeypatch.setenv("COMMONHOLD_GATEWAY_CIDRS", "127.0.0.1/32")
    with serving(tmp_path, "gateway") as service:
        session = unique("sess")
        messages = [{"role": "user", "content": "hello", "id": "m1"}]
        async with gateway(service.port, "ada") as url, agents.stores(url, "not-needed") as ada:
            assert await ada.sessions.create(session) == session
            await ada.sessions.save(session, messages)
            assert await ada.sessions.load(session) == messages
            vote = FeedbackRecord(
                *("", "t1", session, 1, None, None, None, None, None, "agent", "2026-01-01", "eve")
            )
            kept = await ada.feedback.get(await ada.feedback.add(vote))
            assert kept.user_id == "ada"
            assert [each.user_id for each in await ada.feedback.query(limit=10)] == ["ada"]
        async with gateway(service.port, "eve") as url, agents.stores(url) as eve:
            assert await eve.sessions.load(session) is None
            assert await eve.feedback.query(limit=10) == []
        async with agents.stores(service.url) as direct:
            assert await status_of(direct.sessions.create()) == 401
