"""Sessions: lists, and stretches of a log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.scope import Author, Scope
from commonhold.model.session import MessageQuery, NewSession, SessionQuery
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import conversation, messages
from commonhold.testing.suite.reading import all_of, error_of, log_of


async def test_a_store_with_no_sessions_lists_none(backend: Backend) -> None:
    """S7. The page is empty and the last."""
    page = await backend.sessions.list()
    assert (page.items, page.cursor) == ((), None)


async def test_sessions_are_listed_newest_first(backend: Backend, clock: StoppedClock) -> None:
    """S7. By creation: writing to an old session does not move it."""
    for n in range(5):
        await backend.sessions.create(NewSession(f"s{n}"))
        clock.advance()
    await backend.sessions.put("s0", messages("m1"))
    page = await backend.sessions.list()
    assert [item.session_id for item in page.items] == ["s4", "s3", "s2", "s1", "s0"]
    assert page.cursor is None


async def test_a_listed_session_is_the_session(backend: Backend) -> None:
    """S7. A list shows what `get` shows, but for the calls it does not look for."""
    await backend.sessions.put("chat", messages("m1", "m2"))
    (item,) = (await backend.sessions.list()).items
    found = await backend.sessions.get("chat")
    assert item == replace(found, open_tool_calls=None)


async def test_sessions_of_one_instant_are_listed_by_id(
    backend: Backend, clock: StoppedClock
) -> None:
    """S7. The order is total, so that a page of one finds each once."""
    names = ["b", "a", "C", "10", "9", "ü", "_"]
    for name in names:
        await backend.sessions.put(name, [])
    whole = [item.session_id for item in (await backend.sessions.list()).items]
    assert whole in (sorted(names), sorted(names, reverse=True))
    single = await all_of(backend.sessions.list, SessionQuery(limit=1))
    assert [item.session_id for item in single] == whole


async def test_a_cursor_goes_on_while_sessions_arrive(
    backend: Backend, clock: StoppedClock
) -> None:
    """S7. No repeat and no gap: what is new belongs before the first page."""
    for n in range(6):
        await backend.sessions.create(NewSession(f"old{n}"))
        clock.advance()
    first = await backend.sessions.list(SessionQuery(limit=3))
    for n in range(3):
        await backend.sessions.create(NewSession(f"new{n}"))
        clock.advance()
    second = await backend.sessions.list(SessionQuery(limit=3, cursor=first.cursor))
    seen = [item.session_id for item in first.items + second.items]
    assert seen == ["old5", "old4", "old3", "old2", "old1", "old0"]
    assert second.cursor is None


async def test_every_session_is_found_page_by_page(backend: Backend) -> None:
    """S7. Deep into a list nothing is skipped or shown twice."""
    for n in range(60):
        await backend.sessions.create(NewSession(f"s{n}"))
    found = await all_of(backend.sessions.list, SessionQuery(limit=7))
    assert len(found) == 60
    assert {item.session_id for item in found} == {f"s{n}" for n in range(60)}
    whole = await backend.sessions.list(SessionQuery(limit=1000))
    assert list(whole.items) == found


async def test_offset_skips_for_old_clients(backend: Backend, clock: StoppedClock) -> None:
    """S7. `offset` counts from the newest; past the end is an empty page."""
    for n in range(5):
        await backend.sessions.create(NewSession(f"s{n}"))
        clock.advance()
    page = await backend.sessions.list(SessionQuery(limit=2, offset=1))
    assert [item.session_id for item in page.items] == ["s3", "s2"]
    assert (await backend.sessions.list(SessionQuery(offset=9))).items == ()


async def test_sessions_are_narrowed_by_agent(backend: Backend, acting_as: Actor) -> None:
    """S7. Only those the agent created; an unknown agent has none."""
    await acting_as("billing").sessions.create(NewSession("b1"))
    await acting_as("weather").sessions.create(NewSession("w1"))
    page = await backend.sessions.list(SessionQuery(agent="weather"))
    assert [item.session_id for item in page.items] == ["w1"]
    assert (await backend.sessions.list(SessionQuery(agent="nobody"))).items == ()


async def test_sessions_are_narrowed_by_user(backend: Backend) -> None:
    """S7. Only those created for the user."""
    for user in ("ada", "bob"):
        author = Author(agent="weather", user=user, actor=f"user:{user}", delegation="verified")
        await backend.bind(Scope(author=author)).sessions.create(NewSession(f"of-{user}"))
    page = await backend.sessions.list(SessionQuery(user="ada"))
    assert [item.session_id for item in page.items] == ["of-ada"]
    assert page.items[0].user == "ada"


async def test_sessions_are_narrowed_by_time(backend: Backend, clock: StoppedClock) -> None:
    """S7. `since` is inclusive and `until` exclusive, by creation; filters hold on every page."""
    times = []
    for n in range(5):
        times.append(clock.at)
        await backend.sessions.create(NewSession(f"s{n}"))
        clock.advance()
    query = SessionQuery(since=times[1], until=times[4])
    page = await backend.sessions.list(query)
    assert [item.session_id for item in page.items] == ["s3", "s2", "s1"]
    single = await all_of(backend.sessions.list, replace(query, limit=1))
    assert [item.session_id for item in single] == ["s3", "s2", "s1"]


@pytest.mark.parametrize(
    "query",
    [
        SessionQuery(limit=0),
        SessionQuery(limit=-1),
        SessionQuery(limit=1001),
        SessionQuery(limit=2**70),
        SessionQuery(offset=-1),
        SessionQuery(offset=2**70),
        SessionQuery(cursor="not a cursor"),
        SessionQuery(cursor="e30"),
        SessionQuery(cursor="WzFlMzAsIngiXQ"),
        SessionQuery(cursor="Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTksICJ4Il0"),
        SessionQuery(cursor="WzEsICJcdTAwMDAiXQ"),
        SessionQuery(cursor="\ud800"),
    ],
    ids=lambda query: f"{query.limit}-{query.offset}-{query.cursor!a}",
)
async def test_a_page_of_sessions_that_cannot_be_is_refused(
    backend: Backend, query: SessionQuery
) -> None:
    """S7. Its size, its start or its cursor breaks a rule."""
    assert isinstance(await error_of(backend.sessions.list(query)), InvalidRequest)


@pytest.mark.parametrize("text", ["", "a\0b", "\ud800", "x" * 5000, "%", "'"])
async def test_a_filter_that_nothing_can_match_is_no_failure(backend: Backend, text: str) -> None:
    """S7. It is an empty page, or InvalidRequest where such a text cannot be stored."""
    await backend.sessions.create(NewSession("chat"))
    for query in (SessionQuery(agent=text), SessionQuery(parent=text)):
        try:
            page = await backend.sessions.list(query)
        except InvalidRequest:
            continue
        assert text == "" or page.items == ()


async def test_a_log_is_read_in_stretches(backend: Backend) -> None:
    """S7. A page's cursor is the last sequence it shows: the next page is what comes after it."""
    await backend.sessions.put("chat", conversation(10))
    first = await backend.sessions.messages("chat", MessageQuery(limit=4))
    assert [row.seq for row in first.items] == [1, 2, 3, 4]
    assert first.cursor == "4"
    second = await backend.sessions.messages("chat", MessageQuery(after=4, limit=6))
    assert [row.seq for row in second.items] == [5, 6, 7, 8, 9, 10]
    assert second.cursor is None
    beyond = await backend.sessions.messages("chat", MessageQuery(after=10))
    assert (beyond.items, beyond.cursor) == ((), None)


