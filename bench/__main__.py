"""`python -m bench`: measure, show, keep."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench import measure, page, report, workloads
from bench.curve.command import curve
from bench.feedback.command import feedback
from bench.growth import growth
from bench.identity import identity
from bench.lists import lists
from bench.load import BadRun
from bench.measure import Comparison, Plan, Sides
from bench.seeding import Mismatch
from bench.tenants import tenants
from bench.traces.command import traces
from bench.traces.lists import tracelists
from bench.traces.overload import overload
from tests.databases import Databases
from tests.postgres import PostgresServer

RESULTS = Path(__file__).with_name("results")
QUICK = Plan(seconds=1, repetitions=1)
Backend = Literal["sqlite", "postgres"]
console = Console(width=None if sys.stdout.isatty() else 120)
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Speed of Commonhold, as ratios measured in one run.",
)


@app.callback()
def main() -> None:
    """Speed of Commonhold, as ratios measured in one run."""


@app.command()
def native(
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and noisier.")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A part of a workload's name; repeatable.")
    ] = None,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also write docs/reference/speed.md and its plot.")
    ] = False,
) -> None:
    """Native reads and writes against the `fipsagents` stores behind FastAPI."""
    if shutil.which("wrk") is None:
        raise typer.BadParameter("the load generator `wrk` is not installed: apt-get install wrk")
    try:
        chosen = workloads.named(only or [])
    except KeyError as unknown:
        names = ", ".join(workload.name for workload in workloads.ALL)
        raise typer.BadParameter(
            f"no workload is named like {unknown}; there are {names}"
        ) from None
    found = _measure([database] if database else ["sqlite", "postgres"], chosen, quick)
    console.print(report.table(found))
    console.print(report.costs(found))
    for line in report.verdict(found):
        console.print(line)
    report.write_json(found, RESULTS / "native.json")
    report.plot(found, RESULTS / "native.png")
    console.print("Kept in bench/results/native.json and native.png")
    if publish:
        page.publish(found)


def _measure(
    backends: list[Backend], chosen: tuple[workloads.Workload, ...], quick: bool
) -> list[Comparison]:
    plan = QUICK if quick else Plan()
    found: list[Comparison] = []
    columns = (TextColumn("{task.description:<62}"), BarColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress,
        tempfile.TemporaryDirectory(prefix="commonhold-bench-") as folder,
    ):
        task = progress.add_task("starting", total=len(backends) * measure.steps(chosen, plan))

        def told(what: str, done: int) -> None:
            progress.update(task, description=what, advance=done)

        for backend in backends:
            with _sides(backend, Path(folder)) as sides:
                try:
                    found += measure.compare(sides, chosen, plan, Path(folder), told)
                except (BadRun, Mismatch) as failure:
                    progress.stop()
                    console.print(f"[red]{backend}: {failure}[/]")
                    raise typer.Exit(1) from None
    return found


app.command("curve")(curve)
app.command("growth")(growth)
app.command("lists")(lists)
app.command("traces")(traces)
app.command("overload")(overload)
app.command("tracelists")(tracelists)
app.command("tenants")(tenants)
app.command("feedback")(feedback)
app.command("identity")(identity)


@contextmanager
def _sides(backend: Backend, folder: Path) -> Iterator[Sides]:
    if backend == "sqlite":
        yield Sides("sqlite", f"sqlite:///{folder}/ours.db", f"{folder}/theirs.db")
        return
    with PostgresServer(durable=True) as server:
        names = Databases(server.dsn)
        ours, theirs = (server.dsn(names.create()) for _ in range(2))
        yield Sides("postgres", ours, theirs, server.pid)


if __name__ == "__main__":
    app()
