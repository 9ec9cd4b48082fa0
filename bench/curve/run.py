"""Starts everything, fills the sessions, and goes round the contenders."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from bench import servers
from bench.curve import postgres
from bench.curve.cases import (
    CONTENDERS,
    EXTRA,
    LONG,
    SHORT,
    SIDES,
    Backend,
    Case,
    Plan,
    Side,
    curve_cases,
    promise_cases,
)
from bench.curve.results import Point
from bench.environment import PEERS
from tests.databases import Databases
from tests.postgres import PostgresServer

Told = Callable[[str], None]
"""Hears of each step that begins."""


class WorkerFailed(Exception):
    """A measuring process ended before its time, and the end of what it printed."""


class Worker:
    """A measuring process of one side."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def answer(self) -> dict[str, Any]:
        """The next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerFailed(self._log.read_text()[-3000:])
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Send a command and wait until it is done."""
        stdin: IO[str] | None = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps({"do": do, **values}) + "\n")
            stdin.flush()
        except BrokenPipeError:
            raise WorkerFailed(self._log.read_text()[-3000:]) from None
        return self.answer()


Workers = dict[Side, Worker]
Rows = dict[str, dict[int, float]]


def steps(plan: Plan) -> int:
    """How many steps `measure` tells of for one database."""
    return (len(curve_cases(plan)) + len(promise_cases(plan))) * (plan.rounds + 1)


def measure(backend: Backend, plan: Plan, folder: Path, told: Told) -> tuple[list[Point], Rows]:
    """All points of one database, and the rows read by appends where that is counted.

    Raises:
        WorkerFailed: a contender failed, or holds other messages than it was given.
    """
    cases = curve_cases(plan) + promise_cases(plan)
    with ExitStack() as stack:
        databases = stack.enter_context(_databases(backend, folder))
        workers = stack.enter_context(_workers(backend, databases, folder))
        for case in cases:
            told(f"{backend}: filling {case.name}")
            asked = {"case": case.as_json(), "sessions": case.sessions(plan)}
            workers[SIDES[case.contender]].ask("fill", **asked)
        if backend == "postgres":
            asyncio.run(postgres.analyze(set(databases.values()) - {databases["rows"]}))
        points = _rounds(backend, cases, plan, workers, told)
        for case in cases:
            workers[SIDES[case.contender]].ask("check", name=case.name)
        return points, _rows(backend, databases)


def _rounds(
    backend: Backend, cases: list[Case], plan: Plan, workers: Workers, told: Told
) -> list[Point]:
    """Visit every case once a round, each round in an order of its own."""
    points = {case: Point(backend, case) for case in cases}
    order = random.Random(1)
    for number in range(1, plan.rounds + 1):
        order.shuffle(cases)
        for case in cases:
            told(f"{backend}: round {number} of {plan.rounds}, {case.contender} at {case.length:,}")
            worker = workers[SIDES[case.contender]]
            answer = worker.ask("visit", name=case.name, budget_s=plan.budget_s)
            points[case].seconds += answer["seconds"]
            points[case].written += [count for count in answer["written"] if count is not None]
    return list(points.values())


def _rows(backend: Backend, databases: dict[str, str]) -> Rows:
    if backend == "sqlite":
        return {}
    return asyncio.run(postgres.read_by_append(databases["rows"], (SHORT, LONG)))


@contextmanager
def _databases(backend: Backend, folder: Path) -> Iterator[dict[str, str]]:
    """A database for each contender; those of the service share one."""
    keys = [one.key for one in (*CONTENDERS, *EXTRA)]
    if backend == "sqlite":
        found = {key: f"sqlite:///{folder}/{key}.db" for key in keys}
        yield found | dict.fromkeys(("put", "put-body"), found["append"])
        return
    with PostgresServer(durable=True) as server:
        asyncio.run(postgres.put_off_checkpoints(server.dsn()))
        names = Databases(server.dsn)
        found = {key: server.dsn(names.create()) for key in (*keys, "rows")}
        yield found | dict.fromkeys(("put", "put-body"), found["append"])


@contextmanager
def _workers(backend: Backend, databases: dict[str, str], folder: Path) -> Iterator[Workers]:
    """Both services, and a measuring process for each side."""
    compared = databases["fipsagents-body"]
    with (
        servers.commonhold(databases["append"], folder / f"{backend}-ours.log") as ours,
        servers.baseline(
            backend, compared.removeprefix("sqlite:///"), folder / f"{backend}-theirs.log"
        ) as theirs,
    ):
        urls = {"append": ours.url, "put": ours.url, "put-body": ours.url}
        urls["fipsagents-body"] = theirs.url
        setup = {"backend": backend, "databases": databases, "urls": urls}
        pythons: dict[Side, str] = {"ours": sys.executable, "peers": str(PEERS.python())}
        with ExitStack() as stack:
            yield {
                side: stack.enter_context(_worker(python, {**setup, "side": side}, folder))
                for side, python in pythons.items()
            }


@contextmanager
def _worker(python: str, setup: dict[str, Any], folder: Path) -> Iterator[Worker]:
    path = folder / f"{setup['backend']}-{setup['side']}-worker.log"
    command = [python, "-m", "bench.curve.worker", json.dumps(setup)]
    with (
        path.open("w") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            worker = Worker(process, path)
            worker.answer()
            yield worker
        except BaseException:
            process.kill()
            raise
