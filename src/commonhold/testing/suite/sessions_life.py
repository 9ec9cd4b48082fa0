"""Sessions: made, found, deleted, and the ids they may have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, InvalidRequest, NotFound
from commonhold.model.session import NewSession, SessionQuery
from commonhold.testing.factories import message, messages, new_session
from commonhold.testing.suite.reading import error_of, live_of, log_of

Call = Callable[[Sessions, str], Awaitable[object]]

READS: dict[str, Call] = {
    "get": lambda sessions, sid: sessions.get(sid),
    "history": lambda sessions, sid: sessions.history(sid),
    "messages": lambda sessions, sid: sessions.messages(sid),
    "cost": lambda sessions, sid: sessions.cost(sid),
    "state": lambda sessions, sid: sessions.state(sid),
}
WRITES: dict[str, Call] = {
    "patch_cost": lambda sessions, sid: sessions.patch_cost(sid, {"turn_count": 1}),
    "patch_state": lambda sessions, sid: sessions.patch_state(sid, {"pending": "q1"}),
    "fork": lambda sessions, sid: sessions.fork(sid),
    "revert": lambda sessions, sid: sessions.revert(sid, to=0),
    "delete": lambda sessions, sid: sessions.delete(sid),
}
UNUSUAL_IDS = (
    "user@example.org",
    "arn:aws:sns:eu-west-1:4711:topic",
    "two words",
    " leading and trailing ",
    "100%",
    "%2F",
    "a%20b",
    "a+b",
    "a&b=c;d",
    "'; DROP TABLE sessions; --",
    '"quoted"',
    "{braces}",
    "naïve-Ünïcode",
    "会话-😀",
    "...",
    "fork",
    "x" * 128,
)
IMPOSSIBLE_IDS = {
    "empty": "",
    "slash": "a/b",
    "question": "a?b",
    "hash": "a#b",
    "backslash": "a\\b",
    "nul": "a\0b",
    "newline": "a\nb",
    "long": "x" * 129,
    "surrogate": "a\ud800",
    "dot": ".",
    "dots": "..",
}


async def test_a_created_session_is_there_and_empty(backend: Backend) -> None:
    """S1. What `create` returns is what can be read afterwards."""
    made = await backend.sessions.create(new_session(session_id="weather-1"))
    assert made.session_id == "weather-1"
    assert (made.message_count, made.head_seq, made.title) == (0, 0, "Weather")
    assert await backend.sessions.get("weather-1") == made
    assert await backend.sessions.find("weather-1") == replace(made, open_tool_calls=None)
    assert (await backend.sessions.history("weather-1")).messages == []


async def test_create_gives_an_id_when_none_is_chosen(backend: Backend) -> None:
    """S1. Two sessions created without an id are two sessions."""
    first = await backend.sessions.create()
    second = await backend.sessions.create()
    assert first.session_id != second.session_id
    assert await backend.sessions.get(first.session_id) == first


async def test_what_a_caller_chose_at_creation_is_kept(backend: Backend) -> None:
    """S1. Title, metadata and lineage come back; the permission scope is part of the state."""
    made = await backend.sessions.create(
        new_session(
            title="Zürich 😀",
            parent_session_id="elsewhere",
            forked_at_message_id="m7",
            permission_scope_active="read-only",
        )
    )
    found = await backend.sessions.get(made.session_id)
    assert (found.title, found.parent_session_id) == ("Zürich 😀", "elsewhere")
    assert found.forked_at_message_id == "m7"
    assert "read-only" in await backend.sessions.state(made.session_id)


async def test_creating_a_session_twice_is_a_conflict(backend: Backend) -> None:
    """S1. The second `create` of an id changes nothing of the first."""
    first = await backend.sessions.create(NewSession("taken", title="first"))
    await backend.sessions.put("taken", messages("m1"))
    error = await error_of(backend.sessions.create(NewSession("taken", title="second")))
    assert type(error) is Conflict
    assert (await backend.sessions.get("taken")).title == first.title
    assert await live_of(backend.sessions, "taken") == ["m1"]


async def test_a_session_that_is_not_there_is_not_found(backend: Backend) -> None:
    """S1. `find` gives None for it."""
    assert await backend.sessions.find("nobody") is None


@pytest.mark.parametrize("call", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
async def test_every_method_but_create_and_put_needs_the_session(
    backend: Backend, call: Call
) -> None:
    """S1. It raises NotFound, and does not make the session by the way."""
    error = await error_of(call(backend.sessions, "nobody"))
    assert type(error) is NotFound
    assert await backend.sessions.find("nobody") is None


async def test_a_deleted_session_is_gone_with_everything_in_it(backend: Backend) -> None:
    """S1. Deleting twice is NotFound, and a new session of that id starts from nothing."""
    sessions = backend.sessions
    await sessions.put("short-lived", messages("m1", "m2"))
    await sessions.patch_cost("short-lived", {"turn_count": 3})
    await sessions.delete("short-lived")
    assert type(await error_of(sessions.delete("short-lived"))) is NotFound
    assert type(await error_of(sessions.history("short-lived"))) is NotFound
    await sessions.create(NewSession("short-lived"))
    assert await log_of(sessions, "short-lived") == ()
    assert await sessions.cost("short-lived") == "{}"


async def test_put_creates_the_session_when_it_is_missing(backend: Backend) -> None:
    """S1. An agent's first save needs no `create` before it."""
    written = await backend.sessions.put("fresh", messages("m1", "m2"))
    found = await backend.sessions.get("fresh")
    assert (written.session_id, written.first_seq, written.last_seq) == ("fresh", 1, 2)
    assert (found.message_count, found.head_seq, found.version) == (2, 2, written.version)


