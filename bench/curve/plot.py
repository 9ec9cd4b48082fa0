"""The curve: milliseconds of one turn over the messages a session holds, both logarithmic."""

from __future__ import annotations

import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.curve.cases import CONTENDERS, Backend, Contender, Series
from bench.curve.results import Found
from bench.curve.show import NAMES, lengths

TITLES: dict[Series, str] = {"add": "adding a turn", "turn": "reading all, then adding a turn"}
GREY, PALE = "#555555", "#e4e4e4"


def plot(found: Found, path: Path) -> None:
    """One panel for each database and series, all on the same scale."""
    backends = found.backends
    size = (12.5, 0.9 + 4.4 * len(backends))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(backends), 2, sharex=True, sharey=True, squeeze=False)
    for row, backend in zip(grid, backends, strict=True):
        for axes, series in zip(row, TITLES, strict=True):
            _panel(axes, found, backend, series)
            axes.set_title(f"{NAMES[backend]}: {TITLES[series]}", loc="left", fontsize=12, pad=10)
        row[0].set_ylabel("milliseconds for one turn")
    for axes in grid[-1]:
        axes.set_xlabel("messages the session already holds")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # type: ignore[union-attr,call-arg]
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, facecolor="white")


def _panel(axes: Axes, found: Found, backend: Backend, series: Series) -> None:
    ends: list[tuple[float, Contender]] = []
    across = lengths(found)
    for one in CONTENDERS:
        points = [found.point(backend, one.key, n, series) for n in across]
        heights = [point.ms for point in points if point is not None]
        _line(axes, across, heights, one)
        ends.append((heights[-1], one))
    _dress(axes, across)
    _label(axes, across[-1], ends)


def _line(axes: Axes, across: list[int], heights: list[float], one: Contender) -> None:
    width = 2.4 if one.side == "ours" else 1.5
    axes.plot(
        across,
        heights,
        color=one.colour,
        marker=one.marker,
        linewidth=width,
        markersize=5,
        zorder=3,
    )


def _dress(axes: Axes, across: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(across, [f"{length:,}" for length in across])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.grid(visible=True, color=PALE, linewidth=0.8, zorder=0)
    axes.tick_params(colors=GREY, which="both", length=0, labelbottom=True, labelleft=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)


def _label(axes: Axes, last: int, ends: list[tuple[float, Contender]]) -> None:
    """Name each line at its end, moved apart where they would cover each other."""
    ends.sort(key=lambda end: end[0])
    places = spread([math.log10(height) for height, _ in ends], 0.19)
    for (height, one), place in zip(ends, places, strict=True):
        axes.annotate(
            one.title,
            (last, height),
            xytext=(last * 1.25, 10**place),
            color=one.colour,
            fontsize=9,
            fontweight="bold" if one.side == "ours" else "normal",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": one.colour,
                "linewidth": 0.7,
                "relpos": (0, 0.5),
                "shrinkA": 0,
            },
        )


def spread(places: list[float], apart: float) -> list[float]:
    """Ascending places, moved as little as it takes to be `apart` from one another."""
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _low(groups[-1], apart) - _high(groups[-2], apart) < apart:
            last = groups.pop()
            groups[-1] += last
    return [_low(group, apart) + n * apart for group in groups for n in range(len(group))]


def _low(group: list[float], apart: float) -> float:
    return sum(group) / len(group) - apart * (len(group) - 1) / 2


def _high(group: list[float], apart: float) -> float:
    return _low(group, apart) + apart * (len(group) - 1)
