"""Spans a second as bars, on a logarithmic scale; what is only acknowledged is pale."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.traces.results import BARE, Found
from bench.traces.show import TITLES
from bench.traces.subjects import NAMES, Backend

COLOURS = {"commonhold": "#2a6f97", "mlflow": "#f4a259", "phoenix": "#bc4b51", BARE: "#9a9a9a"}
GREY, PALE = "#555555", "#e4e4e4"


def plot(found: Found, path: Path) -> None:
    """One panel for each database."""
    backends = found.backends
    figure = Figure(figsize=(10, 0.8 + 2.3 * len(backends)), layout="constrained")
    grid = figure.subplots(len(backends), 1, sharex=True, squeeze=False)
    for axes, backend in zip(grid[:, 0], backends, strict=True):
        _panel(axes, found, backend)
    grid[-1, 0].set_xlabel("spans a second, readable afterwards (pale: acknowledged, not readable)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, facecolor="white")


def _panel(axes: Axes, found: Found, backend: Backend) -> None:
    shown = [who for who in reversed(TITLES) if found.of(backend, who)]
    for place, who in enumerate(shown):
        readable = found.median(backend, who, lambda one: one.readable_rate) or 0.0
        acknowledged = found.median(backend, who, lambda one: one.acknowledged_rate) or 0.0
        axes.barh(place, acknowledged, color=COLOURS[who], alpha=0.25, height=0.62, zorder=2)
        axes.barh(place, readable, color=COLOURS[who], height=0.62, zorder=3)
        axes.annotate(
            f"{readable:,.0f}",
            (max(readable, acknowledged, 1), place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=COLOURS[who],
            fontweight="bold",
        )
    axes.set_yticks(range(len(shown)), [TITLES[who] for who in shown])
    axes.set_title(NAMES[backend], loc="left", fontsize=12)
    _dress(axes)


def _dress(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(10, axes.get_xlim()[1] * 2)  # room for the last number
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.grid(visible=True, axis="x", color=PALE, linewidth=0.8, zorder=0)
    axes.tick_params(colors=GREY, which="both", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines[["bottom"]].set_color(PALE)
