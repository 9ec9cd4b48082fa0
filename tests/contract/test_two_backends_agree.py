"""Two backends are driven with the same random calls, and every answer is compared."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from commonhold import client, sql
from commonhold.contract.stores import Backend, Stores
from commonhold.errors import CommonholdError, StaleVersion
from commonhold.http import HttpOptions, create_app
from commonhold.model.agent import AgentQuery
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery, NewFeedback, StatsQuery
from commonhold.model.otel import OtelLog, OtelSpan
from commonhold.model.page import Page
from commonhold.model.scope import Author, Scope
from commonhold.model.session import MessageQuery, NewSession, PutMode, SessionQuery
from commonhold.model.trace import Span, TraceQuery
from commonhold.testing.conformance import Capabilities, StoppedClock
from commonhold.testing.factories import NOON, trace
from commonhold.testing.suite.reading import all_of
from tests.contract.values import (
    AGENTS,
    ASKED,
    COUNTS,
    KINDS,
    LIMITS,
    MOMENTS,
    NAMES,
    NEW,
    OBJECTS,
    OTEL_LOGS,
    OTEL_SPANS,
    RATINGS,
    SESSIONS,
    SPANS,
    TRACE_IDS,
    TRACES,
)

Close = Callable[[], Coroutine[Any, Any, None]]
Opened = tuple[Callable[[str], Backend], Close]
Opener = Callable[[], Coroutine[Any, Any, Opened]]

MADE = re.compile(r"(?:sess|fb|msg)_[0-9a-f_]{25,32}")
"""Ids a store makes up: they differ, and must differ in the same places."""

MADE_FIELD = {"sess": "session_id", "fb": "feedback_id"}


@dataclass
class Side:
    """One of the two backends, and the names its made-up ids have in comparisons."""

    act: Callable[[str], Backend]
    close: Close
    names: dict[str, str] = field(default_factory=dict)

    def named(self, value: object) -> object:
        """A value in which made-up ids are numbered by their first appearance."""
        if isinstance(value, str):
            return MADE.sub(
                lambda found: self.names.setdefault(found[0], f"<{len(self.names)}>"), value
            )
        if isinstance(value, dict):
            return {key: self.named(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.named(item) for item in value]
        return value

    def id_of(self, name: str) -> str:
        """The id behind a name of comparisons; any other text stands for itself."""
        return next((made for made, known in self.names.items() if known == name), name)


Call = Callable[[Backend, Side], Awaitable[object]]


def plain(answer: object) -> object:
    """An answer as values that can be compared; a cursor only by its presence."""
    if isinstance(answer, Page):
        return {"items": plain(answer.items), "more": answer.cursor is not None}
    if isinstance(answer, list | tuple):
        return [plain(item) for item in answer]
    return asdict(answer) if hasattr(answer, "__dataclass_fields__") else answer  # type: ignore[call-overload]


class TwoBackends(RuleBasedStateMachine):
    """Each rule makes one call on both sides and compares what comes of it."""

    def __init__(self, runner: asyncio.Runner, clock: StoppedClock, *openers: Opener) -> None:
        super().__init__()
        self.runner = runner
        self.clock = clock
        clock.set(NOON)
        self.sides = [Side(*runner.run(opener())) for opener in openers]
        self.made: dict[str, list[str]] = {"sess": [], "fb": []}

    def teardown(self) -> None:
        """Close what this example opened."""
        for side in self.sides:
            self.runner.run(side.close())

    def both(self, agent: str, call: Call) -> Any:
        """The answer both sides gave, or the error both raised."""
        self.clock.advance(0.001)
        first, second = (self.runner.run(outcome(side, agent, call)) for side in self.sides)
        assert first == second
        return first

    def session(self, name: str | int) -> str:
        """A session by its name, or by the number of the made-up id."""
        made = self.made["sess"]
        return name if isinstance(name, str) else made[name % len(made)] if made else "nobody"

    def remember(self, kind: str, answer: Any) -> None:
        """Keep the name of an id that both sides made up."""
        if isinstance(answer, dict) and answer.get(MADE_FIELD[kind], "").startswith("<"):
            self.made[kind].append(answer[MADE_FIELD[kind]])

    @rule(seconds=st.sampled_from([1.0, 1800.0, 5000.0, 90_000.0]))
    def pass_time(self, seconds: float) -> None:
        """Time passes on both sides."""
        self.clock.advance(seconds)

    @rule(agent=AGENTS, name=st.sampled_from([None, "s1", "s2"]), parent=st.none() | NAMES)
    def create_session(self, agent: str, name: str | None, parent: str | None) -> None:
        """A session, with an id of its own choice or ours."""

        async def create(backend: Backend, _: Side) -> object:
            return await backend.sessions.create(NewSession(name, parent_session_id=parent))

        self.remember("sess", self.both(agent, create))

    @rule(
        agent=AGENTS,
        session=SESSIONS,
        keep=st.tuples(st.integers(0, 6), st.integers(0, 12)),
        new=NEW,
        mode=st.sampled_from(["merge", "merge", "replace"]),
        stale=st.sampled_from([None, None, None, 0, 1]),
    )
    def put_session(
        self,
        agent: str,
        session: str | int,
        keep: tuple[int, int],
        new: list[str],
        mode: PutMode,
        stale: int | None,
    ) -> None:
        name = self.session(session)

        async def put(backend: Backend, side: Side) -> object:
            session_id = side.id_of(name)
            known = await side.act("").sessions.find(session_id)
            texts: list[str] = []
            if known is not None:
                live = json.loads((await backend.sessions.history(session_id)).body)
                texts = [json.dumps(item) for item in live][keep[0] : keep[1]]
            version = known.version if known is not None else 0
            if_match = None if stale is None else version + stale
            return await backend.sessions.put(
                session_id, [*texts, *new], mode=mode, if_match=if_match
            )

        self.both(agent, put)

    @rule(agent=AGENTS, session=SESSIONS, patch=OBJECTS, what=st.sampled_from(["cost", "state"]))
    def merge_notes(self, agent: str, session: str | int, patch: Any, what: str) -> None:
        """Cost or state of a session."""
        name = self.session(session)

        async def merge(backend: Backend, side: Side) -> object:
            notes = backend.sessions
            change = notes.patch_cost if what == "cost" else notes.patch_state
            return await change(side.id_of(name), patch)

        self.both(agent, merge)

    @rule(agent=AGENTS, session=SESSIONS, at=st.none() | COUNTS)
    def fork_session(self, agent: str, session: str | int, at: int | None) -> None:
        """A session out of another."""
        name = self.session(session)
        answer = self.both(agent, lambda b, side: b.sessions.fork(side.id_of(name), at=at))
        self.remember("sess", answer)

    @rule(agent=AGENTS, session=SESSIONS, to=COUNTS)
    def revert_session(self, agent: str, session: str | int, to: int) -> None:
        """Back to an earlier point."""
        name = self.session(session)
        self.both(agent, lambda b, side: b.sessions.revert(side.id_of(name), to=to))

    @rule(agent=AGENTS, session=SESSIONS)
    def delete_session(self, agent: str, session: str | int) -> None:
        """With everything in it."""
        name = self.session(session)
        self.both(agent, lambda b, side: b.sessions.delete(side.id_of(name)))

    @rule(session=SESSIONS, after=COUNTS, limit=LIMITS, superseded=st.booleans())
    def read_session(self, session: str | int, after: int, limit: int, superseded: bool) -> None:
        """Everything that can be read of a session."""
        name, query = self.session(session), MessageQuery(after, limit, superseded)
        reads: list[Call] = [
            lambda b, side: b.sessions.find(side.id_of(name)),
            lambda b, side: b.sessions.history(side.id_of(name)),
            lambda b, side: b.sessions.cost(side.id_of(name)),
            lambda b, side: b.sessions.state(side.id_of(name)),
            lambda b, side: b.sessions.messages(side.id_of(name), query),
        ]
        for read in reads:
            self.both("", read)

    @rule(limit=LIMITS, agent=st.none() | AGENTS, parent=st.none() | NAMES, since=MOMENTS)
    def list_sessions(
        self, limit: int, agent: str | None, parent: str | None, since: Micros | None
    ) -> None:
        """Every page of a list."""
        query = SessionQuery(limit=limit, agent=agent or None, parent=parent, since=since)
        self.both("", lambda b, _: all_of(b.sessions.list, query))

    @rule(agent=AGENTS, name=TRACES, spans=SPANS, at=MOMENTS, model=st.sampled_from([None, "m"]))
    def put_trace(
        self, agent: str, name: str, spans: list[Span], at: Micros | None, model: str | None
    ) -> None:
        """A part of a trace."""
        part = trace(
            name,
            started_at=at or NOON,
            model=model,
            spans=tuple(replace(item, trace_id=name) for item in spans),
        )
        self.both(agent, lambda b, _: b.traces.put(part))
        self.both("", lambda b, _: b.traces.find(name))

    @rule(limit=LIMITS, status=st.sampled_from([None, "ok", "error"]), until=MOMENTS)
    def list_traces(self, limit: int, status: str | None, until: Micros | None) -> None:
        """Every page of a list."""
        query = TraceQuery(limit=limit, status=status, until=until)
        self.both("", lambda b, _: all_of(b.traces.list, query))

    @rule(agent=AGENTS, spans=OTEL_SPANS, name=st.sampled_from([*TRACE_IDS]))
    def record_spans(self, agent: str, spans: list[OtelSpan], name: str) -> None:
        """Spans of OpenTelemetry, and everything that can be read of a trace of theirs."""
        self.both(agent, lambda b, _: b.traces.record(spans))
        self.read_trace(TRACE_IDS[name])

    @rule(agent=AGENTS, logs=OTEL_LOGS, name=st.sampled_from([*TRACE_IDS]))
    def record_logs(self, agent: str, logs: list[OtelLog], name: str) -> None:
        """Log records, perhaps of spans to come."""
        self.both(agent, lambda b, _: b.traces.record_logs(logs))
        self.read_trace(TRACE_IDS[name])

    def read_trace(self, trace_id: str) -> None:
        """A whole trace, in both shapes."""
        self.both("", lambda b, _: b.traces.find(trace_id))
        self.both("", lambda b, _: b.traces.otlp(trace_id))

    @rule(limit=LIMITS, asked=ASKED)
    def find_traces(self, limit: int, asked: dict[str, Any]) -> None:
        """Every page of a list by any filters, in any order."""
        query = TraceQuery(limit=limit, **asked)
        self.both("", lambda b, _: all_of(b.traces.list, query))

    @rule(session=st.sampled_from(["s1", "s2"]), after=st.none() | TRACES, limit=LIMITS)
    def traces_of_session(self, session: str, after: str | None, limit: int) -> None:
        """Whole traces of a session."""
        after = TRACE_IDS["o1"] if after == "t1" else after
        self.both("", lambda b, _: b.traces.of_session(session, after_trace_id=after, limit=limit))

    @rule(agent=st.none() | AGENTS, since=MOMENTS, until=MOMENTS)
    def list_agents(self, agent: str | None, since: Micros | None, until: Micros | None) -> None:
        """Who was seen, and what they did."""

        async def ask(backend: Backend, _: Side) -> object:
            return await backend.traces.agents(AgentQuery(agent or None, since, until))

        self.both("", ask)

    @rule(agent=AGENTS, rating=RATINGS, about=st.none() | TRACES, kind=KINDS)
    def vote(self, agent: str, rating: int, about: str | None, kind: str | None) -> None:
        """A record of feedback."""
        new = NewFeedback(rating, trace_id=about, agent_type=kind, comment="é")
        self.remember("fb", self.both(agent, lambda b, _: b.feedback.create(new)))

    @rule(which=st.integers(0, 9), rating=st.none() | RATINGS, comment=st.sampled_from([None, ""]))
    def change_vote(self, which: int, rating: int | None, comment: str | None) -> None:
        """A record that is there, or one that is not."""
        votes = self.made["fb"]
        name = votes[which] if which < len(votes) else "nobody"
        patch = FeedbackPatch(rating=rating, comment=comment)
        self.both("", lambda b, side: b.feedback.patch(side.id_of(name), patch))

    @rule(limit=LIMITS, rating=st.none() | RATINGS, kind=KINDS, since=MOMENTS)
    def list_votes(
        self, limit: int, rating: int | None, kind: str | None, since: Micros | None
    ) -> None:
        """Every page of a list."""
        query = FeedbackQuery(limit=limit, rating=rating, agent_type=kind, since=since)
        self.both("", lambda b, _: all_of(b.feedback.list, query))

    @rule(window=st.sampled_from(["hour", "day", "week"]), kind=KINDS, since=MOMENTS, until=MOMENTS)
    def count_votes(
        self, window: str, kind: str | None, since: Micros | None, until: Micros | None
    ) -> None:
        """Statistics over whatever bounds."""
        query = StatsQuery(window, kind, since, until)
        self.both("", lambda b, _: b.feedback.stats(query))


async def outcome(side: Side, agent: str, call: Call) -> object:
    """What one side did: its answer, or the error it raised."""
    try:
        return side.named(plain(await call(side.act(agent), side)))
    except CommonholdError as error:
        current = error.current if isinstance(error, StaleVersion) else None
        return {"raised": type(error).__name__, "current": current}


def acting(backend: Backend, tenant: str = "default") -> Callable[[str], Backend]:
    """The backend on behalf of an agent."""
    return lambda agent: backend.bind(Scope(tenant, Author(agent=agent)))


async def fresh_sqlite() -> Opened:
    """A database of its own for each example."""
    database = await sql.open_backend("sqlite:///:memory:")
    return acting(database), database.aclose


async def served_sqlite() -> Opened:
    """Our own client, through our own service, to a database of its own for each example."""
    database = await sql.open_backend("sqlite:///:memory:")
    app = create_app(Stores.on(database), HttpOptions())
    remote = client.open_backend("http://localhost", transport=httpx2.ASGITransport(app=app))

    async def close() -> None:
        await remote.aclose()
        await database.aclose()

    return acting(remote), close


@pytest.fixture
def capabilities() -> Capabilities:
    """Nothing is excused: both sides are asked what both can do."""
    return Capabilities()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all examples of a test."""
    with asyncio.Runner() as one:
        yield one


