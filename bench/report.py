"""Results as a table, a plot, a JSON file and a page."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from rich.table import Table

from bench.measure import Comparison

NAMES = {"sqlite": "SQLite", "postgres": "Postgres"}
COLOURS = {"sqlite": "#2a6f97", "postgres": "#f4a259"}
BUSY = 0.9
"""A share of one core above which a process has no more to give."""


def table(found: Sequence[Comparison]) -> Table:
    """The comparison for a terminal: requests per second and their ratio."""
    shown = _table("Commonhold against the stores agents use today, requests per second")
    for name in ("ours", "theirs", "ratio", "target"):
        shown.add_column(name, justify="right")
    for row in found:
        colour = "green" if row.is_met else "red"
        ratio = f"[bold {colour}]{row.ratio:.2f}x[/]"
        rates = f"{row.ours.rate:,.0f}", f"{row.theirs.rate:,.0f}"
        shown.add_row(row.title, NAMES[row.backend], *rates, ratio, f"{row.target:g}x")
    return shown


def costs(found: Sequence[Comparison]) -> Table:
    """What stands behind the rates: processor time, waiting, and the generator's part in it."""
    shown = _table("What it cost, ours / theirs")
    for name in ("cpu us each", "service", "database", "p99 ms", "generator", "headroom"):
        shown.add_column(name, justify="right")
    for row in found:
        both = (row.ours, row.theirs)
        shown.add_row(
            row.title,
            NAMES[row.backend],
            " / ".join(f"{run.service_us:.0f}" for run in both),
            " / ".join(f"{run.service_cpu:.2f}" for run in both),
            " / ".join(f"{run.database_cpu:.2f}" for run in both),
            " / ".join(f"{run.p99_us / 1000:.1f}" for run in both),
            f"{row.ours.generator_cpu:.2f}",
            f"{row.headroom:.0f}x",
        )
    return shown


def _table(title: str) -> Table:
    shown = Table(title=title)
    shown.add_column("requests", no_wrap=True)
    shown.add_column("database", no_wrap=True)
    return shown


def verdict(found: Sequence[Comparison]) -> list[str]:
    """What the numbers say, also about themselves."""
    missed = [row for row in found if not row.is_met]
    lines = [f"{len(found) - len(missed)} of {len(found)} targets met."]
    lines += [
        f"missed: {row.title} on {NAMES[row.backend]}: {row.ratio:.2f}x of {row.target:g}x"
        for row in missed
    ]
    return [*lines, generator_claim(found)]


def generator_claim(found: Sequence[Comparison]) -> str:
    """How busy the load generator was, and how far it could have gone."""
    busiest = max(row.ours.generator_cpu for row in found)
    least = min(row.headroom for row in found)
    held = busiest < BUSY and least > 1.5
    word = "was not" if held else "MAY HAVE BEEN"
    return (
        f"The load generator {word} the bottleneck: it used at most {busiest:.0%} of one core, and"
        f" against a server that does nothing it was at least {least:.1f} times as fast as here."
    )


def plot(found: Sequence[Comparison], path: Path) -> None:
    """Ratios as bars, targets as marks."""
    titles = list(dict.fromkeys(row.title for row in found))
    backends = list(dict.fromkeys(row.backend for row in found))
    figure = Figure(figsize=(9, 1.4 + 0.5 * len(titles)), layout="constrained")
    axes = figure.add_subplot()
    height = 0.8 / len(backends)
    for number, backend in enumerate(backends):
        rows = [row for row in found if row.backend == backend]
        places = [titles.index(row.title) + number * height for row in rows]
        ratios = [row.ratio for row in rows]
        bars = axes.barh(places, ratios, height, color=COLOURS[backend], label=NAMES[backend])
        axes.bar_label(bars, [f" {ratio:.1f}x" for ratio in ratios], fontsize=8)
    for row in found:
        middle = titles.index(row.title) + (len(backends) - 1) * height / 2
        axes.vlines(row.target, middle - 0.42, middle + 0.42, color="#333333", linewidth=1.5)
    axes.set_yticks([n + (len(backends) - 1) * height / 2 for n in range(len(titles))], titles)
    axes.invert_yaxis()
    axes.axvline(1, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xlabel("times the rate of the fipsagents stores (black mark: the target)")
    axes.margins(x=0.1)
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def write_json(found: Sequence[Comparison], path: Path) -> None:
    """Everything that was measured, for a later comparison."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"python": platform.python_version(), "results": [row.as_json() for row in found]}
    path.write_text(json.dumps(facts, indent=1) + "\n")
