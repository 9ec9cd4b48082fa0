"""A full disk under SQLite: writes say so, reads go on, and room is all it takes to go on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import processes
from tests.durability.writers import SPANS, a_message, a_trace
from tests.processes import Process

SIZE = 16 * 1024 * 1024
BALLAST = 6 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small real file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(f"CI must test a full disk: {mounted.stderr}")
        pytest.skip(f"a small file system needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def service(disk: Path, tmp_path: Path) -> Iterator[Process]:
    """A service whose database is on that disk; its log is not."""
    (disk / "ballast").write_bytes(b"x" * BALLAST)
    with processes.service(f"sqlite:///{disk / 'commonhold.db'}", tmp_path) as process:
        yield process


@pytest.fixture
def client(service: Process) -> Iterator[httpx2.Client]:
    """A client of it."""
    with httpx2.Client(base_url=service.url, timeout=60) as opened:
        yield opened


def fill(client: httpx2.Client) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Write until the disk is full; what was acknowledged: messages, traces, votes."""
    messages: list[dict[str, Any]] = []
    traces: list[str] = []
    votes: list[str] = []
    for number in range(SIZE // 20_000):
        message = a_message("filler") | {"content": "x" * 40_000}
        body = {"messages": [*messages[-1:], message]}
        saved = client.put(f"/v1/sessions/full-{number}", json=body)
        if not saved.is_success:
            check_full(saved)
            break
        messages.append(message)
        kept = client.post("/v1/traces", json=a_trace(f"trace-{number}"))
        if kept.is_success:
            traces.append(f"trace-{number}")
        vote = client.post("/v1/feedback", json={"rating": 1, "comment": "x" * 100})
        if vote.is_success:
            votes.append(vote.json()["feedback_id"])
    else:
        pytest.fail("the disk never filled")
    return messages, traces, votes


def check_full(answer: httpx2.Response) -> None:
    """It says that the disk is full, and when to try again."""
    assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
    body = answer.json()
    assert body["code"] == "storage_full"
    assert "disk" in body["detail"]
    assert int(answer.headers["retry-after"]) >= 1


def test_a_full_disk(disk: Path, service: Process, client: httpx2.Client) -> None:
    """Refused writes change nothing, reads answer, and after making room everything works."""
    messages, traces, votes = fill(client)
    big = {"messages": [a_message("big") | {"content": "x" * 2_000_000}]}
    for _ in range(3):
        check_full(client.put("/v1/sessions/big", json=big))
    check_reads(client, messages, traces, votes)
    assert client.get("/v1/sessions/big").status_code == 404
    assert client.get("/healthz").status_code == 200

    (disk / "ballast").unlink()
    assert client.put("/v1/sessions/big", json=big).status_code == 200
    assert client.get("/v1/sessions/big").json()["messages"] == big["messages"]
    assert client.post("/v1/feedback", json={"rating": 1}).status_code == 201
    check_reads(client, messages, traces, votes)


def test_a_crash_on_a_full_disk(disk: Path, service: Process, client: httpx2.Client) -> None:
    """Killed while the disk is full, and started again with some room: nothing is missing."""
    kept = fill(client)
    service.kill9()
    (disk / "ballast").unlink()
    service.start()
    check_reads(client, *kept)
    assert shutil.disk_usage(disk).free > 0


def check_reads(
    client: httpx2.Client, messages: list[dict[str, Any]], traces: list[str], votes: list[str]
) -> None:
    """Everything acknowledged answers, whole."""
    for number, message in enumerate(messages):
        found = client.get(f"/v1/sessions/full-{number}")
        assert found.status_code == 200, found.text
        assert found.json()["messages"][-1] == message
    for trace_id in traces:
        assert len(client.get(f"/v1/traces/{trace_id}").json()["spans"]) == SPANS
    for vote in votes:
        assert client.get(f"/v1/feedback/{vote}").status_code == 200
    counted = client.get("/v1/feedback/stats").json()
    assert sum(row["total"] for row in counted) >= len(votes)
    assert client.get("/v1/sessions?limit=5").status_code == 200
    assert client.get("/v1/traces?limit=5").status_code == 200
