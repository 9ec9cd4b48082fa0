"""One subject under load: the generator in its own process, and what it cost meanwhile."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench import servers
from bench.servers import Served
from bench.traces.subjects import Subject

STARTED_S = 1.0
"""How long a service that starts must do nothing to be at rest, in seconds."""

SAMPLE_S = 0.25


class LoadFailed(Exception):
    """The generator came to no result."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator is asked for."""

    connections: int
    seconds: float
    seed: int
    headers: dict[str, str] = field(default_factory=dict)
    ids: Path | None = None

    def command(self, port: int) -> list[str]:
        """The generator's command line."""
        given: dict[str, object] = {
            "port": port,
            "connections": self.connections,
            "seconds": self.seconds,
        }
        given |= {"seed": self.seed, "headers": json.dumps(self.headers)}
        given |= {} if self.ids is None else {"ids": self.ids}
        parts = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        return [sys.executable, "-m", "bench.traces.generator", *parts]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a load took: shares of one core, and the most memory that was held."""

    service_cpu: float
    database_cpu: float
    memory: int


def load_of(subject: Subject, seconds: float, seed: int, ids: Path | None = None) -> Load:
    """A load that suits a subject."""
    return Load(subject.connections, seconds, seed, subject.headers, ids)


async def send(served: Served, load: Load) -> dict[str, Any]:
    """Carry a load out; the generator's summary.

    Raises:
        LoadFailed: it has none.
    """
    process = await asyncio.create_subprocess_exec(
        *load.command(served.port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise LoadFailed(f"the generator failed: {errors.decode()[-2000:]}")
    summary: dict[str, Any] = json.loads(output)
    return summary


async def measured(
    served: Served, load: Load, database_pid: int | None
) -> tuple[dict[str, Any], Cost]:
    """Carry a load out and watch what it costs."""
    held: list[int] = []
    watching = asyncio.create_task(watch(served.pid, SAMPLE_S, held.append))
    before = _cpu(served, database_pid)
    try:
        summary = await send(served, load)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    service, database = (
        (now - then) / summary["seconds"]
        for now, then in zip(_cpu(served, database_pid), before, strict=True)
    )
    return summary, Cost(service, database, max(held, default=0))


async def watch(pid: int, every_s: float, told: Callable[[int], None]) -> None:
    """Tell the memory of a process again and again, until cancelled."""
    while True:
        told(servers.memory_of(pid))
        await asyncio.sleep(every_s)


async def settle(served: Served) -> None:
    """Wait until a service that has just been started is at rest, or for as long as is sensible."""
    with suppress(psutil.NoSuchProcess):
        await asyncio.to_thread(servers.settle, [served.pid], STARTED_S)


def _cpu(served: Served, database_pid: int | None) -> tuple[float, float]:
    return served.cpu_seconds(), servers.cpu_of(database_pid) if database_pid else 0.0
