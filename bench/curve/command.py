"""`python -m bench curve`: measure, show, keep."""

from __future__ import annotations

import json
import platform
import sqlite3
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.curve import page, plot, run, show
from bench.curve.cases import QUICK, Backend, Plan
from bench.curve.results import Found, Point
from bench.environment import BENCH, PEERS

RESULTS = BENCH / "results"
console = Console()


def curve(
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and noisier.")] = False,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also write docs/reference/curve.md and its plot.")
    ] = False,
) -> None:
    """What one more turn costs as a session grows, beside the stores of today's frameworks."""
    if publish and (quick or database):
        raise typer.BadParameter("only a whole run is published: leave out --quick and --database")
    plan = QUICK if quick else Plan()
    PEERS.prepare(console, "The compared frameworks are")
    try:
        found = _measure([database] if database else ["sqlite", "postgres"], plan)
    except run.WorkerFailed as failure:
        console.print(f"[red]The run is void:[/] {failure}", highlight=False)
        raise typer.Exit(1) from None
    show.show(console, found)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "curve.json").write_text(json.dumps(found.as_json(), indent=1) + "\n")
    plot.plot(found, RESULTS / "curve.png")
    console.print("Kept in bench/results/curve.json and curve.png")
    if publish:
        page.publish(found)
        console.print("Published in docs/reference/curve.md and curve.png")


def _measure(backends: list[Backend], plan: Plan) -> Found:
    columns = (TextColumn("{task.description:<58}"), BarColumn(), TimeElapsedColumn())
    points: list[Point] = []
    rows: run.Rows = {}
    with (
        Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress,
        tempfile.TemporaryDirectory(prefix="commonhold-curve-") as folder,
    ):
        task = progress.add_task("starting", total=len(backends) * run.steps(plan))
        for backend in backends:
            more, read = run.measure(
                backend,
                plan,
                Path(folder),
                lambda what: progress.update(task, description=what, advance=1),
            )
            points += more
            rows |= read
    return Found(points, rows, _facts())


def _facts() -> dict[str, str]:
    """Versions that the numbers depend on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **PEERS.pinned(),
    }
