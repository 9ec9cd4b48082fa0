"""Sessions: an append adds at the end, for any number of writers, and may be repeated."""

from __future__ import annotations

import asyncio

from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, InvalidRequest, NotFound, StaleVersion
from commonhold.testing.factories import message, messages, unnamed
from commonhold.testing.suite.reading import error_of, live_of, log_of


async def test_an_append_follows_what_is_there(backend: Backend) -> None:
    """S9. It says where its messages stand, and their ids."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2"))
    appended = await sessions.append("chat", messages("m3", "m4"))
    assert (appended.first_seq, appended.last_seq) == (3, 4)
    assert appended.message_ids == ("m3", "m4")
    assert appended.version == (await sessions.get("chat")).version
    assert await live_of(sessions, "chat") == ["m1", "m2", "m3", "m4"]


async def test_an_append_creates_the_session_unless_told_not_to(backend: Backend) -> None:
    """S9. A refusal leaves nothing behind."""
    sessions = backend.sessions
    error = await error_of(sessions.append("new", messages("m1"), create=False))
    assert isinstance(error, NotFound)
    assert await sessions.find("new") is None
    appended = await sessions.append("new", messages("m1"))
    assert (appended.version, appended.first_seq, appended.last_seq) == (1, 1, 1)


async def test_an_append_again_gets_the_first_answer(backend: Backend) -> None:
    """S9. By the ids of the messages, also after others went on."""
    sessions = backend.sessions
    first = await sessions.append("chat", messages("m1", "m2"))
    await sessions.append("chat", messages("other"))
    assert await sessions.append("chat", messages("m1", "m2")) == first
    assert await live_of(sessions, "chat") == ["m1", "m2", "other"]


async def test_a_key_makes_messages_without_ids_repeatable(backend: Backend) -> None:
    """S9. The same key and messages are one append, another key is another."""
    sessions = backend.sessions
    first = await sessions.append("chat", unnamed("ok", "ok"), key="turn-1")
    assert await sessions.append("chat", unnamed("ok", "ok"), key="turn-1") == first
    await sessions.append("chat", unnamed("ok"), key="turn-2")
    assert len(await log_of(sessions, "chat")) == 3


async def test_what_an_earlier_attempt_left_out_is_added(backend: Backend) -> None:
    """S9. Only the messages the log does not have are written."""
    sessions = backend.sessions
    await sessions.append("chat", messages("m1"))
    appended = await sessions.append("chat", messages("m1", "m2"))
    assert (appended.first_seq, appended.last_seq) == (1, 2)
    assert await live_of(sessions, "chat") == ["m1", "m2"]


async def test_an_append_again_does_not_bring_back_what_was_superseded(backend: Backend) -> None:
    """S9. It was written once; what became of it later is another matter."""
    sessions = backend.sessions
    await sessions.append("chat", messages("m1", "m2"))
    await sessions.revert("chat", to=1)
    await sessions.append("chat", messages("m1", "m2"))
    assert await live_of(sessions, "chat") == ["m1"]


async def test_a_retry_gets_the_first_answer_whatever_became_of_its_messages(
    backend: Backend,
) -> None:
    """S9. Taken out and put back under their ids, or edited: the answer is of what was written."""
    sessions = backend.sessions
    first = await sessions.append("chat", messages("m1", "m2"))
    await sessions.revert("chat", to=0)
    await sessions.put("chat", messages("m1", "m2"))
    assert await sessions.append("chat", messages("m1", "m2")) == first
    await sessions.put("chat", [message("m1", "edited"), *messages("m2")])
    assert await sessions.append("chat", messages("m1", "m2")) == first
    assert await live_of(sessions, "chat") == ["m1", "m2"]


async def test_an_id_stands_for_one_content(backend: Backend) -> None:
    """S9. Another content under the same id is told, not lost."""
    sessions = backend.sessions
    await sessions.append("chat", [message("m1", "one")])
    error = await error_of(sessions.append("chat", [message("m1", "two")]))
    assert isinstance(error, Conflict)
    twice = await error_of(sessions.append("chat", messages("m2", "m2")))
    assert isinstance(twice, InvalidRequest)
    assert await live_of(sessions, "chat") == ["m1"]


async def test_an_append_may_ask_for_a_version(backend: Backend) -> None:
    """S9. A stale one is refused with the current one; its retry is still the first answer."""
    sessions = backend.sessions
    first = await sessions.append("chat", messages("m1"))
    second = await sessions.append("chat", messages("m2"), if_match=first.version)
    error = await error_of(sessions.append("chat", messages("m3"), if_match=first.version))
    assert isinstance(error, StaleVersion)
    assert error.current == second.version
    again = await sessions.append("chat", messages("m2"), if_match=first.version)
    assert again == second
    missing = await error_of(sessions.append("new", messages("m1"), if_match=3))
    assert isinstance(missing, StaleVersion)


async def test_a_put_knows_what_was_appended(backend: Backend) -> None:
    """S9. A list that begins with the appended history only adds its tail."""
    sessions = backend.sessions
    await sessions.append("chat", messages("m1"))
    await sessions.append("chat", messages("m2"))
    written = await sessions.put("chat", messages("m1", "m2", "m3"))
    assert (written.first_seq, written.superseded) == (3, 0)
    appended = await sessions.append("chat", messages("m4"))
    assert appended.first_seq == 4
    assert await live_of(sessions, "chat") == ["m1", "m2", "m3", "m4"]


async def test_an_append_of_nothing_changes_nothing(backend: Backend) -> None:
    """S9. The version stays."""
    sessions = backend.sessions
    first = await sessions.append("chat", messages("m1"))
    nothing = await sessions.append("chat", [])
    assert (nothing.version, nothing.first_seq, nothing.last_seq) == (first.version, None, None)


async def test_ten_writers_append_a_hundred_messages(backend: Backend) -> None:
    """S9. All are there, each writer's own in its order, each sequence given once."""
    sessions = backend.sessions

    async def write(name: str) -> list[int]:
        seqs = []
        for n in range(10):
            appended = await sessions.append("chat", messages(f"{name}-{n}"))
            seqs.append(appended.first_seq or 0)
        return seqs

    seqs = await asyncio.gather(*(write(f"w{n}") for n in range(10)))
    live = await live_of(sessions, "chat")
    assert sorted(seq for own in seqs for seq in own) == list(range(1, 101))
    for n in range(10):
        assert [item for item in live if item.startswith(f"w{n}-")] == [
            f"w{n}-{turn}" for turn in range(10)
        ]


async def test_ten_attempts_at_once_are_one_append(backend: Backend) -> None:
    """S9. A client that repeats itself in a hurry writes once."""
    sessions = backend.sessions
    attempts = (sessions.append("chat", messages("m1", "m2")) for _ in range(10))
    answers = await asyncio.gather(*attempts)
    assert set(answers) == {answers[0]}
    assert await live_of(sessions, "chat") == ["m1", "m2"]
