"""`python -m bench tracelists`: a page of traces among a hundred thousand spans, and ten million."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import servers
from bench.asking import NotAnswered, median_ms
from bench.environment import BENCH
from bench.payloads import AGENT_TYPES
from bench.traces import copies, seeds
from bench.traces.requests import SPANS_PER_TRACE
from bench.traces.run import Field, field
from bench.traces.subjects import COMMONHOLD, NAMES, Backend, Place

RESULTS = BENCH / "results"
FEW, MANY, FEWER_MANY = 10_000, 1_000_000, 100_000
"""Traces; a tenth of their spans."""

BOUND = 3.0
PAGE = 50
BYTES_PER_SPAN = 3_000
"""Disk it takes at most, with indexes and all, while it is filled."""

QUERIES: Mapping[str, str] = {
    "newest": "",
    "agent": f"agent={AGENT_TYPES[0]}",
    "model": f"model={seeds.MODELS[3]}",
    "errors": "status=error",
    "slow": f"min_duration_ms={seeds.SLOW_MS}",
    "longest first": "sort=duration",
    "thumbs down": "feedback=down",
    "a word": f"q={seeds.NEEDLE}",
    "agent and errors": f"agent={AGENT_TYPES[0]}&status=error",
}
"""One page of fifty each. Every filter has more than a page of matches at every size."""

Times = dict[str, dict[int, float]]
console = Console(width=None if sys.stdout.isatty() else 120)


def tracelists(
    quick: Annotated[bool, typer.Option("--quick", help="Up to 1,000,000 spans.")] = False,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
) -> None:
    """What a page of fifty traces costs among 100,000 spans, and among 10,000,000."""
    many = FEWER_MANY if quick else MANY
    backends: list[Backend] = [database] if database else ["sqlite", "postgres"]
    found: dict[str, Times] = {}
    for backend in backends:
        with field(backend) as ground, console.status(backend) as status:
            _check_room(ground, many)
            try:
                found[backend] = _measure(ground, many, status.update)
            except (NotAnswered, servers.NotStarted) as failure:
                console.print(f"[red]{backend}: {failure}[/]", highlight=False)
                raise typer.Exit(1) from None
        console.print(_table(backend, found[backend]))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "tracelists.json").write_text(json.dumps(found, indent=1) + "\n")
    console.print("Kept in bench/results/tracelists.json")


def _check_room(ground: Field, many: int) -> None:
    needed = many * SPANS_PER_TRACE * BYTES_PER_SPAN
    if shutil.disk_usage(ground.folder).free < needed:
        raise typer.BadParameter(f"this takes up to {needed / 1e9:.0f} GB on disk: try --quick")


def _measure(ground: Field, many: int, told: copies.Told) -> Times:
    times: Times = {name: {} for name in QUERIES}
    with ground.place() as place:
        with COMMONHOLD.start(place) as served:
            told(f"{place.backend}: the first {seeds.TRACES:,} traces")
            asyncio.run(seeds.plant(served.url))
        done = 1
        for size in (FEW, many):
            copied = size // seeds.TRACES
            asyncio.run(copies.copy(place, done, copied - 1, seeds.TRACES * seeds.APART_US, told))
            done = copied
            _ask(place, size, times, told)
    return times


def _ask(place: Place, size: int, times: Times, told: copies.Told) -> None:
    held = asyncio.run(place.count("trace"))
    if held != size:
        raise NotAnswered(f"{held:,} traces are there, not {size:,}")
    with COMMONHOLD.start(place) as served:
        for name, query in QUERIES.items():
            told(f"{place.backend}: {name}, among {size:,} traces")
            path = f"/v1/traces?limit={PAGE}&{query}"
            times[name][size] = median_ms(served, path, lambda found: len(found) == PAGE)


def _table(backend: Backend, times: Times) -> Table:
    sizes = list(next(iter(times.values())))
    table = Table(title=f"{NAMES[backend]}: ms of a page of {PAGE}", title_justify="left")
    table.add_column("by")
    for size in sizes:
        table.add_column(f"{size * SPANS_PER_TRACE:,} spans", justify="right")
    table.add_column("ratio", justify="right")
    for name, by_size in times.items():
        ratio = by_size[sizes[-1]] / by_size[sizes[0]]
        colour = "green" if ratio < BOUND else "red"
        cells = (f"{by_size[size]:.2f}" for size in sizes)
        table.add_row(name, *cells, f"[{colour}]{ratio:.2f}x[/]")
    return table
