"""What a run found, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.traces.subjects import NAMES, Backend

ENOUGH, HALF = 20_000.0, 0.5
"""Spans a second that are enough, or that part of a bare bulk insert: whichever is less."""

TIMES = {"mlflow": 20.0, "phoenix": 100.0}
"""How many times as many spans a second must be readable here."""

BARE = "bare"


@dataclass(frozen=True, slots=True)
class Visit:
    """One subject under load once, with a database of its own.

    Of the spans it acknowledged in `seconds`, so many were `readable`, the last of them
    `readable_s` after the first request. Shares are of one core. Of the `asked` traces, so many
    were `complete` in its own API.
    """

    backend: Backend
    who: str
    spans: int
    seconds: float
    readable: int
    readable_s: float
    refused: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    memory: int = 0
    service_cpu: float = 0.0
    database_cpu: float = 0.0
    generator_cpu: float = 0.0
    asked: int = 0
    complete: int = 0

    @property
    def acknowledged_rate(self) -> float:
        """Spans a second that were answered with a success."""
        return self.spans / self.seconds

    @property
    def readable_rate(self) -> float:
        """Spans a second that could be read in the end."""
        return self.readable / self.readable_s

    @property
    def unread(self) -> float:
        """The part of what was acknowledged that could not be read at the end of the wait."""
        return max(0.0, 1 - self.readable / self.spans) if self.spans else 0.0

    @property
    def errors(self) -> int:
        """Requests that were neither acknowledged nor asked to come again."""
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class Promise:
    """A number on one database, and the least it was promised to be."""

    backend: Backend
    what: str
    found: float
    least: float
    unit: str

    @property
    def is_kept(self) -> bool:
        """Whether it is at least that."""
        return self.found >= self.least

    def shown(self, value: float) -> str:
        """A value in its unit."""
        return f"{value:.1f}x" if self.unit == "x" else f"{value:,.0f} {self.unit}"

    @property
    def sentence(self) -> str:
        """All of it, for a terminal."""
        verdict = "kept" if self.is_kept else "not kept"
        place, least = NAMES[self.backend], self.shown(self.least)
        return f"{verdict}: {self.what} on {place}: {self.shown(self.found)} of {least}"


@dataclass(frozen=True, slots=True)
class Found:
    """A whole run."""

    visits: Sequence[Visit]
    facts: dict[str, str]

    @property
    def backends(self) -> list[Backend]:
        """In the order they were measured."""
        return list(dict.fromkeys(visit.backend for visit in self.visits))

    @property
    def subjects(self) -> list[str]:
        """Who was measured, the bare insert included."""
        return list(dict.fromkeys(visit.who for visit in self.visits))

    def of(self, backend: Backend, who: str) -> list[Visit]:
        """All visits of one subject on one database."""
        return [one for one in self.visits if (one.backend, one.who) == (backend, who)]

    def median(self, backend: Backend, who: str, of: Callable[[Visit], float]) -> float | None:
        """Of all visits, if there were any."""
        values = [of(visit) for visit in self.of(backend, who)]
        return median(values) if values else None

    def promises(self) -> list[Promise]:
        """Every promise that this run can say something about."""
        return [promise for backend in self.backends for promise in self._on(backend)]

    def _on(self, backend: Backend) -> list[Promise]:
        def readable(who: str) -> float | None:
            return self.median(backend, who, lambda visit: visit.readable_rate)

        ours = self.median(backend, "commonhold", lambda visit: visit.acknowledged_rate)
        if ours is None:
            return []
        bare = readable(BARE)
        least = ENOUGH if bare is None else min(ENOUGH, HALF * bare)
        kept = [Promise(backend, "acknowledged after commit", ours, least, "spans/s")]
        for who, times in TIMES.items():
            mine, theirs = readable("commonhold"), readable(who)
            if mine is not None and theirs:
                kept.append(Promise(backend, f"readable, beside {who}", mine / theirs, times, "x"))
        return kept

    def as_json(self) -> dict[str, Any]:
        """For a later comparison."""
        return {
            "facts": self.facts,
            "promises": [{**asdict(one), "is_kept": one.is_kept} for one in self.promises()],
            "visits": [
                {
                    **asdict(visit),
                    "acknowledged_rate": visit.acknowledged_rate,
                    "readable_rate": visit.readable_rate,
                }
                for visit in self.visits
            ],
        }