async def test_the_counters_of_a_session_follow_its_log(backend: Backend) -> None:
    """S1. `head_seq` counts four messages, and the event that tells of the two that went."""
    sessions = backend.sessions
    await sessions.put("counted", messages("m1", "m2", "m3"))
    written = await sessions.put("counted", messages("m1", "m4"), mode="replace")
    found = await sessions.get("counted")
    assert (found.message_count, found.head_seq, found.version) == (2, 5, written.version)
    assert written.message_count == 2


@pytest.mark.parametrize("session_id", UNUSUAL_IDS)
async def test_a_session_may_have_an_unusual_id(backend: Backend, session_id: str) -> None:
    """S5. Agents use event keys, mail addresses and ARNs: each is one session, and only that."""
    sessions = backend.sessions
    await sessions.put(session_id, messages("m1"))
    await sessions.patch_cost(session_id, {"turn_count": 1})
    assert await live_of(sessions, session_id) == ["m1"]
    listed = await sessions.list(SessionQuery())
    assert [item.session_id for item in listed.items] == [session_id]
    await sessions.delete(session_id)
    assert await sessions.find(session_id) is None


@pytest.mark.parametrize("session_id", IMPOSSIBLE_IDS.values(), ids=IMPOSSIBLE_IDS)
async def test_an_id_that_could_not_be_stored_cannot_exist(
    backend: Backend, session_id: str
) -> None:
    """S5. Reads raise NotFound, `find` gives None."""
    assert await backend.sessions.find(session_id) is None
    for call in READS.values():
        assert type(await error_of(call(backend.sessions, session_id))) is NotFound


@pytest.mark.parametrize("session_id", IMPOSSIBLE_IDS.values(), ids=IMPOSSIBLE_IDS)
async def test_nothing_can_be_written_under_an_impossible_id(
    backend: Backend, session_id: str
) -> None:
    """S5. Writes raise InvalidRequest, or NotFound where the session would have to be there."""
    put = backend.sessions.put(session_id, messages("m1"))
    assert type(await error_of(put)) is InvalidRequest
    for call in WRITES.values():
        error = await error_of(call(backend.sessions, session_id))
        assert type(error) in (InvalidRequest, NotFound)
    assert (await backend.sessions.list()).items == ()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '"text"', "3", "{", '{"a": NaN}', '{"a": "\\ud800"}', "{}, {}", "{}]", "\0"],
)
async def test_a_message_that_is_not_a_json_object_is_refused(backend: Backend, text: str) -> None:
    """S1. The whole PUT is refused with it: nothing of the list is kept."""
    sessions = backend.sessions
    await sessions.put("kept", messages("m1"))
    error = await error_of(sessions.put("kept", [*messages("m1", "m2"), text]))
    assert isinstance(error, InvalidRequest)
    assert "messages[2]" in error.detail or error.errors
    assert await live_of(sessions, "kept") == ["m1"]
    assert isinstance(await error_of(sessions.put("never", [message("m1"), text])), InvalidRequest)
    assert await sessions.find("never") is None
