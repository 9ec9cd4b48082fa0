"""`python -m bench feedback`: measure, show, keep."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from bench import servers
from bench.asking import NotAnswered
from bench.environment import BENCH
from bench.feedback import page
from bench.feedback.measure import measure
from bench.feedback.results import Found
from bench.load import BadRun
from bench.traces.run import field
from bench.traces.subjects import Backend

RESULTS = BENCH / "results"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
QUICK = SIZES[:2]
LONGEST = 1_000_000
"""Records of a file."""

BYTES_PER_RECORD = 3_000
"""Disk it takes at most, with indexes and all, while it is filled."""

console = Console(width=None if sys.stdout.isatty() else 120)


def feedback(
    quick: Annotated[bool, typer.Option("--quick", help="Up to 100,000 records.")] = False,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also write docs/reference/feedback.md and its plot.")
    ] = False,
) -> None:
    """What feedback costs among 10,000 records, and among 10,000,000."""
    if publish and (quick or database):
        raise typer.BadParameter("only a whole run is published: leave out the other options")
    if shutil.which("wrk") is None:
        raise typer.BadParameter("the load generator `wrk` is not installed: apt-get install wrk")
    backends: list[Backend] = [database] if database else ["sqlite", "postgres"]
    found = [_measured(backend, QUICK if quick else SIZES) for backend in backends]
    RESULTS.mkdir(exist_ok=True)
    kept = json.dumps([asdict(each) for each in found], indent=1)
    (RESULTS / "feedback.json").write_text(f"{kept}\n")
    page.plot(found, RESULTS / "feedback.png")
    console.print("Kept in bench/results/feedback.json and feedback.png")
    if publish:
        page.publish(found)
        console.print("Published in docs/reference/feedback.md and feedback.png")
    if not all(each.is_held for each in found):
        console.print("[red]Not everything that is promised was found.[/]")
        raise typer.Exit(1)


def _measured(backend: Backend, sizes: tuple[int, ...]) -> Found:
    exported = (sizes[0], min(sizes[-1], LONGEST))
    with field(backend) as ground, console.status(backend) as status:
        needed = sizes[-1] * BYTES_PER_RECORD
        if shutil.disk_usage(ground.folder).free < needed:
            raise typer.BadParameter(f"this takes up to {needed / 1e9:.0f} GB on disk: try --quick")
        try:
            found = measure(ground, sizes, exported, status.update)
        except (NotAnswered, BadRun, servers.NotStarted) as failure:
            console.print(f"[red]{backend}: {failure}[/]", highlight=False)
            raise typer.Exit(1) from None
    for table in page.tables(found):
        console.print(table)
    return found
