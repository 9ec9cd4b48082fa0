"""One database, both services: seed, check, then measure in turns and take medians."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import load, seeding, servers
from bench.load import Run
from bench.servers import Served
from bench.workloads import Seeded, Workload


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often. The first turn of each side is a warm-up and is thrown away."""

    seconds: int = 4
    repetitions: int = 3
    warmup_s: int = 1
    connections: int = 16


@dataclass(frozen=True, slots=True)
class Sides:
    """Where each side keeps its data; `pid` is the database server's when there is one."""

    backend: str
    ours: str
    theirs: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A workload on one database: medians of both sides, and of the generator alone."""

    backend: str
    workload: str
    title: str
    kind: str
    target: float
    ours: Run
    theirs: Run
    ceiling: Run

    @property
    def ratio(self) -> float:
        """How many times the baseline's rate."""
        return self.ours.rate / self.theirs.rate

    @property
    def headroom(self) -> float:
        """How many times our rate the generator reaches when the server does nothing."""
        return self.ceiling.rate / self.ours.rate

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.target

    def as_json(self) -> dict[str, Any]:
        """Everything, with what follows from it."""
        return {**asdict(self), "ratio": self.ratio, "headroom": self.headroom}


Told = Callable[[str, int], None]
"""Hears of progress: what is done now, and how many steps are behind it."""


def steps(workloads: Iterable[Workload], plan: Plan) -> int:
    """How many steps `compare` reports for one database."""
    return 2 * seeding.seed_size() // 100 + len(list(workloads)) * (2 * plan.repetitions + 3)


def compare(
    sides: Sides, workloads: Iterable[Workload], plan: Plan, folder: Path, told: Told
) -> list[Comparison]:
    """Measure every workload on one database.

    Raises:
        BadRun: a request failed.
        Mismatch: the two services do not answer alike.
    """
    with ExitStack() as stack:
        idle = stack.enter_context(servers.responder(folder / "responder.log"))
        ours = stack.enter_context(servers.commonhold(sides.ours, folder / "ours.log"))
        theirs = stack.enter_context(
            servers.baseline(sides.backend, sides.theirs, folder / "theirs.log")
        )
        seeded = [_seed(sides.backend, side, told) for side in (ours, theirs)]
        seeding.check_alike(ours.url, theirs.url, *seeded)
        return [
            _one(sides, workload, plan, folder, told, (ours, theirs, idle), seeded)
            for workload in workloads
        ]


def _seed(backend: str, side: Served, told: Told) -> Seeded:
    done = 0

    def one(count: int) -> None:
        nonlocal done
        done += count
        if done % 100 == 0:
            told(f"{backend}: filling {side.name}", 1)

    return asyncio.run(seeding.seed(side.url, one))


def _one(
    sides: Sides,
    workload: Workload,
    plan: Plan,
    folder: Path,
    told: Told,
    running: tuple[Served, Served, Served],
    seeded: list[Seeded],
) -> Comparison:
    files = [
        load.write_requests(
            workload.calls(known),
            folder / f"{workload.name}-{number}.lua",
            conversation=workload.conversation,
        )
        for number, known in enumerate((*seeded, seeded[0]))
    ]
    runs: list[list[Run]] = [[], [], []]

    def turn(number: int, seconds: int, keep: bool) -> None:
        told(f"{sides.backend}: {workload.title} - {running[number].name}", 1)
        result = load.run(
            running[number],
            files[number],
            run_id=f"{len(runs[number]) + (1 if keep else 0):04x}",
            seconds=seconds,
            connections=plan.connections,
            database_pid=sides.pid,
        )
        if keep:
            runs[number].append(result)

    for number in (0, 1):
        turn(number, plan.warmup_s, False)
    for repetition in range(plan.repetitions):
        for number in (0, 1) if repetition % 2 == 0 else (1, 0):
            turn(number, plan.seconds, True)
    turn(2, plan.warmup_s, True)
    medians = [_median(found) for found in runs]
    return Comparison(
        sides.backend,
        workload.name,
        workload.title,
        workload.kind,
        workload.target,
        *medians,
    )


def _median(runs: list[Run]) -> Run:
    return Run(**{name: median(getattr(run, name) for run in runs) for name in Run.__slots__})
