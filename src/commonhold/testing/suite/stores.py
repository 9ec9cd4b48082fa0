"""The backend as a whole: bound to a scope, checked, closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from commonhold.contract.stores import Backend, Stores
from commonhold.errors import Closed
from commonhold.model.feedback import FeedbackPatch
from commonhold.model.scope import ANYONE, Scope
from commonhold.testing.factories import messages, new_feedback, trace
from commonhold.testing.suite.reading import error_of, live_of

CALLS: dict[str, Callable[[Backend], Awaitable[object]]] = {
    "check": lambda backend: backend.check(),
    "sessions.create": lambda backend: backend.sessions.create(),
    "sessions.find": lambda backend: backend.sessions.find("chat"),
    "sessions.get": lambda backend: backend.sessions.get("chat"),
    "sessions.history": lambda backend: backend.sessions.history("chat"),
    "sessions.messages": lambda backend: backend.sessions.messages("chat"),
    "sessions.put": lambda backend: backend.sessions.put("chat", messages("m1")),
    "sessions.replace": lambda backend: backend.sessions.put("chat", [], mode="replace"),
    "sessions.cost": lambda backend: backend.sessions.cost("chat"),
    "sessions.patch_cost": lambda backend: backend.sessions.patch_cost("chat", {}),
    "sessions.state": lambda backend: backend.sessions.state("chat"),
    "sessions.patch_state": lambda backend: backend.sessions.patch_state("chat", {}),
    "sessions.fork": lambda backend: backend.sessions.fork("chat"),
    "sessions.revert": lambda backend: backend.sessions.revert("chat", to=0),
    "sessions.list": lambda backend: backend.sessions.list(),
    "sessions.delete": lambda backend: backend.sessions.delete("chat"),
    "traces.put": lambda backend: backend.traces.put(trace()),
    "traces.find": lambda backend: backend.traces.find("trace_1"),
    "traces.get": lambda backend: backend.traces.get("trace_1"),
    "traces.list": lambda backend: backend.traces.list(),
    "feedback.create": lambda backend: backend.feedback.create(new_feedback()),
    "feedback.find": lambda backend: backend.feedback.find("fb_1"),
    "feedback.get": lambda backend: backend.feedback.get("fb_1"),
    "feedback.patch": lambda backend: backend.feedback.patch("fb_1", FeedbackPatch(rating=1)),
    "feedback.list": lambda backend: backend.feedback.list(),
    "feedback.stats": lambda backend: backend.feedback.stats(),
}


async def test_a_bound_backend_shares_the_storage(backend: Backend) -> None:
    """B1. What one view writes the other reads, and both go on being used."""
    bound = backend.bind(ANYONE)
    await bound.sessions.put("chat", messages("m1"))
    await backend.sessions.put("chat", messages("m1", "m2"))
    assert await live_of(bound.sessions, "chat") == ["m1", "m2"]
    await bound.bind(Scope()).check()


async def test_a_backend_that_can_serve_passes_its_check(backend: Backend) -> None:
    """B2. `check` returns, any number of times."""
    await backend.check()
    await backend.check()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_closed_backend_raises_closed(
    backend: Backend, call: Callable[[Backend], Awaitable[object]]
) -> None:
    """B2. Every method does, at once, also on a view that was bound before."""
    bound = backend.bind(ANYONE)
    await backend.sessions.put("chat", messages("m1"))
    await backend.aclose()
    assert type(await error_of(call(backend))) is Closed
    assert type(await error_of(call(bound))) is Closed


async def test_closing_twice_is_harmless(backend: Backend) -> None:
    """B2. Also when it was never used."""
    await backend.aclose()
    await backend.aclose()


async def test_stores_over_one_backend_are_that_backend(backend: Backend) -> None:
    """B1. The bundle of three surfaces binds, checks and closes what is below it."""
    async with Stores.on(backend) as stores:
        await stores.check()
        await stores.bind(ANYONE).sessions.put("chat", messages("m1"))
        assert await live_of(stores.sessions, "chat") == ["m1"]
        await stores.traces.put(trace())
        await stores.feedback.create(new_feedback())
    assert type(await error_of(backend.check())) is Closed
