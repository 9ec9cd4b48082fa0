"""What an overload showed: memory over time, and what became of everything acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from bench.traces.plot import COLOURS, GREY, PALE
from bench.traces.subjects import NAMES, Backend

FLAT = 1.1
"""How much more memory the last fifth may take than the second, which is warm already."""

LINES = {"sqlite": COLOURS["commonhold"], "postgres": COLOURS["mlflow"]}


@dataclass(frozen=True, slots=True)
class Kept:
    """Of these traces, so many are gone, and so many have lost some of their spans."""

    traces: int
    gone: int
    partial: int

    @property
    def is_whole(self) -> bool:
        """Whether all of them are there, of which there must be some."""
        return self.traces > 0 and not self.gone and not self.partial


def kept(ids: bytes, spans: int, stored: Mapping[str, int]) -> Kept:
    """What became of traces, given by ids of sixteen bytes, that had so many spans each."""
    wanted = {ids[at : at + 16].hex() for at in range(0, len(ids), 16)}
    found = [stored.get(trace_id, 0) for trace_id in wanted]
    return Kept(len(wanted), found.count(0), sum(0 < count < spans for count in found))


@dataclass(frozen=True, slots=True)
class Endured:
    """An overload on one database; `memory` is bytes, second by second.

    `exported` is what an agent with the SDK of OpenTelemetry sent meanwhile.
    """

    backend: Backend
    memory: Sequence[int]
    load: Mapping[str, Any]
    acknowledged: Kept
    exported: Kept
    complaints: Sequence[str] = ()

    @property
    def growth(self) -> float:
        """The last fifth of the time over its second fifth, in medians of memory."""
        fifth = max(1, len(self.memory) // 5)
        return median(self.memory[-fifth:]) / median(self.memory[fifth : 2 * fifth])

    @property
    def is_held(self) -> bool:
        """Whether nothing was lost, and memory stayed flat."""
        return self.growth <= FLAT and self.acknowledged.is_whole and self.exported.is_whole

    def sentences(self) -> list[str]:
        """All of it, for a terminal."""
        load, place, last = self.load, NAMES[self.backend], self.memory[-1] / 1e6
        said = [
            f"{load['spans']:,} spans acknowledged in {load['seconds']:.0f} s",
            f"{load['refused']:,} requests told to come again, {sum(load['failed'].values())} failed",
            f"memory {last:,.0f} MB in the end, {self.growth:.2f} times that of the second fifth",
            f"{_said(self.acknowledged)} of what was acknowledged",
            f"{_said(self.exported)} of an agent with the SDK beside it",
            *(f"the SDK said {complaint!r}" for complaint in dict.fromkeys(self.complaints)),
        ]
        return [f"{place}: {line}" for line in said]

    def as_json(self) -> dict[str, Any]:
        """For a later comparison."""
        return {**asdict(self), "growth": self.growth, "is_held": self.is_held}


def _said(one: Kept) -> str:
    if one.is_whole:
        return f"all {one.traces:,} traces are whole"
    return f"{one.gone:,} of {one.traces:,} traces are gone and {one.partial:,} have lost spans"


def plot(found: Sequence[Endured], path: Path) -> None:
    """Memory over time, one line for each database."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    for one in found:
        heights = [memory / 1e6 for memory in one.memory]
        axes.plot(heights, color=LINES[one.backend], linewidth=1.6, label=NAMES[one.backend])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds of overload")
    axes.set_ylabel("memory of the service, MB")
    axes.grid(visible=True, axis="y", color=PALE, linewidth=0.8)
    axes.tick_params(colors=GREY, length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, facecolor="white")
