"""Writers in processes that crash, and a look at the log after everything they do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from hypothesis.stateful import RuleBasedStateMachine

from commonhold import sql
from commonhold.contract.stores import Backend
from commonhold.errors import CommonholdError
from commonhold.model.scope import Author, Scope
from commonhold.sql import SqlBackend
from commonhold.testing.conformance import StoppedClock
from commonhold.testing.factories import NOON, message
from tests.contract import reference
from tests.contract.reference import Log

NAMES = ("ann", "bob", "cyd", "dan")
PROCESSES = 2
"""Writers of even and of odd number share a process: a backend of its own on the database."""

Call = Callable[[Backend], Awaitable[Any]]
Check = Callable[[Log | None, Log | None], None]


class Machine(RuleBasedStateMachine):
    """A call of one writer, after which the log must be what the reference allows then."""

    def __init__(self, runner: asyncio.Runner, clock: StoppedClock, url: str) -> None:
        super().__init__()
        self.runner = runner
        self.clock = clock
        clock.set(NOON)
        self.url = url
        self.tenant = uuid4().hex
        self.processes = [self.open() for _ in range(PROCESSES)]
        self.dropped: list[SqlBackend] = []
        self.logs: dict[str, Log | None] = {}
        self.views: dict[tuple[int, str], tuple[list[str], int]] = {}
        self.tokens: dict[tuple[int, str], int] = {}
        self.last: dict[int, tuple[str, list[tuple[str, str]], str | None, object]] = {}
        self.turns = [0] * len(NAMES)
        self.forks: list[str] = []
        self.said = 0
        self.crash_at: float | None = None

    def open(self) -> SqlBackend:
        """A process that starts."""
        return self.runner.run(sql.open_backend(self.url, options=sql.SqlOptions(pool_size=2)))

    def teardown(self) -> None:
        """Look at every log for the last time, and close everything."""
        try:
            for session, log in self.logs.items():
                left = self.look(session)
                assert (left and (left.rows, left.live)) == (log and (log.rows, log.live)), (
                    "a log changed while others were written to"
                )
        finally:
            for each in (*self.processes, *self.dropped):
                self.runner.run(each.aclose())

    def backend(self, writer: int) -> Backend:
        """The store as a writer has it."""
        scope = Scope(self.tenant, Author(agent=NAMES[writer]))
        return self.processes[writer % PROCESSES].bind(scope)

    def session(self, name: str) -> str:
        """A session by its name; the newest fork, when there is one."""
        return self.forks[-1] if name == "fork" and self.forks else name

    def look(self, session: str) -> Log | None:
        """The log as another process sees it, which must agree with itself."""
        reader = self.processes[self.said % PROCESSES].bind(Scope(self.tenant))
        return self.runner.run(reference.observe(reader, session, self.clock.at))

    def new(self, kind: str = "id", **fields: object) -> tuple[str, str]:
        """A message nobody has said yet, and its id when it has one."""
        self.said += 1
        name = f"m{self.said}"
        text = message(name if kind == "id" else None, f"text {self.said}", **fields)
        return name if kind == "id" else "", text

    def claim(self, writer: int, session: str, kind: str) -> int | None:
        """The token a write carries: none, the one this writer was given, one that is over, or a wrong one."""
        log = self.logs.get(session)
        if kind == "wrong":
            return (log.token if log else 0) + 1
        if kind == "old":
            return max(1, log.token - 1) if log else 1
        return self.tokens.get((writer, session)) if kind == "mine" else None

    def do(self, writer: int, session: str, call: Call, refused: str | None, check: Check) -> Any:
        """Make a call, and compare what became of the log with what the reference says."""
        self.clock.advance(0.001)
        before = self.logs.get(session)
        outcome, answer = self.runner.run(self.attempt(writer, call))
        after = self.look(session)
        self.logs[session] = after
        if outcome == "lost" and (after == before or refused):
            assert after == before, "a call that must be refused was half done"
            return None
        if outcome == "raised":
            assert answer == refused
            assert after == before, "a refused call changed something"
            return None
        assert refused is None, f"{refused} was expected"
        check(before, after)
        return answer

    async def attempt(self, writer: int, call: Call) -> tuple[str, Any]:
        """How the call ended; `lost` when its process died before it could say so."""
        task = asyncio.ensure_future(call(self.backend(writer)))
        after_s, self.crash_at = self.crash_at, None
        if after_s is not None:
            await asyncio.sleep(0)
            await asyncio.sleep(after_s)
            task.cancel()
        try:
            done: tuple[str, Any] = ("done", await task)
        except CommonholdError as error:
            done = ("raised", type(error).__name__)
        except asyncio.CancelledError:
            done = ("lost", None)
        if after_s is not None:
            await self.drop(writer % PROCESSES)
        return done

    async def drop(self, number: int) -> None:
        """A process dies: nothing it knew is left, and another one takes its place."""
        dead = self.processes[number]
        # What it had already handed to the database is done, or not, before anybody looks.
        self.dropped.append(dead)
        last = f"settled-{len(self.dropped)}"
        await dead.bind(Scope(self.tenant)).sessions.append(last, [message(None, "the last")])
        self.processes[number] = await sql.open_backend(
            self.url, options=sql.SqlOptions(pool_size=2)
        )

    def refusal(self, log: Log | None, token: int | None, version: int | None = None) -> str | None:
        """Why a write must be refused, when it must."""
        current = 0 if log is None else log.version
        wrong = "StaleVersion" if version not in (None, current) else None
        if log is None:
            return wrong or ("LeaseEnded" if token is not None else None)
        return log.refusal(token, self.clock.at + 1000) or wrong
