"""Log records and metrics of OpenTelemetry, however they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from commonhold.contract.traces import Traces
from commonhold.model.otel import OtelLog, Rejected

T = TypeVar("T")

IN_LINE_BYTES = 128 * 1024
"""A larger body is decoded in a thread, so that nobody else waits for it."""

_NOT_KEPT = (
    "Metrics are not kept here: let Prometheus scrape your agents, or set "
    "OTEL_METRICS_EXPORTER=none."
)


async def keep_logs(
    traces: Traces, body: bytes, decode: Callable[[bytes], tuple[list[OtelLog], Rejected]]
) -> Rejected:
    """Keep the records of `gen_ai.` events with their spans; the others are left out and told.

    Raises:
        MalformedBody: it is no such request; nothing was written.
        Unavailable: nothing was written; it is to be sent again.
    """
    logs, rejected = await _decoded(body, decode)
    await traces.record_logs(logs)
    return rejected


async def decline_metrics(body: bytes, count: Callable[[bytes], int]) -> Rejected:
    """Decline politely: an error would be logged by every exporter every minute.

    Raises:
        MalformedBody: it is no such request.
    """
    points = await _decoded(body, count)
    return Rejected(points, _NOT_KEPT if points else "")


async def _decoded(body: bytes, decode: Callable[[bytes], T]) -> T:
    """What `decode` makes of the body, without holding up others for long."""
    if len(body) <= IN_LINE_BYTES:
        return decode(body)
    return await asyncio.to_thread(decode, body)
