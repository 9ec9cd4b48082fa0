"""The backend that keeps nothing answers like one that has nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from commonhold import client, sql
from commonhold.client.null import NullBackend
from commonhold.contract.stores import Backend
from commonhold.errors import Closed, CommonholdError
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery
from commonhold.model.opaque import JsonText
from commonhold.model.page import Page
from commonhold.model.scope import ANYONE
from commonhold.model.session import MessageQuery, NewSession, SessionQuery
from commonhold.model.trace import TraceQuery
from commonhold.testing.conformance import Capabilities
from commonhold.testing.factories import messages, new_feedback, span, trace
from commonhold.testing.suite.stores import (
    CALLS,
    test_a_backend_that_can_serve_passes_its_check,
    test_closing_twice_is_harmless,
)

__all__ = [
    "test_a_backend_that_can_serve_passes_its_check",
    "test_closing_twice_is_harmless",
]

ODD_CALLS: dict[str, Callable[[Backend], Awaitable[object]]] = {
    "put an impossible id": lambda b: b.sessions.put("a/b", []),
    "put no object": lambda b: b.sessions.put("chat", ["[]"]),
    "put at a version": lambda b: b.sessions.put("chat", messages("m1"), if_match=3),
    "read an impossible id": lambda b: b.sessions.history("a/b"),
    "read a page of none": lambda b: b.sessions.messages("chat", MessageQuery(limit=0)),
    "list too much": lambda b: b.sessions.list(SessionQuery(limit=1001)),
    "list from nowhere": lambda b: b.traces.list(TraceQuery(cursor="no cursor")),
    "list votes from nowhere": lambda b: b.feedback.list(FeedbackQuery(cursor="no cursor")),
    "merge no object": lambda b: b.sessions.patch_cost("chat", "[]"),
    "merge infinity": lambda b: b.sessions.patch_state("chat", {"a": float("inf")}),
    "post a broken span": lambda b: b.traces.put(trace(spans=(span(events=JsonText("{")),))),
    "change nothing of nothing": lambda b: b.feedback.patch("fb_1", FeedbackPatch()),
}


@pytest.fixture
def backend() -> NullBackend:
    """The backend of the URL `null:`."""
    return NullBackend()


@pytest.fixture
def capabilities() -> Capabilities:
    """Nothing is excused: only tests it can keep are taken."""
    return Capabilities()


async def outcome(backend: Backend, call: Callable[[Backend], Awaitable[object]]) -> object:
    """What kind of answer, or error, comes of a call."""
    try:
        answer = await call(backend)
    except CommonholdError as error:
        return type(error)
    return answer if isinstance(answer, Page | tuple | None) else type(answer)


@pytest.mark.parametrize("call", [*CALLS.values(), *ODD_CALLS.values()], ids=[*CALLS, *ODD_CALLS])
async def test_null_answers_like_an_empty_database(
    backend: Backend, call: Callable[[Backend], Awaitable[object]]
) -> None:
    """The same kind of answer to the first call, and the same error to a bad one."""
    database = await sql.open_backend("sqlite:///:memory:")
    assert await outcome(backend, call) == await outcome(database, call)
    await database.aclose()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_null_is_closed_like_any_other(
    backend: Backend, call: Callable[[Backend], Awaitable[object]]
) -> None:
    """Every method raises Closed, also on a view that was bound before."""
    bound = backend.bind(ANYONE)
    await backend.aclose()
    assert await outcome(backend, call) is Closed
    assert await outcome(bound, call) is Closed


async def test_nothing_is_kept(backend: Backend) -> None:
    """What was just written is not there."""
    await backend.sessions.create(NewSession("chat"))
    await backend.sessions.put("chat", messages("m1"))
    await backend.traces.put(trace())
    made = await backend.feedback.create(new_feedback())
    assert await backend.sessions.find("chat") is None
    assert await backend.traces.find("trace_1") is None
    assert await backend.feedback.find(made.feedback_id) is None


def test_a_client_can_be_told_from_a_store_that_keeps_nothing() -> None:
    """Both are backends; only the service needs an address."""
    with pytest.raises(CommonholdError):
        client.open_backend("null:")
