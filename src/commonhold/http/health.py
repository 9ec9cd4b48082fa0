"""The routes that say how the service is. They are served under any load."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from commonhold.errors import Unavailable
from commonhold.http import schemas
from commonhold.http.call import NO_STORE, Answer, Call, reply
from commonhold.http.metrics import Metrics
from commonhold.http.operation import Endpoint, Operation, Reply

Check = Callable[[], Awaitable[None]]

_TEXT = ((b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode()), NO_STORE)


def health_operations(
    metrics: Metrics, check: Check, ready_timeout_s: float
) -> tuple[Operation, ...]:
    """`/healthz`, `/readyz` (`check`, given up after `ready_timeout_s`) and `/metrics`."""
    return (
        _probe(
            "/healthz",
            healthz,
            Reply("The process answers.", (schemas.Alive,)),
            "Whether the process is alive",
            "service.health",
        ),
        _probe(
            "/readyz",
            _readiness(check, ready_timeout_s),
            Reply("It can serve.", (schemas.Ready,)),
            "Whether the storage can be reached and its schema is current",
            "service.health",
        ),
        _probe(
            "/metrics",
            _numbers(metrics),
            Reply("The numbers.", (schemas.Metrics,), media=CONTENT_TYPE_PLAIN_0_0_4),
            "Numbers for Prometheus",
            "service.metrics",
        ),
    )


async def healthz(_call: Call) -> Answer:
    return reply({"status": "ok"})


def _readiness(check: Check, timeout_s: float) -> Endpoint:
    async def readyz(_call: Call) -> Answer:
        try:
            async with asyncio.timeout(timeout_s):
                await check()
        except TimeoutError:
            told = f"The storage has not answered for {timeout_s:g} seconds."
            raise Unavailable(told) from None
        return reply({"status": "ready"})

    return readyz


def _numbers(metrics: Metrics) -> Endpoint:
    async def get_metrics(_call: Call) -> Answer:
        return Answer(metrics.render(), 200, _TEXT)

    return get_metrics


def _probe(path: str, endpoint: Endpoint, told: Reply, summary: str, action: str) -> Operation:
    replies = {200: told}
    return Operation(
        "GET", path, endpoint, replies, summary, "service", action=action, is_probe=True
    )
