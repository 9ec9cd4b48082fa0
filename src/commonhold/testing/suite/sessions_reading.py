"""Sessions: a log read forwards, backwards and by who said it, and a history as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, InvalidRequest, NotFound
from commonhold.model import opaque
from commonhold.model.session import HistoryStream, Message, MessageQuery
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import conversation, messages, unnamed
from commonhold.testing.suite.reading import error_of, log_of

MANY = 1500
"""More than any store reads at once."""


async def seqs_of(sessions: Sessions, query: MessageQuery) -> list[int]:
    """The sequences of one page."""
    return [row.seq for row in (await sessions.messages("chat", query)).items]


async def stretches(sessions: Sessions, query: MessageQuery) -> AsyncIterator[list[Message]]:
    """Page by page, each cursor where the query says it goes."""
    while True:
        page = await sessions.messages("chat", query)
        assert [row.seq for row in page.items] == sorted(row.seq for row in page.items)
        yield list(page.items)
        if page.cursor is None:
            return
        query = (
            replace(query, before=int(page.cursor))
            if query.cursor_name == "before"
            else replace(query, after=int(page.cursor))
        )


async def two_agents(act: Actor) -> None:
    """A log of sixteen sequences by two agents, with gaps, superseded messages and events."""
    weather, billing = act("weather").sessions, act("billing").sessions
    await weather.append("chat", conversation(4))
    await billing.append("chat", conversation(4, start=5))
    await weather.put("chat", conversation(2), mode="replace", if_match=None)
    await weather.handoff("chat", "billing")
    await billing.append("chat", conversation(5, start=9))
    await billing.revert("chat", to=6)
    await weather.append("chat", conversation(2, start=14))


async def test_the_end_of_a_log_is_in_order(backend: Backend) -> None:
    """S7. `last` gives the newest, oldest of them first, and a cursor to what is before."""
    await backend.sessions.put("chat", conversation(10))
    page = await backend.sessions.messages("chat", MessageQuery(last=3))
    assert [row.seq for row in page.items] == [8, 9, 10]
    before = MessageQuery(before=page.items[0].seq, limit=3)
    assert await seqs_of(backend.sessions, before) == [5, 6, 7]
    for last in (10, 11, 1000):
        whole = await backend.sessions.messages("chat", MessageQuery(last=last))
        assert [row.seq for row in whole.items] == list(range(1, 11))
        assert whole.cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 10, 11])
async def test_a_log_is_scrolled_back_to_its_start(backend: Backend, limit: int) -> None:
    """S7. Without a gap or a repeat, while messages arrive at the end."""
    await backend.sessions.put("chat", conversation(10))
    seen: list[int] = []
    async for page in stretches(backend.sessions, MessageQuery(before=11, limit=limit)):
        seen = [row.seq for row in page] + seen
        await backend.sessions.append("chat", unnamed("more"))
    assert seen == list(range(1, 11))


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 10, 11])
async def test_a_log_is_read_to_its_end_by_cursor(backend: Backend, limit: int) -> None:
    """S7. Forwards as backwards, also up to a bound."""
    await backend.sessions.put("chat", conversation(10))
    for query, expected in (
        (MessageQuery(limit=limit), range(1, 11)),
        (MessageQuery(after=3, limit=limit), range(4, 11)),
        (MessageQuery(after=3, before=9, limit=limit), range(4, 9)),
    ):
        pages = [page async for page in stretches(backend.sessions, query)]
        assert [row.seq for page in pages for row in page] == list(expected)
        assert all(len(page) == limit for page in pages[:-1])


async def test_a_stretch_between_two_sequences_is_counted_from_its_start(backend: Backend) -> None:
    """S7. Both ends are exclusive, and nothing is between neighbours."""
    await backend.sessions.put("chat", conversation(10))
    sessions = backend.sessions
    assert await seqs_of(sessions, MessageQuery(after=2, before=8, limit=3)) == [3, 4, 5]
    assert await seqs_of(sessions, MessageQuery(after=4, before=5)) == []
    assert await seqs_of(sessions, MessageQuery(after=5, before=5)) == []
    assert await seqs_of(sessions, MessageQuery(after=8, before=3)) == []
    assert await seqs_of(sessions, MessageQuery(before=1)) == []
    assert await seqs_of(sessions, MessageQuery(before=99, limit=2)) == [9, 10]


async def test_superseded_messages_are_read_only_when_asked_for(
    backend: Backend, acting_as: Actor
) -> None:
    """S2. Forwards, backwards and at the end."""
    await two_agents(acting_as)
    log = await log_of(backend.sessions, "chat")
    live = [row.seq for row in log if row.superseded_at is None]
    assert 0 < len(live) < len(log)
    for query in (MessageQuery(), MessageQuery(before=99), MessageQuery(last=50)):
        assert await seqs_of(backend.sessions, query) == live
        every = replace(query, include_superseded=True)
        assert await seqs_of(backend.sessions, every) == [row.seq for row in log]
    assert await seqs_of(backend.sessions, MessageQuery(last=2)) == live[-2:]


async def test_every_combination_of_filters_is_what_passes_each(
    backend: Backend, acting_as: Actor
) -> None:
    """S7. By agent, role and sequence, live or not, counted from either end."""
    await two_agents(acting_as)
    log = await log_of(backend.sessions, "chat")
    agents, roles = (None, "weather", "billing", "nobody"), (None, "user", "assistant", "tool", "x")
    windows: tuple[dict[str, Any], ...] = (
        {},
        {"after": 3},
        {"before": 9},
        {"after": 3, "before": 13},
        {"last": 3},
    )
    for agent, role, window, every in product(agents, roles, windows, (True, False)):
        query = MessageQuery(**window, limit=3, agent=agent, role=role, include_superseded=every)
        passing = [
            row
            for row in log
            if agent in (None, row.agent)
            and role in (None, row.role)
            and query.after < row.seq < (query.before or 99)
            and (every or row.superseded_at is None)
        ]
        page = await backend.sessions.messages("chat", query)
        expected = passing[-3:] if query.is_backward else passing[:3]
        assert list(page.items) == expected, query
        assert (page.cursor is None) == (len(passing) <= 3)


async def test_a_filtered_log_is_whole_page_by_page(backend: Backend, acting_as: Actor) -> None:
    """S7. The pages are as full as they can be, whatever was passed over."""
    await two_agents(acting_as)
    log = await log_of(backend.sessions, "chat")
    passing = [row.seq for row in log if (row.agent, row.role) == ("weather", "assistant")]
    for query in (MessageQuery(), MessageQuery(before=99)):
        filtered = replace(
            query, agent="weather", role="assistant", include_superseded=True, limit=1
        )
        pages = [page async for page in stretches(backend.sessions, filtered)]
        pages = pages if query.cursor_name == "after" else pages[::-1]
        assert [row.seq for page in pages for row in page] == passing
        assert len(pages) == len(passing)


@pytest.mark.parametrize(
    "fields", [{"after": 1}, {"before": 5}, {"after": 1, "before": 5}], ids=str
)
async def test_the_end_of_a_log_is_asked_for_alone(
    backend: Backend, fields: dict[str, Any]
) -> None:
    """S7. `last` goes with neither `after` nor `before`."""

    async def ask() -> object:
        return await backend.sessions.messages("chat", MessageQuery(last=3, **fields))

    await backend.sessions.put("chat", conversation(5))
    assert isinstance(await error_of(ask()), InvalidRequest)


@pytest.mark.parametrize("last", [0, -1, 1001])
async def test_an_end_of_no_size_is_refused(backend: Backend, last: int) -> None:
    """S7. It is 1 to 1000."""
    await backend.sessions.put("chat", conversation(5))
    error = await error_of(backend.sessions.messages("chat", MessageQuery(last=last)))
    assert isinstance(error, InvalidRequest)


async def text_of(stream: HistoryStream) -> str:
    """The history that the pieces are."""
    return f"[{','.join([piece async for piece in stream.pieces])}]"


@pytest.mark.parametrize("length", [0, 1, 199, 200, 201, MANY])
async def test_a_stream_is_the_history(backend: Backend, length: int) -> None:
    """S4. Byte for byte, however long it is."""
    sessions = backend.sessions
    await sessions.put("chat", conversation(length))
    history = await sessions.history("chat")
    stream = await sessions.stream("chat")
    assert (stream.version, stream.message_count) == (history.version, length)
    assert await text_of(stream) == history.body


async def test_a_stream_of_large_messages_is_the_history(backend: Backend) -> None:
    """S4. In the order of the history, which is not that of the sequences."""
    sessions = backend.sessions
    texts = [f"{n}:" + "ü" * 20_000 for n in range(240)]
    await sessions.append("chat", unnamed(*texts[:1], *texts[2:]))
    await sessions.put("chat", unnamed(*texts), mode="replace")
    stream = await sessions.stream("chat")
    found = opaque.loads(await text_of(stream))
    assert [item["content"] for item in found] == texts


@pytest.mark.parametrize("length", [1, 201, MANY])
async def test_a_stream_is_as_it_was_when_it_began(backend: Backend, length: int) -> None:
    """S1. Whatever is appended, superseded or reverted before it is read to its end."""
    sessions = backend.sessions
    await sessions.put("chat", conversation(length))
    before = await sessions.history("chat")
    appended, replaced, reverted = [await sessions.stream("chat") for _ in range(3)]
    await sessions.append("chat", messages("new1", "new2"))
    assert await text_of(appended) == before.body
    kept = conversation(length)[: length // 2]
    await sessions.put("chat", [*kept, *messages("x")], mode="replace")
    first = await anext(replaced.pieces)
    await sessions.revert("chat", to=0)
    rest = [piece async for piece in replaced.pieces]
    assert f"[{','.join([first, *rest])}]" == before.body
    assert await text_of(reverted) == before.body
    assert reverted.version == before.version
    assert await text_of(await sessions.stream("chat")) == "[]"


@pytest.mark.parametrize("length", [1, 201, MANY])
async def test_a_stream_of_a_deleted_session_is_whole_or_refused(
    backend: Backend, length: int
) -> None:
    """S1. It is never cut short as if that were all."""
    sessions = backend.sessions
    await sessions.put("chat", conversation(length))
    before = await sessions.history("chat")
    stream = await sessions.stream("chat")
    await sessions.delete("chat")
    with suppress(Conflict):
        assert await text_of(stream) == before.body


async def test_a_stream_needs_the_session(backend: Backend) -> None:
    """S1. It is NotFound at once, also for an id that none can have."""
    for session_id in ("nobody", "a/b", ""):
        assert type(await error_of(backend.sessions.stream(session_id))) is NotFound
