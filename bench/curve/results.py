"""What a run found, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.curve.cases import LONG, PUT_LENGTH, SHORT, Backend, Case, Series

FLAT, PUT_TIMES = 1.2, 5.0
"""The promises: what a late append may cost more, and how many times faster a PUT is."""


@dataclass(slots=True)
class Point:
    """The turns of one case on one database: seconds and bytes of each."""

    backend: Backend
    case: Case
    seconds: list[float] = field(default_factory=list)
    written: list[int] = field(default_factory=list)

    @property
    def ms(self) -> float:
        """The median."""
        return median(self.seconds) * 1000

    @property
    def bytes(self) -> float | None:
        """The median, where it could be counted."""
        return median(self.written) if self.written else None

    def as_json(self) -> dict[str, Any]:
        """Everything, with the medians."""
        return {
            "backend": self.backend,
            **asdict(self.case),
            "ms": self.ms,
            "bytes": self.bytes,
            "seconds": self.seconds,
            "written": self.written,
        }


@dataclass(frozen=True, slots=True)
class Promise:
    """A ratio on one database, and what was promised of it, if anything.

    `least` makes of the target a floor, else it is a ceiling.
    """

    backend: Backend
    what: str
    ratio: float
    target: float | None
    least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the ratio is on the right side of its target."""
        if self.target is None:
            return True
        return self.ratio >= self.target if self.least else self.ratio <= self.target

    @property
    def bound(self) -> str:
        """The target in words."""
        if self.target is None:
            return ""
        return f"{'at least' if self.least else 'at most'} {self.target:g}x"


@dataclass(frozen=True, slots=True)
class Found:
    """A whole run; `rows` are the rows that Postgres read for an append, by length.

    It reads others before it has statistics of its tables than with them.
    """

    points: Sequence[Point]
    rows: dict[str, dict[int, float]]
    facts: dict[str, str]

    def point(
        self, backend: str, contender: str, length: int, series: Series = "add", adds: int = 2
    ) -> Point | None:
        """The point of the curve, or of a promise where the curve has none."""
        for point in self.points:
            case = point.case
            key = (point.backend, case.contender, case.length, case.series, case.adds)
            if key == (backend, contender, length, series, adds):
                return point
        return None

    @property
    def backends(self) -> list[Backend]:
        """In the order they were measured."""
        return list(dict.fromkeys(point.backend for point in self.points))

    def promises(self) -> list[Promise]:
        """Every ratio that was promised, as it came out."""
        kept: list[Promise] = []
        for backend in self.backends:
            for contender, where in (("append", "over HTTP"), ("process", "in process")):
                kept += self._flat(backend, contender, where)
            if backend == "postgres":
                kept += self._rows(backend)
            kept += self._puts(backend)
        return kept

    def _flat(self, backend: Backend, contender: str, where: str) -> list[Promise]:
        early, late = (self.point(backend, contender, n) for n in (SHORT, LONG))
        if early is None or late is None:
            return []
        kept = [Promise(backend, f"{_APPEND}, time {where}", late.ms / early.ms, FLAT)]
        if early.bytes and late.bytes:
            kept.append(
                Promise(backend, f"{_APPEND}, bytes {where}", late.bytes / early.bytes, FLAT)
            )
        return kept

    def _rows(self, backend: Backend) -> list[Promise]:
        return [
            Promise(
                backend, f"{_APPEND}, rows read {state}", read[LONG] / max(1, read[SHORT]), FLAT
            )
            for state, read in self.rows.items()
        ]

    def _puts(self, backend: Backend) -> list[Promise]:
        kept = []
        for ours, theirs, where in _PUTS:
            fast, slow = (self.point(backend, who, PUT_LENGTH, adds=1) for who in (ours, theirs))
            if fast is not None and slow is not None:
                what = f"{_PUT}, {where}"
                kept.append(Promise(backend, what, slow.ms / fast.ms, None, least=True))
        return kept

    def as_json(self) -> dict[str, Any]:
        """For a later comparison."""
        return {
            "facts": self.facts,
            "rows_read": self.rows,
            "promises": [{**asdict(one), "is_kept": one.is_kept} for one in self.promises()],
            "points": [point.as_json() for point in self.points],
        }


_APPEND = f"append at message {LONG:,} / at {SHORT}"
_PUT = f"PUT of {PUT_LENGTH:,} + 1 / fipsagents save"
_PUTS = (
    ("process-put", "fipsagents", "both in process"),
    ("put-body", "fipsagents-body", "both over HTTP"),
    ("put-body", "fipsagents", "ours over HTTP, theirs in process"),
)
