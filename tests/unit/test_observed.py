"""An observed backend is the backend, and every operation of it is reported."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from commonhold.contract.feedback import Feedback
from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend, Stores
from commonhold.contract.traces import Traces
from commonhold.errors import NotFound
from commonhold.model.agent import AgentQuery
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, NewFeedback
from commonhold.model.otel import Request
from commonhold.model.scope import Author, Scope
from commonhold.model.score import NewScore, ScorePatch
from commonhold.model.session import MessageQuery, NewSession
from commonhold.model.trace import Trace
from commonhold.sql import open_backend
from commonhold.testing.otel import TRACE_ID, otel_log, otel_span
from commonhold.wrap import ObservedBackend

T = TypeVar("T")
MESSAGE = '{"role": "user", "content": "Hello"}'
PROTOCOLS = {"sessions": Sessions, "traces": Traces, "feedback": Feedback}


class Notes:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.seconds: list[float] = []

    def __call__(self, operation: str, outcome: str, seconds: float, /) -> None:
        """Take note."""
        self.seen.append((operation, outcome))
        self.seconds.append(seconds)


@pytest.fixture
def notes() -> Notes:
    """Empty at first."""
    return Notes()


@pytest.fixture
async def inner() -> AsyncIterator[Backend]:
    """A real database."""
    async with await open_backend("sqlite:///:memory:") as backend:
        yield backend


def operations(protocol: type) -> set[str]:
    """The names of what a contract can do."""
    return {name for name, it in vars(protocol).items() if inspect.iscoroutinefunction(it)}


async def first(entries: AsyncIterator[T]) -> AsyncIterator[T]:
    """Only the first of them."""
    async for entry in entries:
        yield entry
        return


async def use_everything(stores: Stores) -> None:
    """Every operation of every surface, once, with the answers it must give."""
    sessions, traces, feedback = stores.sessions, stores.traces, stores.feedback
    assert (await sessions.create(NewSession("s1", title="A"))).title == "A"
    written = await sessions.put("s1", [MESSAGE, MESSAGE], mode="replace", if_match=0)
    assert written.message_count == 2
    assert (await sessions.get("s1")).message_count == 2
    assert await sessions.find("none") is None
    assert len((await sessions.history("s1")).messages) == 2
    assert len((await sessions.messages("s1", MessageQuery(after=1))).items) == 1
    assert "1" in await sessions.patch_cost("s1", {"n": 1})
    assert "1" in await sessions.cost("s1")
    assert "2" in await sessions.patch_state("s1", {"pending_question": 2})
    assert "2" in await sessions.state("s1")
    assert (await sessions.fork("s1", at=1)).message_count == 1
    assert (await sessions.revert("s1", to=1)).message_count == 1
    assert len((await sessions.list()).items) == 2
    assert (await sessions.append("s2", [MESSAGE])).first_seq == 1
    assert (await sessions.stream("s2")).message_count == 1
    lease = await sessions.lease("s2", ttl_s=60)
    assert (await sessions.append("s2", [MESSAGE], lease=lease.token)).last_seq == 3
    assert not (await sessions.repair("s2", lease=lease.token)).closed
    await sessions.release("s2", token=lease.token)
    assert (await sessions.handoff("s2", "bob")).to_agent == "bob"
    assert len(await sessions.participants("s2")) == 1
    assert (await sessions.usage("s2")).cost_usd is None
    assert len((await sessions.timeline("s2")).items) == 4
    assert [entry.seq async for entry in first(sessions.events("s2", after=3))] == [4]
    assert (await sessions.delete("s1")).messages == 2
    await traces.put(Trace("t1", started_at=Micros(0)))
    assert (await traces.get("t1")).trace_id == "t1"
    assert await traces.find("none") is None
    assert len((await traces.list()).items) == 1
    await traces.record([otel_span(attributes={"session.id": "s2"})])
    assert (await traces.take(Request(b"{}", "json"))).count == 0
    await traces.record_logs([otel_log()])
    assert "resourceSpans" in await traces.otlp(TRACE_ID)
    assert [each.trace_id for each in await traces.of_session("s2", limit=1)] == [TRACE_ID]
    assert await traces.of_session("s2", after_trace_id=TRACE_ID) == ()
    assert [each.agent for each in await traces.agents(AgentQuery("weather"))] == ["weather"]
    vote = await feedback.create(NewFeedback(rating=1))
    patched = await feedback.patch(vote.feedback_id, FeedbackPatch(comment="x"))
    assert patched.comment == "x"
    assert await feedback.get(vote.feedback_id) == await feedback.find(vote.feedback_id) == patched
    assert len((await feedback.list()).items) == 1
    assert sum(window.total for window in await feedback.stats()) == 1
    await use_scores(stores)
    await feedback.delete(vote.feedback_id)


async def use_scores(stores: Stores) -> None:
    """Every operation on scores, beside one thumb."""
    feedback = stores.feedback
    [score] = await feedback.put_scores([NewScore("accuracy", "numeric", 0.5)], key="k")
    assert await feedback.get_score(score.score_id) == score
    assert (await feedback.patch_score(score.score_id, ScorePatch(1.0))).value_num == 1
    assert len((await feedback.scores()).items) == 2
    assert sum(stats.tally.count for stats in await feedback.score_stats()) == 2
    await feedback.delete_score(score.score_id)
    assert await feedback.find_score(score.score_id) is None


async def test_it_answers_as_the_inner_one_and_reports_all(inner: Backend, notes: Notes) -> None:
    """Arguments and answers pass through unchanged; not one operation is missed."""
    await use_everything(Stores.on(ObservedBackend(inner, notes)))

    every = {f"{s}.{name}" for s, protocol in PROTOCOLS.items() for name in operations(protocol)}
    assert {operation for operation, _ in notes.seen} == every
    assert {outcome for _, outcome in notes.seen} == {"ok"}
    assert min(notes.seconds) > 0


async def test_a_failure_is_reported_by_its_code(inner: Backend, notes: Notes) -> None:
    """And raised as it was."""
    with pytest.raises(NotFound):
        await ObservedBackend(inner, notes).sessions.get("none")

    assert notes.seen == [("sessions.get", "not_found")]


async def test_a_scope_is_observed_like_the_whole(inner: Backend, notes: Notes) -> None:
    """What `bind` returns writes as its author and is still watched."""
    bound = ObservedBackend(inner, notes).bind(Scope(author=Author(agent="tester")))

    await bound.sessions.put("s1", [MESSAGE])

    assert (await inner.sessions.get("s1")).agent == "tester"
    assert notes.seen == [("sessions.put", "ok")]
