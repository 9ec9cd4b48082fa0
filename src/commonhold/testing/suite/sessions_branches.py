"""Sessions: forked into another, and reverted to an earlier point."""

from __future__ import annotations

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import OutOfRange
from commonhold.model.session import NewSession, SessionQuery
from commonhold.testing.factories import conversation, message, messages
from commonhold.testing.suite.reading import error_of, live_of, log_of


async def test_a_fork_has_the_whole_live_history(backend: Backend) -> None:
    """S4. Contents are copied as they were spelt, and the parent is remembered."""
    texts = ['{ "id":"m1", "content":1.10 }', *messages("m2")]
    await backend.sessions.put("parent", texts)
    fork = await backend.sessions.fork("parent")
    assert fork.parent_session_id == "parent"
    assert (fork.message_count, fork.forked_at_message_id) == (2, "m2")
    assert [row.content for row in await log_of(backend.sessions, fork.session_id)] == texts
    assert await backend.sessions.get(fork.session_id) == fork


@pytest.mark.parametrize("at", [0, 1, 3, 5])
async def test_a_fork_may_begin_earlier(backend: Backend, at: int) -> None:
    """S4. It has the first `at` live messages."""
    await backend.sessions.put("parent", conversation(5))
    fork = await backend.sessions.fork("parent", at=at)
    names = await live_of(backend.sessions, fork.session_id)
    assert names == ["m1", "m2", "m3", "m4", "m5"][:at]
    assert fork.message_count == at
    assert fork.forked_at_message_id == (names[-1] if names else None)


async def test_a_fork_and_its_parent_go_separate_ways(backend: Backend) -> None:
    """S2. What is written to one is not in the other."""
    sessions = backend.sessions
    await sessions.put("parent", messages("m1", "m2"))
    fork = (await sessions.fork("parent", at=1)).session_id
    await sessions.put(fork, messages("m1", "f1"))
    await sessions.put("parent", messages("m1", "m2", "p1"))
    await sessions.delete("parent")
    assert await live_of(sessions, fork) == ["m1", "f1"]


async def test_a_fork_copies_live_messages_in_their_live_order(backend: Backend) -> None:
    """S4. Superseded ones stay behind, and an inserted one is where its list put it."""
    sessions = backend.sessions
    await sessions.put("parent", messages("m1", "m2", "m3"))
    await sessions.put("parent", messages("summary", "m3", "m4"))
    fork = (await sessions.fork("parent", at=2)).session_id
    assert await live_of(sessions, fork) == ["summary", "m3"]
    assert len(await log_of(sessions, fork)) == 2
    extended = await sessions.put(fork, messages("summary", "m3", "f1"))
    assert (extended.message_count, extended.superseded) == (3, 0)


async def test_forks_are_found_by_their_parent(backend: Backend) -> None:
    """S7. A list can be narrowed to the children of a session."""
    await backend.sessions.put("parent", messages("m1"))
    made = {(await backend.sessions.fork("parent")).session_id for _ in range(3)}
    listed = await backend.sessions.list(SessionQuery(parent="parent"))
    assert {item.session_id for item in listed.items} == made


@pytest.mark.parametrize("at", [-1, 3, 2**40])
async def test_a_fork_outside_of_the_history_is_refused(backend: Backend, at: int) -> None:
    """S1. No session is made."""
    await backend.sessions.put("parent", messages("m1", "m2"))
    assert type(await error_of(backend.sessions.fork("parent", at=at))) is OutOfRange
    assert len((await backend.sessions.list()).items) == 1


async def test_a_revert_keeps_the_first_messages(backend: Backend) -> None:
    """S2. The rest is superseded, and stays readable."""
    sessions = backend.sessions
    before = await sessions.put("chat", conversation(5))
    written = await sessions.revert("chat", to=2)
    assert (written.superseded, written.message_count) == (3, 2)
    assert written.version > before.version
    assert await live_of(sessions, "chat") == ["m1", "m2"]
    assert len(await log_of(sessions, "chat")) == 5
    assert (await sessions.get("chat")).message_count == 2


async def test_a_revert_to_the_end_changes_nothing(backend: Backend) -> None:
    """S1. The version stays."""
    before = await backend.sessions.put("chat", conversation(3))
    written = await backend.sessions.revert("chat", to=3)
    assert (written.version, written.superseded) == (before.version, 0)


@pytest.mark.parametrize("to", [-1, 3, 2**40])
async def test_a_revert_outside_of_the_history_is_refused(backend: Backend, to: int) -> None:
    """S1. Nothing is superseded."""
    await backend.sessions.put("chat", messages("m1", "m2"))
    assert type(await error_of(backend.sessions.revert("chat", to=to))) is OutOfRange
    assert await live_of(backend.sessions, "chat") == ["m1", "m2"]


async def test_an_empty_session_can_be_forked_and_reverted(backend: Backend) -> None:
    """S1. Zero of zero messages is in range."""
    await backend.sessions.create(NewSession("empty"))
    fork = await backend.sessions.fork("empty")
    written = await backend.sessions.revert("empty", to=0)
    assert (fork.message_count, written.superseded) == (0, 0)


async def test_a_conversation_goes_on_after_a_revert(backend: Backend) -> None:
    """S3. The new turn follows what was kept, and a message sent again is live again."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3"))
    await sessions.revert("chat", to=1)
    await sessions.put("chat", [*messages("m1"), message("n2")])
    assert await live_of(sessions, "chat") == ["m1", "n2"]
    await sessions.put("chat", [*messages("m1"), message("n2"), *messages("m2")])
    assert await live_of(sessions, "chat") == ["m1", "n2", "m2"]
    assert [row.message_id for row in await log_of(sessions, "chat")] == [
        "m1",
        "m2",
        "m3",
        "n2",
        "m2",
    ]
