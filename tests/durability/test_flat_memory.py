"""The service's memory does not grow with the conversation it hands out."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import psutil
import pytest

from commonhold.testing.factories import message
from tests.processes import Process, service

MESSAGES = 10_000
AT_ONCE = 500
TEXT = "x" * 4000

GROWTH = 24 * 1024 * 1024
"""Bytes that may come on top: the history has forty million."""


@pytest.fixture(params=["sqlite", "postgres"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path}/long.db"


def test_ten_thousand_messages_stream_in_flat_memory(served: str, tmp_path: Path) -> None:
    """Forty megabytes pass through a process that grows by less than their half."""
    with service(served, tmp_path) as process, httpx2.Client(timeout=60) as client:
        url = f"{process.url}/v1/sessions/long"
        for start in range(0, MESSAGES, AT_ONCE):
            texts = [json.loads(message(f"m{start + n}", TEXT)) for n in range(AT_ONCE)]
            assert client.post(f"{url}/messages", json={"messages": texts}).status_code == 201
        before = memory_of(process)
        most = size = 0
        for _ in range(3):
            size, peak = read_through(client, url, process)
            most = max(most, peak)

    assert size > MESSAGES * len(TEXT)
    assert most - before < GROWTH


def read_through(client: httpx2.Client, url: str, process: Process) -> tuple[int, int]:
    """The size of a history, read piece by piece, and the most memory seen meanwhile."""
    size = most = 0
    with client.stream("GET", url) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_bytes(1 << 20):
            size += len(piece)
            most = max(most, memory_of(process))
    return size, most


def memory_of(process: Process) -> int:
    """Resident bytes of the process and its children."""
    root = psutil.Process(process.pid)
    return sum(each.memory_info().rss for each in (root, *root.children(recursive=True)))
