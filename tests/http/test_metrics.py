"""Numbers for Prometheus."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from commonhold.contract.stores import Stores
from commonhold.http import Metrics, create_app
from commonhold.sql import SqlBackend
from tests.http.conftest import over

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Every sample by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def requests(text: str) -> dict[tuple[str, str, str], float]:
    """The requests counted, by method, route and status."""
    return {
        (labels["method"], labels["route"], labels["status"]): value
        for (name, pairs), value in samples(text).items()
        if name == "commonhold_http_requests_total"
        for labels in [dict(pairs)]
    }


async def test_requests_are_counted_by_route_and_never_by_path(
    service: httpx2.AsyncClient,
) -> None:
    """Ids, unknown paths and made-up methods add no series."""
    for key in ("alice", "bob"):
        await service.put(f"/v1/sessions/{key}", json={"messages": []})
        await service.get(f"/nowhere/{key}")
        await service.request(f"BREW{key}", "/healthz")
        await service.get("/v1/sessions", headers={"Host": f"{key}.example"})
    answer = await service.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "alice" not in answer.text
    assert requests(answer.text) == {
        ("PUT", "/v1/sessions/{session_id}", "200"): 2,
        ("GET", "other", "404"): 2,
        ("other", "/healthz", "405"): 2,
        ("GET", "other", "403"): 2,
    }


async def test_latency_is_a_histogram_by_route(service: httpx2.AsyncClient) -> None:
    """Its count is that of the requests."""
    await service.get("/healthz")
    await service.get("/healthz/")
    found = samples((await service.get("/metrics")).text)
    labels = (("method", "GET"), ("route", "/healthz"))

    assert found["commonhold_http_request_duration_seconds_count", labels] == 2
    assert found["commonhold_http_request_duration_seconds_sum", labels] > 0


async def test_what_others_count_appears(backend: SqlBackend) -> None:
    """A name that ends in `_total` as a counter, anything else as a gauge, summed over sources."""
    metrics = Metrics()
    metrics.watch(backend.database.stats)
    metrics.watch(lambda: {"pool_size": 3, "rows_written_total": 1})
    metrics.watch(lambda: {"pool_size": 4})
    metrics.operated("sessions.put", "ok", 0.002)
    metrics.operated("sessions.put", "ok", 0.002)
    async with over(create_app(Stores.on(backend), metrics=metrics)) as client:
        await client.put("/v1/sessions/s", json={"messages": [{"role": "user"}]})
        text = (await client.get("/metrics")).text
    found = samples(text)

    assert found["commonhold_pool_size", ()] == 7
    assert found["commonhold_rows_written_total", ()] > 1
    assert "# TYPE commonhold_rows_written_total counter" in text
    assert "# TYPE commonhold_pool_size gauge" in text
    labels = (("operation", "sessions.put"), ("outcome", "ok"))
    assert found["commonhold_store_operation_duration_seconds_count", labels] == 2


async def test_two_services_in_one_process_count_apart(backend: SqlBackend) -> None:
    """A registry is never shared by accident."""
    stores = Stores.on(backend)
    async with over(create_app(stores)) as one, over(create_app(stores)) as other:
        await one.get("/healthz")
        counted = requests((await other.get("/metrics")).text)

    assert counted == {}


WORKER = """
import asyncio, sys
from commonhold.http.metrics import Metrics

async def work():
    metrics = Metrics(sys.argv[1])
    metrics.watch(lambda: {"pool_size": 2, "rows_written_total": 5})
    for _ in range(3):
        metrics.answered("GET", "/v1/sessions", 200, 0.01)
    return metrics.render().decode()

print(asyncio.run(work()))
"""


def test_workers_tell_the_sum_over_all_of_them(tmp_path: Path) -> None:
    """Any of them, also of those that have ended; their pools have gone with them."""
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    texts = [
        subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path)],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]

    assert [requests(text)["GET", "/v1/sessions", "200"] for text in texts] == [3, 6]
    assert samples(texts[1])["commonhold_rows_written_total", ()] == 10
