"""Goes round the subjects: each time a fresh database, a fresh process, load, and a count."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Served
from bench.traces import bare, requests
from bench.traces.load import LoadFailed, load_of, measured, send, settle
from bench.traces.results import BARE, Visit
from bench.traces.subjects import COMMONHOLD, Backend, Place, Subject
from commonhold.sql import migrate
from tests.databases import Databases
from tests.postgres import PostgresServer

WARM_S = 0.01
"""Long enough for every connection to begin one request."""

STILL_S = 10.0
"""A count that has not grown for so long will not grow any more."""

SAMPLED = 40
"""Traces that are asked for by their id afterwards."""

Told = Callable[[str], None]
"""Hears of each step that begins."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often, and how long a subject may take to make readable what it has."""

    seconds: float = 8.0
    repetitions: int = 3
    patience_s: float = 30.0
    bare_rows: int = 100_000


QUICK = Plan(seconds=3.0, repetitions=1, patience_s=10.0, bare_rows=30_000)


class Field:
    """Where one backend's databases come from."""

    def __init__(self, backend: Backend, folder: Path, server: PostgresServer | None) -> None:
        self.backend = backend
        self.folder = folder
        self._databases = Databases(server.dsn) if server is not None else None
        self.pid = None if server is None else server.pid

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A database that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            if self._databases is None:
                yield Place(self.backend, f"{folder}/traces.db", folder)
                return
            database = self._databases.create()
            yield Place(self.backend, self._databases.dsn(database), folder)
            self._databases.drop(database)


@contextmanager
def field(backend: Backend) -> Iterator[Field]:
    """Everything one backend needs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="commonhold-traces-")))
        server = None
        if backend == "postgres":
            server = stack.enter_context(PostgresServer(durable=True))
        yield Field(backend, folder, server)


def steps(subjects: tuple[Subject, ...], plan: Plan) -> int:
    """How many steps `measure` tells of, for one backend."""
    return 1 + plan.repetitions * (len(subjects) + 1)


def measure(
    backend: Backend, subjects: tuple[Subject, ...], plan: Plan, told: Told
) -> Iterator[Visit]:
    """Visit everybody, in an order that is shuffled anew each time.

    The bare insert is among them if Commonhold is, whose rows it takes.

    Raises:
        LoadFailed: a subject took nothing.
    """
    order = random.Random(backend)
    with field(backend) as ground:
        told(f"{backend}: rows for the bare insert")
        rows = asyncio.run(_sampled(ground)) if COMMONHOLD in subjects else None
        for repetition in range(plan.repetitions):
            turn: list[Subject | bare.Rows] = [*subjects, *([rows] if rows else [])]
            order.shuffle(turn)
            for one in turn:
                told(f"{backend}: {one.title}")
                with ground.place() as place:
                    if isinstance(one, bare.Rows):
                        yield asyncio.run(_insert(place, one, plan))
                    else:
                        yield asyncio.run(_visit(one, place, plan, ground.pid, repetition))


async def _sampled(ground: Field) -> bare.Rows:
    with ground.place() as place, COMMONHOLD.start(place) as served:
        return await bare.sample(served, place)


async def _insert(place: Place, rows: bare.Rows, plan: Plan) -> Visit:
    await migrate.upgrade(place.url)
    count, seconds = await bare.insert(place, rows, plan.bare_rows)
    readable = await place.count(COMMONHOLD.table)
    return Visit(place.backend, BARE, count, seconds, readable, seconds)


async def _visit(
    subject: Subject, place: Place, plan: Plan, database_pid: int | None, repetition: int
) -> Visit:
    ids = place.folder / "ids"
    with subject.start(place) as served:
        before = await _warmed(subject, served, place, plan)
        load = load_of(subject, plan.seconds, repetition + 1, ids)
        summary, cost = await measured(served, load, database_pid)
        if not summary["spans"]:
            raise LoadFailed(f"{subject.title} acknowledged nothing: {summary}")
        readable, waited = await _counted(subject, place, before, summary["spans"], plan)
        complete = subject.spans_of(served, spread(ids.read_bytes(), SAMPLED))
    return Visit(
        backend=place.backend,
        who=subject.who,
        spans=summary["spans"],
        seconds=summary["seconds"],
        readable=readable,
        readable_s=summary["seconds"] + waited,
        refused=summary["refused"],
        failed=summary["failed"],
        p50_ms=summary["p50_ms"],
        p99_ms=summary["p99_ms"],
        memory=cost.memory,
        service_cpu=cost.service_cpu,
        database_cpu=cost.database_cpu,
        generator_cpu=summary["cpu_s"] / summary["seconds"],
        asked=len(complete),
        complete=complete.count(requests.SPANS_PER_TRACE),
    )


async def _warmed(subject: Subject, served: Served, place: Place, plan: Plan) -> int:
    """Rows that are there once a request of each connection is through, and all is quiet."""
    await settle(served)
    sent = await send(served, load_of(subject, WARM_S, seed=0))
    await _counted(subject, place, 0, sent["spans"], plan)
    await settle(served)
    return await place.count(subject.table)


async def _counted(
    subject: Subject, place: Place, before: int, wanted: int, plan: Plan
) -> tuple[int, float]:
    """Rows beyond `before`, and after how many seconds the last of them was there.

    It waits for all that were acknowledged, as long as more of them come.
    """
    started = time.perf_counter()
    found, grew = await place.count(subject.table) - before, 0.0
    while found < wanted:
        waited = time.perf_counter() - started
        if waited > plan.patience_s or waited - grew > STILL_S:
            break
        await asyncio.sleep(0.25)
        now = await place.count(subject.table) - before
        if now > found:
            found, grew = now, time.perf_counter() - started
    return found, grew


def spread(ids: bytes, most: int) -> list[str]:
    """So many ids at most, of sixteen bytes each, spread evenly over all of them."""
    count = len(ids) // 16
    places = range(0, count, max(1, -(-count // most)))
    return [ids[place * 16 : place * 16 + 16].hex() for place in places]