async def test_a_log_is_read_on_while_messages_arrive(backend: Backend) -> None:
    """S7. Sequences only grow, so a reader that remembers the last misses nothing."""
    await backend.sessions.put("chat", conversation(3))
    first = await backend.sessions.messages("chat", MessageQuery(limit=3))
    await backend.sessions.put("chat", conversation(5))
    rest = await backend.sessions.messages("chat", MessageQuery(after=first.items[-1].seq))
    assert [row.message_id for row in rest.items] == ["m4", "m5"]


async def test_a_stretch_shows_superseded_messages_only_when_asked(backend: Backend) -> None:
    """S2. Sequences of the live ones have gaps where others were."""
    await backend.sessions.put("chat", messages("m1", "m2", "m3"))
    await backend.sessions.put("chat", messages("m3", "m4"))
    live = await log_of(backend.sessions, "chat", superseded=False)
    assert [row.seq for row in live] == [3, 4]
    page = await backend.sessions.messages("chat", MessageQuery(limit=2, include_superseded=True))
    assert [row.seq for row in page.items] == [1, 2]
    assert page.cursor == "2"
    rest = MessageQuery(after=2, limit=2, include_superseded=True)
    assert [row.seq for row in (await backend.sessions.messages("chat", rest)).items] == [3, 4]


@pytest.mark.parametrize(
    "query",
    [MessageQuery(limit=0), MessageQuery(limit=1001), MessageQuery(after=-1)],
    ids=["limit-0", "limit-1001", "after-negative"],
)
async def test_a_stretch_that_cannot_be_is_refused(backend: Backend, query: MessageQuery) -> None:
    """S7. Its size or its start breaks a rule."""
    await backend.sessions.put("chat", messages("m1"))
    assert isinstance(await error_of(backend.sessions.messages("chat", query)), InvalidRequest)
