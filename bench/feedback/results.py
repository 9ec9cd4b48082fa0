"""What a run found on one database, and what is promised of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.traces.subjects import Backend

GROWTH, KEPT = 2.0, 0.7
"""A read among the most costs at most so many times one among the fewest; a write that is counted
keeps at least this part of its rate."""

FLAT_MB = 64.0
"""A file of a million records is written with so much more memory than one of ten thousand."""

Ms = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Exported:
    """One file: `grown` is by how many bytes the service's memory rose above where it was."""

    shape: str
    format: str
    records: int
    seconds: float
    size: int
    grown: int


@dataclass(frozen=True, slots=True)
class Found:
    """One database. Reads are milliseconds by how many records there are; writes are rates."""

    backend: Backend
    reads: dict[str, dict[int, float]] = field(default_factory=dict)
    counted: list[float] = field(default_factory=list)
    uncounted: list[float] = field(default_factory=list)
    exports: list[Exported] = field(default_factory=list)

    @property
    def kept(self) -> float:
        """The part of its rate that a write keeps: the median of pairs measured in turn."""
        return median(a / b for a, b in zip(self.counted, self.uncounted, strict=True))

    @property
    def is_held(self) -> bool:
        """Whether everything promised is true."""
        grown = all(ratio(times) <= GROWTH for times in self.reads.values())
        return grown and self.kept >= KEPT and extra_mb(self.exports) <= FLAT_MB


def ratio(times: Ms) -> float:
    """The cost among the most over that among the fewest."""
    return times[max(times)] / times[min(times)]


def extra_mb(exports: Sequence[Exported]) -> float:
    """How much more memory a long file took than a short one of its kind, at worst."""
    least = {(each.shape, each.format): each for each in reversed(exports)}
    return max(
        ((each.grown - least[each.shape, each.format].grown) / 1e6 for each in exports),
        default=0.0,
    )
