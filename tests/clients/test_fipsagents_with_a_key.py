"""The stores of the published fipsagents, unmodified, on a service that asks for a key."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from pathlib import Path

import httpx2
import pytest
from fipsagents.server import http as fipsagents_http
from fipsagents.server.http import PlatformError

import commonhold
from tests import processes
from tests.cli.commands import run
from tests.clients import agents
from tests.clients.test_first_contact import use_everything
from tests.processes import Process

PEPPER = "a pepper of thirty-two bytes or so"


@pytest.fixture
def keyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Process, str]]:
    """A service of mode `keys`, and the key of an agent, made before the service ever ran."""
    database = f"sqlite:///{tmp_path / 'keyed.db'}"
    monkeypatch.setenv("COMMONHOLD_PEPPER", PEPPER)
    monkeypatch.setenv("COMMONHOLD_DATABASE", database)
    made = run("keys", "create", "--agent", "agent-1", folder=tmp_path)
    assert made.status == 0, made
    with processes.service(database, tmp_path, "--auth", "keys") as process:
        yield process, made.out.strip()


async def test_stores_work_with_a_key_as_their_platform_token(keyed: tuple[Process, str]) -> None:
    """With the agent in the address and without.

    A bearer that the agent's own caller sent takes its place there, and opens nothing.
    """
    service, key = keyed
    for number, prefix in enumerate(("", "/a/agent-1")):
        async with agents.stores(service.url + prefix, key) as mine:
            await use_everything(mine, number)
    async with agents.stores(f"{service.url}/a/agent-2", key) as others:
        assert await status_of(others.sessions.load("any")) == 403
    async with agents.stores(service.url) as without:
        assert await status_of(without.sessions.create()) == 401
    async with agents.stores(service.url, key) as mine:
        for sent in ("Bearer junk", "Bearer sk-of-an-openai-sdk", "Basic dTpw"):
            tokens = fipsagents_http.set_request_context(authorization=sent, traceparent=None)
            assert await status_of(mine.sessions.create()) == 401
            fipsagents_http.reset_request_context(tokens)
        assert await mine.sessions.create()
    with httpx2.Client(headers={"authorization": f"Bearer {key}"}) as client:
        listed = client.get(f"{service.url}/v1/sessions").json()
    assert {each["agent"] for each in listed} == {"agent-1"}
    async with commonhold.connect(service.url, token=key) as ours:
        assert len((await ours.sessions.list()).items) == len(listed)
    assert key not in service.log


async def status_of(call: Awaitable[object]) -> int:
    """The status with which the service refused a call of a store."""
    with pytest.raises(PlatformError) as refused:
        await call
    return int(refused.value.status_code)
