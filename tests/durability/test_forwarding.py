"""Committed spans are sent on, whatever happens to the sender and to the receiver."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from commonhold.model.native_otel import trace_id_of
from commonhold.model.otel import OtelSpan, Resource, Scope
from commonhold.otlp.encode import to_otlp_json
from tests import processes
from tests.processes import Process

PATIENCE_S = 60
HERE = Resource({"service.name": "weather", "service.instance.id": "i-1"}, "https://schema/1")
BY = Scope("tests", "1", {"lang": "py"})


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sender.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Process]:
    """Another service: one more collector. Not started yet."""
    process = processes.service(f"sqlite:///{tmp_path / 'receiver.db'}", tmp_path)
    yield process
    process.stop()


@pytest.fixture
def sender(database: str, receiver: Process, tmp_path: Path) -> Iterator[Process]:
    """A service that sends on what it keeps."""
    with processes.service(database, tmp_path, "--traces-forward", receiver.url) as process:
        yield process


def spans_of(trace: int, count: int = 10) -> list[OtelSpan]:
    """A trace with values of every type."""
    trace_id = f"{trace:032x}"
    return [
        OtelSpan(
            *(trace_id, f"{n + 1:016x}", f"{1:016x}" if n else None, f"step {n}", 1),
            *(1_700_000_000_000_000_000 + n, 1_700_000_000_500_000_000),
            attributes={"n": n, "list": [1, "a", None], "raw": b"\0\xff", "inf": float("inf")},
            resource=HERE,
            scope=BY,
            status_code=2 if n == 3 else 0,
            flags=256,
        )
        for n in range(count)
    ]


def post(client: httpx2.Client, spans: Sequence[OtelSpan]) -> None:
    """Send spans as any exporter does."""
    answer = client.post(
        "/v1/traces",
        content=to_otlp_json(spans).encode(),
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()) == (200, {})


def otlp(url: str, trace_id: str) -> Any:
    """A trace as OTLP JSON, or None where it is not."""
    answer = httpx2.get(f"{url}/v1/traces/{trace_id}", params={"format": "otlp"})
    return answer.json() if answer.status_code == 200 else None


def count_of(url: str) -> int:
    """Spans in all traces."""
    return sum(item["span_count"] for item in httpx2.get(f"{url}/v1/traces?limit=1000").json())


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; fail when it is not in a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def by_span(told: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Resource and span by id, of a request with one resource each."""
    return {
        span["spanId"]: (json.dumps(group["resource"], sort_keys=True), json.dumps(span))
        for group in told["resourceSpans"]
        for scoped in group["scopeSpans"]
        for span in scoped["spans"]
    }


def test_a_receiver_that_is_down_gets_everything_once_it_is_back(
    sender: Process, receiver: Process
) -> None:
    """Ingest goes on meanwhile, also over a crash of the sender, and nothing is changed on the way."""
    with httpx2.Client(base_url=sender.url) as client:
        for trace in range(1, 21):
            post(client, spans_of(trace))
    sender.kill9()
    sender.start()
    receiver.start()

    until(lambda: count_of(receiver.url) == 200)
    for trace in (1, 20):
        trace_id = f"{trace:032x}"
        assert by_span(otlp(receiver.url, trace_id)) == by_span(otlp(sender.url, trace_id))


def test_native_traces_are_sent_on_as_one_tree(sender: Process, receiver: Process) -> None:
    """What a `fipsagents` agent posts arrives at any collector, under ids that hold still."""
    receiver.start()
    told = {
        "trace_id": "trace_1",
        "started_at": "2026-04-27T12:00:00Z",
        "session_id": "s1",
        "spans": [
            {"span_id": "root", "name": "request", "start_time": 5.0, "end_time": 6.0},
            {
                "span_id": "call",
                "parent_span_id": "root",
                "name": "model_call",
                "start_time": 5.25,
                "end_time": 5.5,
            },
        ],
    }
    answer = httpx2.post(f"{sender.url}/a/weather/v1/traces", json=told)
    assert answer.status_code == 201

    until(lambda: count_of(receiver.url) == 2)
    found = httpx2.get(f"{receiver.url}/v1/traces/{trace_id_of('trace_1')}").json()
    root, call = found["spans"]
    assert (root["name"], call["name"]) == ("request", "model_call")
    assert call["parent_span_id"] == root["span_id"]
    assert call["start_time_unix_nano"] - root["start_time_unix_nano"] == 250_000_000
    assert (found["session_id"], root["agent"]) == ("s1", "weather")


async def test_a_receiver_that_hangs_slows_nobody(sender: Process, receiver: Process) -> None:
    """Spans are acknowledged when they are committed, and not when they are sent on."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with (
        await asyncio.start_server(hang, "127.0.0.1", receiver.port),
        httpx2.AsyncClient(base_url=sender.url, timeout=5) as client,
    ):
        for trace in range(1, 31):
            body = to_otlp_json(spans_of(trace)).encode()
            answer = await client.post(
                "/v1/traces", content=body, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 200
    assert count_of(sender.url) == 300
