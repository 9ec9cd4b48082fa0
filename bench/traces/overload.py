"""`python -m bench overload`: more than the service can take, for minutes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console

from bench import servers
from bench.environment import BENCH, Environment
from bench.servers import Served
from bench.traces import requests
from bench.traces.endurance import Endured, kept, plot
from bench.traces.load import Load, LoadFailed, send, settle, watch
from bench.traces.run import field, spread
from bench.traces.subjects import COMMONHOLD, Backend, Place

EXPORTER = Environment(BENCH / "traces" / "exporter.txt", BENCH.parent / ".venv-exporter")
RESULTS = BENCH / "results"
FOR_EXPORTER_S = 5.0
"""The agent beside goes on for so long after the overload is over."""

SAMPLED = 200
console = Console(width=None if sys.stdout.isatty() else 120)


def overload(
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="On each database.")] = 5.0,
    connections: Annotated[
        int, typer.Option("--connections", help="As many requests wait at once.")
    ] = 512,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
) -> None:
    """More than the service can take: is its memory flat, and is nothing lost?"""
    EXPORTER.prepare(console, "The packages of OpenTelemetry's exporter are")
    backends: list[Backend] = [database] if database else ["sqlite", "postgres"]
    found: list[Endured] = []
    for backend in backends:
        with console.status(f"{backend}: {minutes:g} minutes of overload"):
            try:
                found.append(_endured(backend, minutes * 60, connections))
            except (LoadFailed, servers.NotStarted) as failure:
                console.print(f"[red]The run is void:[/] {failure}", highlight=False)
                raise typer.Exit(1) from None
        for line in found[-1].sentences():
            console.print(line, highlight=False)
    RESULTS.mkdir(exist_ok=True)
    summary = json.dumps([one.as_json() for one in found], indent=1)
    (RESULTS / "overload.json").write_text(f"{summary}\n")
    plot(found, RESULTS / "overload.png")
    console.print("Kept in bench/results/overload.json and overload.png")
    if not all(one.is_held for one in found):
        raise typer.Exit(1)


def _endured(backend: Backend, seconds: float, connections: int) -> Endured:
    with field(backend) as ground, ground.place() as place, COMMONHOLD.start(place) as served:
        return asyncio.run(_endure(served, place, seconds, connections))


async def _endure(served: Served, place: Place, seconds: float, connections: int) -> Endured:
    sent, exported = place.folder / "sent", place.folder / "exported"
    await settle(served)
    memory: list[int] = []
    watching = asyncio.create_task(watch(served.pid, 1.0, memory.append))
    load = Load(connections, seconds, seed=1, ids=sent)
    try:
        summary, said = await asyncio.gather(
            send(served, load), _export(served, seconds + FOR_EXPORTER_S, exported)
        )
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    stored = await _stored(place)
    acknowledged = kept(sent.read_bytes(), requests.SPANS_PER_TRACE, stored)
    beside = kept(exported.read_bytes(), requests.SPANS_PER_TRACE, stored)
    asked = COMMONHOLD.spans_of(served, spread(sent.read_bytes(), SAMPLED))
    if asked.count(requests.SPANS_PER_TRACE) < len(asked):
        raise LoadFailed(f"the service does not give back what its database has: {asked}")
    return Endured(place.backend, memory, summary, acknowledged, beside, said["complaints"])


async def _export(served: Served, seconds: float, ids: Path) -> dict[str, Any]:
    """Run the agent with the SDK; what it says in the end."""
    process = await asyncio.create_subprocess_exec(
        *(str(EXPORTER.python()), "-m", "bench.traces.exporting"),
        *("--endpoint", f"{served.url}/v1/traces"),
        *("--seconds", str(seconds), "--ids", str(ids)),
        cwd=BENCH.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode:
        raise LoadFailed(f"the exporter failed: {errors.decode()[-2000:]}")
    said: dict[str, Any] = json.loads(output)
    return said


async def _stored(place: Place) -> Mapping[str, int]:
    """Spans by trace, from the database itself."""
    query = f"SELECT trace_id, count(*) FROM {COMMONHOLD.table} GROUP BY trace_id"
    if place.backend == "sqlite":
        with closing(sqlite3.connect(f"file:{place.address}?mode=ro", uri=True)) as file:
            return {_hex(trace_id): count for trace_id, count in file.execute(query)}
    connection = await asyncpg.connect(place.address)
    try:
        return {_hex(row[0]): row[1] for row in await connection.fetch(query)}
    finally:
        await connection.close()


def _hex(trace_id: str | bytes) -> str:
    return trace_id if isinstance(trace_id, str) else trace_id.hex()
