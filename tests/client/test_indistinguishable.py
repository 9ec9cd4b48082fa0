"""Odd values get the same answer, or the same error, from a local store and through a service."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx2
import pytest

from commonhold import (
    CommonholdError,
    FeedbackPatch,
    FeedbackQuery,
    MessageQuery,
    NewFeedback,
    NewSession,
    SessionQuery,
    StatsQuery,
    TraceQuery,
    client,
    sql,
)
from commonhold.contract.stores import Backend, Stores
from commonhold.http import HttpOptions, create_app
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText
from commonhold.testing import factories
from commonhold.testing.conformance import clock  # noqa: F401  (a fixture)

NAN, INF = float("nan"), float("inf")
HUGE = 2**70
FAR = Micros(10**18)
"""Later than any calendar."""

Call = Callable[[Backend], Awaitable[object]]


def trace(**fields: object) -> Call:
    """Put a trace of one span, then read it back."""
    span = replace(factories.span("t"), **fields)  # type: ignore[arg-type]

    async def call(backend: Backend) -> object:
        await backend.traces.put(factories.trace("t", spans=(span,)))
        return await backend.traces.get("t")

    return call


def metadata(text: str) -> Call:
    """Create a session with this metadata."""
    return lambda backend: backend.sessions.create(NewSession("m", metadata=JsonText(text)))


CALLS: dict[str, Call] = {
    "white space around messages": lambda b: b.sessions.put("s", [' {"id":"m9"} ', "\n{}\t"]),
    "an infinite number": lambda b: b.sessions.put("s", ['{"a":1e999}']),
    "a version below any": lambda b: b.sessions.put("s", ["{}"], if_match=-1),
    "a version beyond any": lambda b: b.sessions.put("s", ["{}"], if_match=HUGE),
    "a version of nothing": lambda b: b.sessions.put("new", ["{}"], if_match=5),
    "version 0 of nothing": lambda b: b.sessions.put("new", ["{}"], if_match=0),
    "a fork at -1": lambda b: b.sessions.fork("s", at=-1),
    "a fork beyond the end": lambda b: b.sessions.fork("s", at=HUGE),
    "a fork of nothing at -1": lambda b: b.sessions.fork("nobody", at=-1),
    "a revert to -1": lambda b: b.sessions.revert("s", to=-1),
    "a revert beyond the end": lambda b: b.sessions.revert("s", to=HUGE),
    "a revert of nothing to -1": lambda b: b.sessions.revert("nobody", to=-1),
    "NUL in a title": lambda b: b.sessions.create(NewSession(title="a\0b")),
    "half a character in a title": lambda b: b.sessions.create(NewSession(title="a\ud800")),
    "NUL in a permission scope": lambda b: b.sessions.create(
        NewSession(permission_scope_active="a\0b")
    ),
    "empty texts": lambda b: b.sessions.create(
        NewSession("n", title="", forked_at_message_id="", permission_scope_active="")
    ),
    "white space around metadata": metadata(' {"a" : 1} '),
    "metadata that is a list": metadata("[]"),
    "metadata that is null": metadata("null"),
    "metadata that is more": metadata('{}, "title": "x"'),
    "an escaped NUL in metadata": metadata('{"a":"\\u0000"}'),
    "an empty agent": lambda b: b.sessions.list(SessionQuery(agent="")),
    "NUL in a filter": lambda b: b.sessions.list(SessionQuery(agent="\0")),
    "half a character in a filter": lambda b: b.sessions.list(SessionQuery(agent="\ud800")),
    "an empty cursor": lambda b: b.sessions.list(SessionQuery(cursor="")),
    "an odd cursor": lambda b: b.sessions.list(SessionQuery(cursor="ü")),
    "since the far future": lambda b: b.sessions.list(SessionQuery(since=FAR)),
    "until the far future": lambda b: b.sessions.list(SessionQuery(until=FAR)),
    "since the far past": lambda b: b.sessions.list(SessionQuery(since=Micros(-FAR))),
    "after a negative sequence": lambda b: b.sessions.messages("s", MessageQuery(after=-1)),
    "after a huge sequence": lambda b: b.sessions.messages("s", MessageQuery(after=HUGE)),
    "a number that is none": lambda b: b.sessions.patch_cost("s", {"a": NAN}),
    "a bad patch of nothing": lambda b: b.sessions.patch_cost("nobody", "[]"),
    "a bad patch of the impossible": lambda b: b.sessions.patch_cost("a/b", "[]"),
    "a patch with keys twice": lambda b: b.sessions.patch_state("s", '{"a":1,"\\u0061":2}'),
    "a patch with odd spelling": lambda b: b.sessions.patch_cost("s", ' {"a": 1.10 , "b":null} '),
    "a span that never started": trace(start_time=NAN),
    "a span that never ends": trace(end_time=INF),
    "a span with whole seconds": trace(start_time=5, end_time=7),
    "a span with an odd id": trace(span_id="a/b c"),
    "a span without an id": trace(span_id=""),
    "a forged span": trace(agent="somebody", start_ns=5, end_ns=6),
    "a trace beyond the calendar": lambda b: b.traces.put(factories.trace("t", started_at=FAR)),
    "a trace of no spans": lambda b: b.traces.put(factories.trace("t", spans=())),
    "a status nobody has": lambda b: b.traces.list(TraceQuery(status="odd")),
    "empty texts in a vote": lambda b: b.feedback.create(
        NewFeedback(rating=1, comment="", correction="\n", model_id="", agent_type="")
    ),
    "NUL in a vote": lambda b: b.feedback.create(NewFeedback(rating=1, comment="a\0")),
    "votes of an empty agent": lambda b: b.feedback.list(FeedbackQuery(agent_type="")),
    "statistics of the far future": lambda b: b.feedback.stats(StatsQuery(since=FAR)),
    "statistics the wrong way round": lambda b: b.feedback.stats(
        StatsQuery(since=Micros(10), until=Micros(5))
    ),
    "an empty patch of nothing": lambda b: b.feedback.patch("fb_0", FeedbackPatch()),
    "a patch of an impossible vote": lambda b: b.feedback.patch("a/b", FeedbackPatch(rating=1)),
}


@pytest.fixture
async def local() -> AsyncIterator[Backend]:
    """A database in this process."""
    backend = await sql.open_backend("sqlite:///:memory:")
    yield backend
    await backend.aclose()


@pytest.fixture
async def remote() -> AsyncIterator[Backend]:
    """Another such database, behind our own service and our own client."""
    database = await sql.open_backend("sqlite:///:memory:")
    app = create_app(Stores.on(database), HttpOptions())
    backend = client.open_backend("http://localhost", transport=httpx2.ASGITransport(app=app))
    yield backend
    await backend.aclose()
    await database.aclose()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_service_answers_as_its_database_does(
    call: Call, local: Backend, remote: Backend
) -> None:
    """The value, or the kind of error; and the session is afterwards the same in both."""
    for backend in (local, remote):
        await backend.sessions.put("s", factories.messages("m1", "m2", "m3"))
    assert await _told(remote, call) == await _told(local, call)
    assert await _log(remote) == await _log(local)


async def _told(backend: Backend, call: Call) -> str:
    """What a caller sees, random ids aside."""
    try:
        return _plain(await call(backend))
    except CommonholdError as error:
        return type(error).__name__


async def _log(backend: Backend) -> str:
    found = await backend.sessions.messages("s", MessageQuery(include_superseded=True))
    return _plain((found, await backend.sessions.history("s"), await backend.sessions.list()))


def _plain(value: object) -> str:
    return re.sub(r"(sess|msg|fb)_[0-9a-f_]{12,}", r"\1_*", repr(value))
