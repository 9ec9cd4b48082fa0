"""Two services over one database: what one of them revokes, the other honours within five seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from commonhold.auth.key_form import key_id_of
from tests import processes
from tests.cli.commands import run
from tests.processes import Process

PEPPER = "a pepper of thirty-two bytes or so"
PROMISED_S = 5


@pytest.fixture
def replicas(
    empty_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Process, Process, str]]:
    """Both, and the key of an operator."""
    monkeypatch.setenv("COMMONHOLD_PEPPER", PEPPER)
    monkeypatch.setenv("COMMONHOLD_DATABASE", empty_postgres_url)
    made = run("keys", "create", "--preset", "operator", folder=tmp_path)
    assert made.status == 0, made
    flags = ("--auth", "keys")
    with (
        processes.service(empty_postgres_url, tmp_path, *flags) as here,
        processes.service(empty_postgres_url, tmp_path, *flags) as there,
    ):
        yield here, there, made.out.strip()


def test_a_key_revoked_at_one_service_opens_nothing_at_the_other_soon_after(
    replicas: tuple[Process, Process, str],
) -> None:
    """Over HTTP and by the command; both are called at both until then, and well known there."""
    here, there, operator = replicas
    with httpx2.Client(headers={"authorization": f"Bearer {operator}"}) as client:
        secrets = [_made(client, here) for _ in range(2)]
        for secret in secrets:
            assert (status(here, secret), status(there, secret)) == (200, 200)
        ended, ordered = (key_id_of(secret) or "" for secret in secrets)
        assert client.delete(f"{here.url}/v1/keys/{ended}").is_success
        assert status(here, secrets[0]) == 401  # the one that is told of it, at once
        assert run("keys", "revoke", ordered, folder=Path.cwd()).status == 0
    began = time.monotonic()
    for service, secret in ((here, secrets[1]), (there, secrets[0]), (there, secrets[1])):
        while status(service, secret) != 401:
            assert time.monotonic() - began < PROMISED_S
            time.sleep(0.1)


def _made(client: httpx2.Client, service: Process) -> str:
    made = client.post(f"{service.url}/v1/keys", json={"preset": "agent", "agent": "weather"})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def status(service: Process, secret: str) -> int:
    """What it answers to whoever bears this key."""
    headers = {"authorization": f"Bearer {secret}"}
    return httpx2.get(f"{service.url}/v1/sessions", headers=headers).status_code
