"""Sessions: the timeline of everything that happened."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model.clock import Micros
from commonhold.model.feedback import Feedback
from commonhold.model.page import Page
from commonhold.model.session import Message
from commonhold.model.timeline import KINDS, Moment, TimelineQuery
from commonhold.model.trace import TraceSummary
from commonhold.testing.conformance import StoppedClock
from commonhold.testing.factories import conversation, messages, new_feedback, trace
from commonhold.testing.suite.reading import all_of, error_of, log_of


async def everything(backend: Backend, clock: StoppedClock) -> None:
    """A session with messages, events, traces and feedback, and another with its own."""
    for n in range(3):
        for name in ("chat", "other"):
            await backend.sessions.append(name, messages(f"{name}{n}"))
            clock.advance()
            begun = trace(f"{name}-t{n}", started_at=clock.at, session_id=name)
            await backend.traces.put(begun)
            clock.advance()
            await backend.feedback.create(new_feedback(session_id=name, trace_id=f"{name}-t{n}"))
            clock.advance()
            await backend.sessions.handoff(name, f"agent{n}")
    await backend.feedback.create(new_feedback(session_id=None, trace_id="nobodys"))


async def moments(sessions: Sessions, session_id: str = "chat", **fields: Any) -> list[Moment]:
    """The timeline, page by page."""

    async def listing(query: TimelineQuery) -> Page[Moment]:
        return await sessions.timeline(session_id, query)

    return await all_of(listing, TimelineQuery(**fields))


async def test_a_timeline_is_everything_in_order(backend: Backend, clock: StoppedClock) -> None:
    """S7. Of this session alone, oldest first."""
    await everything(backend, clock)
    found = await moments(backend.sessions)
    assert [moment.kind for moment in found] == ["message", "trace", "feedback", "event"] * 3
    assert all(before.at <= after.at for before, after in pairwise(found))
    said = [moment.item for moment in found if isinstance(moment.item, Message)]
    assert tuple(said) == await log_of(backend.sessions, "chat")
    traces = [moment.item for moment in found if isinstance(moment.item, TraceSummary)]
    assert [item.trace_id for item in traces] == ["chat-t0", "chat-t1", "chat-t2"]
    votes = [moment.item for moment in found if isinstance(moment.item, Feedback)]
    assert [item.session_id for item in votes] == ["chat"] * 3


@pytest.mark.parametrize(
    "kinds", [*((kind,) for kind in KINDS), ("event", "trace"), KINDS], ids=str
)
async def test_a_timeline_is_whole_page_by_page(
    backend: Backend, clock: StoppedClock, kinds: tuple[str, ...]
) -> None:
    """S7. Of all kinds or some, whatever the size of a page."""
    await everything(backend, clock)
    whole = await moments(backend.sessions)
    expected = [moment for moment in whole if moment.kind in kinds]
    assert len(expected) == 3 * len(kinds)
    for limit in (1, 2, 5, 50):
        assert await moments(backend.sessions, limit=limit, kinds=kinds) == expected


async def test_a_timeline_of_one_instant_is_whole(backend: Backend, clock: StoppedClock) -> None:
    """S7. Ties hide nothing."""
    await backend.sessions.append("chat", conversation(5))
    for n in range(5):
        await backend.traces.put(trace(f"t{n}", started_at=clock.at, session_id="chat"))
        await backend.feedback.create(new_feedback(session_id="chat", trace_id=f"t{n}"))
        await backend.sessions.handoff("chat", f"a{n}")
    whole = await moments(backend.sessions, limit=50)
    assert len(whole) == 20
    for limit in (1, 2, 3, 7):
        assert await moments(backend.sessions, limit=limit) == whole


async def test_a_clock_that_is_behind_does_not_change_the_order_of_the_log(
    backend: Backend, clock: StoppedClock
) -> None:
    """S7. Its messages stand where the log has them, and time does not go back."""
    start = clock.at
    await backend.sessions.append("chat", messages("m1"))
    clock.advance(60)
    await backend.sessions.append("chat", messages("m2"))
    clock.set(start + 1)
    await backend.sessions.append("chat", messages("m3"))
    begun = trace("t1", started_at=Micros(start + 30_000_000), session_id="chat")
    await backend.traces.put(begun)
    whole = await moments(backend.sessions)
    names = [getattr(moment.item, "message_id", "t1") for moment in whole]
    assert names == ["m1", "t1", "m2", "m3"]
    assert [moment.at - start for moment in whole] == [0, 30_000_000, 60_000_000, 60_000_000]
    assert await moments(backend.sessions, limit=1) == whole


async def test_a_timeline_needs_the_session(backend: Backend) -> None:
    """S5. It is NotFound, though there be traces that name it."""
    await backend.traces.put(trace("t1", session_id="nobody"))
    for session_id in ("nobody", "a/b", ""):
        assert type(await error_of(backend.sessions.timeline(session_id))) is NotFound


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 0},
        {"limit": 1001},
        {"cursor": "nonsense"},
        {"cursor": "e30"},
        {"cursor": "\ud800"},
        {"kinds": ()},
        {"kinds": ("message", "other")},
    ],
    ids=ascii,
)
async def test_a_timeline_that_cannot_be_is_refused(
    backend: Backend, fields: dict[str, Any]
) -> None:
    """S7. Its size, its cursor or its kinds break a rule."""
    await backend.sessions.append("chat", messages("m1"))
    assert isinstance(await error_of(moments(backend.sessions, **fields)), InvalidRequest)
