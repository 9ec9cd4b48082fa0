"""The backend that keeps nothing takes what any store takes, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable

import pytest

from commonhold import (
    Author,
    Closed,
    FeedbackPatch,
    FeedbackQuery,
    InvalidRequest,
    MessageQuery,
    NewSession,
    NotFound,
    Scope,
    SessionQuery,
    StaleVersion,
    TraceQuery,
)
from commonhold.client.null import NullBackend
from commonhold.contract.stores import Backend
from commonhold.model.opaque import JsonText
from commonhold.testing import factories


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    """The null backend, by its contract."""
    backend = NullBackend()
    yield backend
    await backend.aclose()


async def test_writes_succeed_and_are_gone(backend: Backend) -> None:
    """What comes back is what was given; a read finds nothing of it."""
    weather = backend.bind(Scope(author=Author(agent="weather")))
    made = await weather.sessions.create(NewSession("s1", title="Weather"))
    written = await weather.sessions.put("s1", factories.messages("m1", "m2"))
    await weather.traces.put(factories.trace("t1"))
    vote = await weather.feedback.create(factories.new_feedback())

    assert (made.session_id, made.title, made.agent) == ("s1", "Weather", "weather")
    assert (written.message_count, written.first_seq, written.last_seq) == (2, 1, 2)
    assert (vote.rating, vote.trace_id, vote.agent) == (1, "trace_1", "weather")
    assert await backend.sessions.find("s1") is None
    assert await backend.traces.find("t1") is None
    assert await backend.feedback.find(vote.feedback_id) is None
    assert (await backend.sessions.list()).items == ()
    assert (await backend.traces.list()).items == ()
    assert (await backend.feedback.list()).items == ()
    assert await backend.feedback.stats() == ()
    await backend.check()


async def test_what_is_not_kept_is_told_at_debug(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    """So that somebody who looks for their data finds out, and nobody else is disturbed."""
    with caplog.at_level(logging.DEBUG, logger="commonhold"):
        await backend.sessions.create(NewSession("s1"))
        await backend.sessions.put("s1", [])
        await backend.traces.put(factories.trace())
        await backend.feedback.create(factories.new_feedback())
    assert len(caplog.records) == 4
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


async def test_what_needs_something_to_be_there_finds_nothing(backend: Backend) -> None:
    """As any store answers for what it does not hold."""
    sessions = backend.sessions
    calls: list[Awaitable[object]] = [
        sessions.get("s1"),
        sessions.history("s1"),
        sessions.messages("s1"),
        sessions.cost("s1"),
        sessions.patch_cost("s1", {}),
        sessions.state("s1"),
        sessions.patch_state("s1", {}),
        sessions.fork("s1"),
        sessions.revert("s1", to=0),
        sessions.delete("s1"),
        backend.traces.get("t1"),
        backend.feedback.get("fb_1"),
        backend.feedback.patch("fb_1", FeedbackPatch(rating=1)),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call


async def test_what_no_store_takes_is_refused_here_too(backend: Backend) -> None:
    """An agent that is developed against `null:` learns it before the service tells it."""
    bad_span = factories.span(attributes=JsonText("[]"))
    calls: list[Awaitable[object]] = [
        backend.sessions.put("a/b", []),
        backend.sessions.put("s1", ["[]"]),
        backend.sessions.patch_cost("s1", "no"),
        backend.sessions.patch_state("s1", "[]"),
        backend.sessions.list(SessionQuery(limit=0)),
        backend.sessions.messages("s1", MessageQuery(limit=0)),
        backend.traces.put(factories.trace(spans=(bad_span,))),
        backend.traces.list(TraceQuery(cursor="made up")),
        backend.feedback.list(FeedbackQuery(offset=-1)),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest):
            await call
    with pytest.raises(StaleVersion):
        await backend.sessions.put("s1", [], if_match=1)


async def test_a_closed_null_backend_says_so(backend: Backend) -> None:
    """Everything that was bound from it is closed with it."""
    bound = backend.bind(Scope(author=Author(agent="weather")))
    await backend.aclose()
    await backend.aclose()
    calls: list[Awaitable[object]] = [
        bound.sessions.create(),
        bound.sessions.find("s1"),
        bound.sessions.get("s1"),
        bound.sessions.put("s1", []),
        bound.sessions.list(),
        bound.traces.put(factories.trace()),
        bound.traces.find("t1"),
        bound.traces.get("t1"),
        bound.traces.list(),
        bound.feedback.create(factories.new_feedback()),
        bound.feedback.find("fb_1"),
        bound.feedback.get("fb_1"),
        bound.feedback.list(),
        bound.feedback.stats(),
        bound.check(),
    ]
    for call in calls:
        with pytest.raises(Closed):
            await call
