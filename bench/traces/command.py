"""`python -m bench traces`: measure, show, keep."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import servers
from bench.environment import BENCH
from bench.traces import page, plot, run, show
from bench.traces.load import LoadFailed
from bench.traces.results import Found, Visit
from bench.traces.run import QUICK, Plan
from bench.traces.subjects import MLFLOW, PHOENIX, SUBJECTS, Backend, Subject

RESULTS = BENCH / "results"
console = Console(width=None if sys.stdout.isatty() else 120)


def traces(
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and noisier.")] = False,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="commonhold, mlflow or phoenix; repeatable."),
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also write docs/reference/traces.md and its plot.")
    ] = False,
) -> None:
    """Spans over OTLP beside MLflow, Phoenix, and a bare bulk insert of the same rows."""
    if publish and (quick or database or only):
        raise typer.BadParameter("only a whole run is published: leave out the other options")
    subjects = tuple(one for one in SUBJECTS if not only or one.who in only)
    if not subjects:
        raise typer.BadParameter("--only takes commonhold, mlflow and phoenix")
    _prepare(subjects)
    backends: list[Backend] = [database] if database else ["sqlite", "postgres"]
    try:
        found = Found(_measure(backends, subjects, QUICK if quick else Plan()), _facts())
    except (LoadFailed, servers.NotStarted) as failure:
        console.print(f"[red]The run is void:[/] {failure}", highlight=False)
        raise typer.Exit(1) from None
    show.show(console, found)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "traces.json").write_text(json.dumps(found.as_json(), indent=1) + "\n")
    plot.plot(found, RESULTS / "traces.png")
    console.print("Kept in bench/results/traces.json and traces.png")
    if publish:
        page.publish(found)
        console.print("Published in docs/reference/traces.md and traces.png")


def _prepare(subjects: tuple[Subject, ...]) -> None:
    for who, environment in (("mlflow", MLFLOW), ("phoenix", PHOENIX)):
        if any(subject.who == who for subject in subjects):
            environment.prepare(console, f"The packages of {who} are")


def _measure(backends: list[Backend], subjects: tuple[Subject, ...], plan: Plan) -> list[Visit]:
    columns = (TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn())
    visits: list[Visit] = []
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(backends) * run.steps(subjects, plan))

        def told(what: str) -> None:
            progress.update(task, description=what, advance=1)

        for backend in backends:
            for visit in run.measure(backend, subjects, plan, told):
                visits.append(visit)
                progress.console.print(show.short(visit), highlight=False)
    return visits


def _facts() -> dict[str, str]:
    """Versions that the numbers depend on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "mlflow": MLFLOW.pinned()["mlflow"],
        "arize-phoenix": PHOENIX.pinned()["arize-phoenix"],
    }