def compare(runner: asyncio.Runner, clock: StoppedClock, *openers: Opener) -> None:
    """Let Hypothesis look for a difference for as long as a test may take."""
    thorough = settings().max_examples > 100

    class Pair(TwoBackends):
        def __init__(self) -> None:
            super().__init__(runner, clock, *openers)

    run_state_machine_as_test(
        Pair,
        settings=settings(
            max_examples=1000 if thorough else 60,
            stateful_step_count=60 if thorough else 30,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(3600)
def test_sqlite_and_postgres_give_the_same_answers(
    postgres_url: str, runner: asyncio.Runner, clock: StoppedClock
) -> None:
    """The same calls give the same rows, the same counts and the same errors."""
    database = runner.run(sql.open_backend(postgres_url))

    async def tenant_on_postgres() -> Opened:
        async def nothing() -> None:
            """The next example is another tenant of the same database."""

        return acting(database, uuid4().hex), nothing

    compare(runner, clock, fresh_sqlite, tenant_on_postgres)
    runner.run(database.aclose())


@pytest.mark.timeout(3600)
def test_a_service_over_sqlite_answers_like_sqlite(
    runner: asyncio.Runner, clock: StoppedClock
) -> None:
    """Nothing is lost, added or turned into another error on the wire."""
    compare(runner, clock, fresh_sqlite, served_sqlite)
