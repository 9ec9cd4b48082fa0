"""Numbers for Prometheus. No label ever holds a user, a session or a path as it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

Stats = Callable[[], Mapping[str, float]]

UNMATCHED = "other"
"""The route label of every path that is not a route: paths come from outside."""

REFRESH_S = 1.0

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_TOTAL = "_total"


class Metrics:
    """The numbers of one application.

    With `multiprocess_dir`, `/metrics` of any worker tells the sum over all of them. The
    library decides at its import whether values are shared, by `PROMETHEUS_MULTIPROC_DIR`: that
    variable has to be set before this process starts.
    """

    def __init__(self, multiprocess_dir: str | None = None) -> None:
        # A third of all series, and of no use where processes restart.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._dir = multiprocess_dir
        self._registry = CollectorRegistry()
        self._stats: list[Stats] = []
        self._shared: dict[str, Gauge] = {}
        self._is_refreshing = False
        self._requests = Counter(
            "commonhold_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._latency = Histogram(
            "commonhold_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._operations = Histogram(
            "commonhold_store_operation_duration_seconds",
            "Calls of the stores.",
            ("operation", "outcome"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._redactions = Counter(
            "commonhold_redactions",
            "What was replaced in what was written, by rule.",
            ("rule",),
            registry=self._registry,
        )
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._operated: dict[tuple[str, str], Histogram] = {}
        if multiprocess_dir is None:
            self._registry.register(_Watched(self._stats))

    def watch(self, stats: Stats) -> None:
        """Let numbers kept elsewhere appear, each as `commonhold_<name>`.

        What ends in `_total` is a counter, anything else a gauge.
        """
        self._stats.append(stats)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        found = self._answered.get(key)
        if found is None:
            found = self._answered[key] = self._children(method, route, status)
        found[0].inc()
        found[1].observe(seconds)
        if self._dir is not None and not self._is_refreshing:
            self._is_refreshing = True
            asyncio.get_running_loop().call_later(REFRESH_S, self._refresh)

    def operated(self, operation: str, outcome: str, seconds: float) -> None:
        """Count one call of a store: `operation` as `sessions.put`, `outcome` `ok` or a code."""
        key = (operation, outcome)
        found = self._operated.get(key)
        if found is None:
            found = self._operated[key] = self._operations.labels(operation, outcome)
        found.observe(seconds)

    def redacted(self, found: Mapping[str, int]) -> None:
        """Count what was replaced in one write, by rule."""
        for rule, count in found.items():
            self._redactions.labels(rule).inc(count)

    def render(self) -> bytes:
        """The numbers in Prometheus text format 0.0.4."""
        if self._dir is None:
            return generate_latest(self._registry)
        self._refresh()
        shared = CollectorRegistry()
        MultiProcessCollector(shared, path=self._dir)  # type: ignore[no-untyped-call]
        return generate_latest(shared)

    def _children(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        # The method is free text too.
        name = method if method in _METHODS else UNMATCHED
        return (
            self._requests.labels(name, route, str(status)),
            self._latency.labels(name, route),
        )

    def _refresh(self) -> None:
        """Write the watched numbers of this worker where the others can read them."""
        self._is_refreshing = False
        for name, value in _read(self._stats).items():
            gauge = self._shared.get(name)
            if gauge is None:
                # What a worker has counted stays counted when it ends; its pool does not.
                gauge = self._shared[name] = Gauge(
                    f"commonhold_{name}",
                    _doc(name),
                    registry=None,
                    multiprocess_mode="sum" if name.endswith(_TOTAL) else "livesum",
                )
            gauge.set(value)


class _Watched(Collector):
    """Reads the watched numbers when they are asked for."""

    def __init__(self, stats: list[Stats]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        for name, value in _read(self._stats).items():
            kind = CounterMetricFamily if name.endswith(_TOTAL) else GaugeMetricFamily
            yield kind(f"commonhold_{name}", _doc(name), value=value)


def _read(sources: list[Stats]) -> dict[str, float]:
    found: dict[str, float] = {}
    for stats in sources:
        for name, value in stats().items():
            found[name] = found.get(name, 0.0) + value
    return found


def _doc(name: str) -> str:
    return f"{name.removesuffix(_TOTAL).replace('_', ' ').capitalize()}."
