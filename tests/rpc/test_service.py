"""`commonhold serve --otlp-grpc-port`: real processes, real exporters, two databases."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from fipsagents.server.tracing import Span, Trace, create_trace_store
from opentelemetry.sdk.trace.export import SpanExportResult

from tests.databases import Databases
from tests.otlp import wire
from tests.processes import PATIENCE_S, Process, free_port
from tests.rpc.calls import TRACES, export, finished_span, trace_id

SCRIPT = Path(sys.executable).with_name("commonhold")


class Service(Process):
    """The service with a port for gRPC, which logs everything."""

    def __init__(self, database: str, folder: Path, *flags: str) -> None:
        self.grpc_port = free_port()
        listen = ("--otlp-grpc-port", str(self.grpc_port))
        super().__init__(
            lambda port: [SCRIPT, "serve", "--port", str(port), *listen, *flags],
            folder,
            name="commonhold",
            environ={"COMMONHOLD_DATABASE": database},
        )

    @property
    def endpoint(self) -> str:
        """What an exporter is pointed at."""
        return f"http://127.0.0.1:{self.grpc_port}"

    def trace(self, trace: str) -> dict[str, Any]:
        """A trace as the API shows it."""
        answer = httpx2.get(f"{self.url}/v1/traces/{trace}", timeout=30)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A running service."""
    folder = tmp_path_factory.mktemp("grpc")
    if request.param == "sqlite":
        with Service(sqlite(folder), folder) as process:
            yield process
        return
    databases: Databases = request.getfixturevalue("postgres_server")
    name = databases.create()
    with Service(databases.dsn(name), folder) as process:
        yield process
    databases.drop(name)


def sqlite(folder: Path) -> str:
    """A file of its own."""
    return f"sqlite:///{folder}/x.db"


def until(holds: Callable[[], bool]) -> None:
    """Return when it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def fields(process: Process) -> list[dict[str, Any]]:
    """Its log, every line of which is a JSON object."""
    return [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]


def test_what_is_exported_over_grpc_is_read_over_http(service: Service) -> None:
    """One service, one store; and its request is logged and counted as any other."""
    span = finished_span("turn")

    assert export(service.endpoint, [span]) is SpanExportResult.SUCCESS

    assert [each["name"] for each in service.trace(trace_id(span))["spans"]] == ["turn"]
    assert f"Taking OTLP over gRPC on 127.0.0.1:{service.grpc_port}" in service.log
    until(lambda: any(line.get("route") == TRACES for line in fields(service)))
    metrics = httpx2.get(f"{service.url}/metrics").text
    assert f'route="{TRACES}",status="200"' in metrics


async def test_a_fipsagents_agent_exports_its_traces(service: Service) -> None:
    """Its `traces.exporter: otel`, unmodified: every span of the turn arrives."""
    store = create_trace_store(
        "null", exporter="otel", otel_endpoint=service.endpoint, service_name="grpc-agent"
    )
    trace_id = f"trace_{free_port():032x}"
    spans = [
        Span(trace_id, f"span_{number}", f"span_{parent}" if parent else None, name, 10.0 + number)
        for number, parent, name in ((1, 0, "request"), (2, 1, "model_call"), (3, 1, "tool:x"))
    ]
    for span in spans:
        span.end_time = span.start_time + 1
    started = datetime.now(UTC).isoformat()
    await store.save_trace(Trace(trace_id, spans=spans, started_at=started))
    await asyncio.to_thread(lambda: asyncio.run(store.close()))

    listed = httpx2.get(f"{service.url}/v1/traces", params={"agent": "grpc-agent"}).json()

    names = {span["name"] for each in listed for span in service.trace(each["trace_id"])["spans"]}
    assert names == {"request", "model_call", "tool:x"}


def test_a_request_in_flight_is_finished_before_the_end(tmp_path: Path) -> None:
    """Half a request, the signal, the other half: it is answered, and what it wrote is there."""
    process = Service(sqlite(tmp_path), tmp_path).start()

    with ThreadPoolExecutor(1) as pool:
        answer = asyncio.run(_half_and_half(process, lambda: pool.submit(process.stop)))

    assert answer == b""
    assert not process.is_running
    with Service(sqlite(tmp_path), tmp_path) as again:
        assert again.trace(wire.TRACE.hex())["spans"]


async def _half_and_half(process: Service, stop: Callable[[], Any]) -> bytes:
    is_stopping = asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        await is_stopping.wait()
        yield wire.request("late").SerializeToString()

    async with grpc.aio.insecure_channel(f"127.0.0.1:{process.grpc_port}") as channel:
        begun = channel.stream_unary(TRACES)(late(), timeout=PATIENCE_S)
        # The request for the numbers is one of those in flight itself.
        await asyncio.to_thread(until, lambda: in_flight(process) >= 2)
        stopped = stop()
        await asyncio.to_thread(until, lambda: "Shutting down" in process.log)
        await asyncio.to_thread(until, lambda: not takes_new_ones(process))
        is_stopping.set()
        answer: bytes = await begun
    assert await asyncio.to_thread(stopped.result, PATIENCE_S) == 0
    return answer


def in_flight(process: Process) -> float:
    """How many requests it works on."""
    text = httpx2.get(f"{process.url}/metrics").text
    line = next(x for x in text.splitlines() if x.startswith("commonhold_http_requests_in_flight"))
    return float(line.rpartition(" ")[2])


def takes_new_ones(process: Service) -> bool:
    """Whether anybody still listens on its port for gRPC."""
    with grpc.insecure_channel(f"127.0.0.1:{process.grpc_port}") as channel:
        try:
            channel.unary_unary(TRACES)(b"", timeout=5)
        except grpc.RpcError:
            return False
    return True


def test_several_workers_share_the_port(tmp_path: Path) -> None:
    """Whoever of them takes it, it is kept, and all of them end in good order."""
    with Service(sqlite(tmp_path), tmp_path, "--workers", "2") as process:
        until(lambda: process.log.count("Taking OTLP over gRPC") == 2)
        spans = [finished_span(f"work {number}") for number in range(12)]
        results = {export(process.endpoint, [span]) for span in spans}

        assert results == {SpanExportResult.SUCCESS}
        assert all(process.trace(trace_id(span))["spans"] for span in spans)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_told_before_anything_begins(tmp_path: Path, workers: str) -> None:
    """Also by another service of ours, which gRPC would share the port with."""
    with Service(sqlite(tmp_path), tmp_path, "--workers", "2") as first:
        second = serve(tmp_path, "--otlp-grpc-port", str(first.grpc_port), "--workers", workers)

    assert second.returncode != 0
    assert "is taken by another process. Choose another port with --otlp-grpc-port." in (
        " ".join(second.stderr.split())
    )


def test_without_the_extra_the_service_says_what_to_install(tmp_path: Path) -> None:
    """And does not start, rather than listen to nobody."""
    ended = serve(tmp_path, "--otlp-grpc-port", str(free_port()), without="grpc")

    assert ended.returncode != 0
    assert "pip install 'commonhold[grpc]'" in " ".join(ended.stderr.split())


def test_without_the_extra_the_service_runs(tmp_path: Path) -> None:
    """Nothing of it is imported until a port is set."""
    code = "import sys; sys.modules['grpc'] = None; import commonhold.compose.app"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def serve(folder: Path, *flags: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """A service that is expected not to start."""
    hide = f"sys.modules[{without!r}] = None; " if without else ""
    code = f"import sys; {hide}from commonhold.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "serve", "--port", "0", *flags],
        env={**os.environ, "COMMONHOLD_DATABASE": sqlite(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
