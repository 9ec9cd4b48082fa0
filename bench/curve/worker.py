"""A process that keeps sessions one way or another and says how long each turn took.

It reads one command a line, as JSON, and answers each with one line. It runs in two environments,
this project's and that of the peers, and so imports the contenders of its side alone.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TextIO

import asyncpg

from bench import payloads

Messages = list[dict[str, Any]]


class Keeper(ABC):
    """Keeps sessions. What a caller holds of a session between turns, it holds too."""

    @abstractmethod
    async def open(self) -> None:
        """Get ready; called once, before anything else."""

    @abstractmethod
    async def fill(self, session: str, messages: Messages) -> None:
        """Make a session of these messages, by the shortest way."""

    def prepare(self, session: str, new: Messages) -> None:  # noqa: B027 - few have anything to do
        """Do what is not measured, just before `add`."""

    @abstractmethod
    async def add(self, session: str, new: Messages) -> None:
        """Add to a session, as in a turn."""

    @abstractmethod
    async def read(self, session: str) -> int:
        """Load all messages as in a turn, and say how many there are."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""


class Meter(Protocol):
    """Reads how many bytes were written so far, or None where that cannot be known."""

    async def read(self) -> int | None:
        """The count now."""


class FileMeter:
    """Bytes this process wrote to files, as Linux counts them."""

    _PATH = Path("/proc/self/io")

    async def read(self) -> int | None:
        if not self._PATH.exists():
            return None
        lines = dict(line.split(": ") for line in self._PATH.read_text().splitlines())
        return int(lines["wchar"])


class WalMeter:
    """Bytes in the write-ahead log of a Postgres server."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    async def read(self) -> int | None:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._dsn)
        found = await self._connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(found)


class NoMeter:
    """For what is written elsewhere."""

    async def read(self) -> int | None:
        return None


class Log:
    """The sessions of one case, and how long each is."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.lengths: dict[str, int] = {}
        self.fresh: set[str] = set()
        self.is_slow = False
        self._turn = itertools.count()

    def next_session(self) -> str:
        """Each in turn."""
        names = list(self.lengths)
        return names[next(self._turn) % len(names)]

    def grow(self, session: str, count: int) -> Messages:
        """The next messages of a session."""
        start = self.lengths.get(session, 0)
        self.lengths[session] = start + count
        return [payloads.varied(session, turn) for turn in range(start, start + count)]


class Worker:
    """Answers commands over the keepers of one side."""

    def __init__(self, keepers: dict[str, Keeper], meters: dict[str, Meter]) -> None:
        self._keepers = keepers
        self._meters = meters
        self._logs: dict[str, Log] = {}

    async def open(self) -> None:
        """Open every keeper, one after the other."""
        for keeper in self._keepers.values():
            await keeper.open()

    async def close(self) -> None:
        """Close every keeper."""
        for keeper in self._keepers.values():
            await keeper.close()

    async def fill(self, command: dict[str, Any]) -> dict[str, Any]:
        """Make the sessions of a case, one turn shorter than it says."""
        case = command["case"]
        log = self._logs[case["name"]] = Log(case)
        for number in range(command["sessions"]):
            session = f"{case['name']}-{number}"
            messages = log.grow(session, case["length"] - case["adds"])
            await self._keepers[case["contender"]].fill(session, messages)
            log.fresh.add(session)
        return {}

    async def visit(self, command: dict[str, Any]) -> dict[str, Any]:
        """Measure a few turns of a case; each is behind one like it that is not measured.

        What the other cases hold in memory is hidden from the garbage collector meanwhile.
        """
        log = self._logs[command["name"]]
        gc.collect()
        gc.freeze()
        samples: list[tuple[float, int | None]] = []
        begin = perf_counter()
        while len(samples) < log.case["operations"]:
            session = log.next_session()
            if session in log.fresh or not (samples or log.is_slow):
                await self._once(log, session)
                log.fresh.discard(session)
            samples.append(await self._once(log, session))
            if perf_counter() - begin > command["budget_s"]:
                break
        log.is_slow = samples[-1][0] > command["budget_s"] / 2
        return {"seconds": [s for s, _ in samples], "written": [w for _, w in samples]}

    async def _once(self, log: Log, session: str) -> tuple[float, int | None]:
        contender = log.case["contender"]
        keeper, meter = self._keepers[contender], self._meters[contender]
        held = log.lengths[session]
        new = log.grow(session, log.case["adds"])
        keeper.prepare(session, new)
        before = await meter.read()
        begin = perf_counter()
        found = await keeper.read(session) if log.case["series"] == "turn" else held
        await keeper.add(session, new)
        took = perf_counter() - begin
        after = await meter.read()
        if found != held:
            raise RuntimeError(f"{contender} has {found} messages in {session}, not {held}")
        return took, None if before is None or after is None else after - before

    async def check(self, command: dict[str, Any]) -> dict[str, Any]:
        """Whether every session of a case holds what was added to it."""
        log = self._logs[command["name"]]
        keeper = self._keepers[log.case["contender"]]
        for session, length in log.lengths.items():
            found = await keeper.read(session)
            if found != length:
                raise RuntimeError(f"{found} messages in {session}, not {length}")
        return {}


def meter_of(contender: str, setup: dict[str, Any]) -> Meter:
    """Postgres counts what anyone writes; files are counted where this process writes them."""
    if setup["backend"] == "postgres":
        return WalMeter(setup["databases"][contender])
    return NoMeter() if contender in setup["urls"] else FileMeter()


async def serve(setup: dict[str, Any], answers: TextIO) -> None:
    """Answer until the input ends."""
    side = importlib.import_module(f"bench.curve.{setup['side']}")
    keepers: dict[str, Keeper] = side.keepers(setup)
    worker = Worker(keepers, {name: meter_of(name, setup) for name in keepers})
    await worker.open()
    _say(answers, {})
    handlers: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
        "fill": worker.fill,
        "visit": worker.visit,
        "check": worker.check,
    }
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        _say(answers, await handlers[command["do"]](command))
    await worker.close()


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def main() -> None:
    """Keep what the libraries print away from the answers, and serve."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asyncio.run(serve(json.loads(sys.argv[1]), answers))


if __name__ == "__main__":
    main()
