"""A run as tables for a terminal, and as the cells of the page."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from bench.traces.results import BARE, Found, Visit
from bench.traces.subjects import NAMES, SUBJECTS, Backend

TITLES = {subject.who: subject.title for subject in SUBJECTS} | {BARE: "bare bulk insert"}
RATES = ("acknowledged/s", "readable/s", "not readable", "errors", "refused", "complete")
COSTS = ("p50 ms", "p99 ms", "memory MB", "service", "database", "generator")

Cells = Callable[[Found, Backend, str], list[str]]


def rates(found: Found, backend: Backend, who: str) -> list[str]:
    """What came in, and what of it could be read; under the headings of RATES."""
    visits = found.of(backend, who)
    acknowledged = found.median(backend, who, lambda one: one.acknowledged_rate)
    readable = found.median(backend, who, lambda one: one.readable_rate)
    unread = max(one.unread for one in visits)
    asked = sum(one.asked for one in visits)
    return [
        f"{acknowledged:,.0f}",
        f"{readable:,.0f}",
        f"{unread:.0%}" if unread else "",
        f"{sum(one.errors for one in visits):,}" if asked or who != BARE else "",
        f"{sum(one.refused for one in visits):,}" if asked or who != BARE else "",
        f"{sum(one.complete for one in visits)} of {asked}" if asked else "",
    ]


def costs(found: Found, backend: Backend, who: str) -> list[str]:
    """What it took; under the headings of COSTS. Processor time is in shares of one core."""
    if who == BARE:
        return [""] * len(COSTS)

    def middle(name: str) -> float:
        value = found.median(backend, who, lambda one: float(getattr(one, name)))
        return value or 0.0

    shares = [f"{middle(name):.2f}" for name in ("service_cpu", "database_cpu", "generator_cpu")]
    waits = [f"{middle(name):,.0f}" for name in ("p50_ms", "p99_ms")]
    return [*waits, f"{middle('memory') / 1e6:,.0f}", *shares]


def show(console: Console, found: Found) -> None:
    """Both tables and every promise."""
    console.print(_table("Spans a second, medians", RATES, found, rates))
    console.print(_table("What it took", COSTS, found, costs))
    for promise in found.promises():
        console.print(promise.sentence, style="green" if promise.is_kept else "red")


def short(visit: Visit) -> str:
    """One visit in a line."""
    return (
        f"{NAMES[visit.backend]}, {TITLES[visit.who]}:"
        f" {visit.acknowledged_rate:,.0f} acknowledged/s, {visit.readable_rate:,.0f} readable/s"
    )


def _table(title: str, headings: tuple[str, ...], found: Found, cells: Cells) -> Table:
    table = Table(title=title)
    table.add_column("database", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    for backend in found.backends:
        for who in TITLES:
            if found.of(backend, who):
                table.add_row(NAMES[backend], TITLES[who], *cells(found, backend, who))
    return table
