"""Sessions: a PUT of the whole list speaks only for what its writer had seen."""

from __future__ import annotations

import json

from commonhold.contract.stores import Backend
from commonhold.errors import NotFound, StaleVersion
from commonhold.testing.factories import conversation, message, messages, unnamed
from commonhold.testing.suite.reading import error_of, live_of, log_of


async def test_a_put_that_extends_adds_only_its_tail(backend: Backend) -> None:
    """S3. The rows that were there keep their sequence and their time."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2"))
    before = await log_of(sessions, "chat")
    written = await sessions.put("chat", messages("m1", "m2", "m3", "m4"))
    assert (written.first_seq, written.last_seq, written.superseded) == (3, 4, 0)
    assert (await log_of(sessions, "chat"))[:2] == before
    assert await live_of(sessions, "chat") == ["m1", "m2", "m3", "m4"]


async def test_a_put_with_nothing_new_changes_nothing(backend: Backend) -> None:
    """S3. The version stays, and with it every ETag."""
    sessions = backend.sessions
    first = await sessions.put("chat", messages("m1", "m2"))
    second = await sessions.put("chat", messages("m1", "m2"))
    assert second.version == first.version
    assert (second.first_seq, second.last_seq, second.superseded, second.kept) == (None, None, 0, 0)
    assert len(await log_of(sessions, "chat")) == 2


async def test_the_version_grows_with_every_change(backend: Backend) -> None:
    """S3. Growing, replacing and reverting each give a higher one."""
    sessions = backend.sessions
    first = await sessions.put("chat", messages("m1"))
    second = await sessions.put("chat", messages("m1", "m2"))
    third = await sessions.put("chat", messages("m3"), mode="replace")
    fourth = await sessions.revert("chat", to=0)
    versions = [first.version, second.version, third.version, fourth.version]
    assert versions == sorted(set(versions))
    assert (await sessions.get("chat")).version == fourth.version


async def test_two_writers_of_one_history_both_keep_their_tail(backend: Backend) -> None:
    """S3. What the second did not know of stays, and its own messages follow."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2"))
    await sessions.put("chat", messages("m1", "m2", "a1", "a2"))
    written = await sessions.put("chat", messages("m1", "m2", "b1"))
    assert await live_of(sessions, "chat") == ["m1", "m2", "a1", "a2", "b1"]
    assert (written.first_seq, written.superseded, written.message_count) == (5, 0, 5)


async def test_a_put_of_an_older_view_removes_nothing(backend: Backend) -> None:
    """S3. What came after the last shared message was not seen, so it stays."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3"))
    written = await sessions.put("chat", messages("m1", "m2"))
    assert await live_of(sessions, "chat") == ["m1", "m2", "m3"]
    assert written.superseded == 0


async def test_compaction_supersedes_what_it_leaves_out(backend: Backend) -> None:
    """S3. Messages before a shared one that the list leaves out were removed on purpose."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3", "m4", "m5"))
    written = await sessions.put("chat", messages("summary", "m4", "m5", "m6"))
    assert await live_of(sessions, "chat") == ["summary", "m4", "m5", "m6"]
    assert (written.superseded, written.message_count) == (3, 4)


async def test_compaction_meets_a_message_nobody_told_it_of(backend: Backend) -> None:
    """S3. The front is compacted, the unseen tail stays."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3", "unseen"))
    await sessions.put("chat", messages("summary", "m3", "m4"))
    assert await live_of(sessions, "chat") == ["summary", "m3", "unseen", "m4"]


async def test_compaction_works_without_ids(backend: Backend) -> None:
    """S3. Two messages in a row that match by content carry it."""
    sessions = backend.sessions
    await sessions.put("chat", unnamed("one", "two", "three", "four"))
    await sessions.put("chat", unnamed("summary", "three", "four", "five"))
    assert await live_of(sessions, "chat") == ["summary", "three", "four", "five"]


async def test_a_list_that_shares_nothing_replaces(backend: Backend) -> None:
    """S3. A writer that saw the log and sends another list wants that list."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2"))
    await sessions.put("chat", messages("m1", "m2", "m3"))
    await sessions.history("chat")
    written = await sessions.put("chat", messages("x1", "x2"))
    assert await live_of(sessions, "chat") == ["x1", "x2"]
    assert written.superseded == 3


async def test_two_writers_that_found_nothing_both_keep_their_first_message(
    backend: Backend,
) -> None:
    """S3. Both read an empty session, so neither list speaks about the other."""
    sessions = backend.sessions
    for _ in range(2):
        assert type(await error_of(sessions.history("chat"))) is NotFound
    await sessions.put("chat", messages("a1"))
    written = await sessions.put("chat", messages("b1"))
    assert await live_of(sessions, "chat") == ["a1", "b1"]
    assert written.superseded == 0


async def test_an_empty_list_clears_the_history(backend: Backend) -> None:
    """S2. What is cleared can still be read."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1"))
    await sessions.put("chat", messages("m1", "m2"))
    await sessions.history("chat")
    await sessions.put("chat", [])
    assert await live_of(sessions, "chat") == []
    assert [row.message_id for row in await log_of(sessions, "chat")] == ["m1", "m2"]


async def test_superseded_messages_stay_readable(backend: Backend) -> None:
    """S2. They keep content, sequence and author, and tell when they left."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3"))
    before = await log_of(sessions, "chat")
    await sessions.put("chat", messages("m3", "m4"))
    after = await log_of(sessions, "chat")
    assert [row.content for row in after] == messages("m1", "m2", "m3", "m4")
    assert [row.superseded_at is None for row in after] == [False, False, True, True]
    assert [(row.seq, row.agent, row.created_at) for row in after[:3]] == [
        (row.seq, row.agent, row.created_at) for row in before
    ]
    live = await log_of(sessions, "chat", superseded=False)
    assert [row.message_id for row in live] == ["m3", "m4"]


async def test_equal_messages_without_ids_are_all_kept(backend: Backend) -> None:
    """S3. Three times "ok" is three messages, and a fourth is a fourth."""
    sessions = backend.sessions
    first = await sessions.put("chat", unnamed("ok", "ok", "ok"))
    again = await sessions.put("chat", unnamed("ok", "ok", "ok"))
    assert again.version == first.version
    await sessions.put("chat", unnamed("ok", "ok", "ok", "ok"))
    assert await live_of(sessions, "chat") == ["ok", "ok", "ok", "ok"]


async def test_one_id_twice_in_a_list_is_two_messages(backend: Backend) -> None:
    """S3. A sloppy client loses nothing, and saving again changes nothing."""
    sessions = backend.sessions
    texts = [message("m1", "first"), message("m1", "second")]
    first = await sessions.put("chat", texts)
    again = await sessions.put("chat", texts)
    assert again.version == first.version
    assert [row.content for row in await log_of(sessions, "chat")] == texts


async def test_a_message_edited_in_place_takes_the_place_of_the_old(backend: Backend) -> None:
    """S3. The old text is superseded, the order stays."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3"))
    edited = [message("m1", "the text of m1"), message("m2", "edited"), *messages("m3")]
    written = await sessions.put("chat", edited)
    assert await live_of(sessions, "chat") == ["m1", "m2", "m3"]
    history = await sessions.history("chat")
    assert history.messages[1]["content"] == "edited"
    assert (written.superseded, written.first_seq, written.last_seq) == (1, 4, 4)
    assert [row.message_id for row in await log_of(sessions, "chat")] == ["m1", "m2", "m3", "m2"]


async def test_a_message_put_between_two_lands_between_them(backend: Backend) -> None:
    """S3. Sequence is the order of arrival, the live history is the order of the list."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m3"))
    await sessions.put("chat", messages("m1", "m2", "m3"))
    await sessions.put("chat", messages("m0", "m1", "m2", "m3"))
    assert await live_of(sessions, "chat") == ["m0", "m1", "m2", "m3"]
    assert [row.message_id for row in await log_of(sessions, "chat")] == ["m1", "m3", "m2", "m0"]


async def test_there_is_always_room_between_two_messages(backend: Backend) -> None:
    """S3. A message can be inserted at the same place again and again."""
    sessions = backend.sessions
    names = ["first", "last"]
    await sessions.put("chat", messages(*names))
    for n in range(40):
        names.insert(1, f"m{n}")
        await sessions.put("chat", messages(*names))
    assert await live_of(sessions, "chat") == names


async def test_a_client_that_respells_its_history_changes_nothing(backend: Backend) -> None:
    """S3. Key order and whitespace do not make a message another one."""
    sessions = backend.sessions
    texts = conversation(3)
    first = await sessions.put("chat", texts)
    respelt = [
        json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":"))
        for text in texts
    ]
    again = await sessions.put("chat", respelt)
    assert again.version == first.version
    assert [row.content for row in await log_of(sessions, "chat")] == texts


async def test_replace_makes_the_history_exactly_the_list(backend: Backend) -> None:
    """S3. Also what came after the last shared message leaves; all of it stays readable."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1", "m2", "m3"))
    written = await sessions.put("chat", messages("m1", "x1"), mode="replace")
    assert await live_of(sessions, "chat") == ["m1", "x1"]
    assert (written.superseded, written.kept) == (2, 0)
    assert [row.message_id for row in await log_of(sessions, "chat")] == ["m1", "m2", "m3", "x1"]


async def test_if_match_with_the_current_version_replaces_exactly(backend: Backend) -> None:
    """S3. The writer says what it saw, so nothing is left to guess."""
    sessions = backend.sessions
    seen = await sessions.put("chat", messages("m1", "m2", "m3"))
    written = await sessions.put("chat", messages("m1"), if_match=seen.version)
    assert await live_of(sessions, "chat") == ["m1"]
    assert written.version > seen.version


async def test_if_match_with_another_version_is_refused(backend: Backend) -> None:
    """S1. The error names the current version, and nothing was written."""
    sessions = backend.sessions
    seen = await sessions.put("chat", messages("m1"))
    current = await sessions.put("chat", messages("m1", "m2"))
    for version in (seen.version, current.version + 1, 2**40):
        error = await error_of(sessions.put("chat", messages("x"), if_match=version))
        assert isinstance(error, StaleVersion)
        assert error.current == current.version
    assert await live_of(sessions, "chat") == ["m1", "m2"]


async def test_if_match_on_a_session_that_is_not_there_is_refused(backend: Backend) -> None:
    """S1. It is at no version, and is not made."""
    error = await error_of(backend.sessions.put("nobody", messages("m1"), if_match=3))
    assert type(error) is StaleVersion
    assert await backend.sessions.find("nobody") is None


async def test_a_hundred_turns_of_whole_list_puts_are_a_hundred_messages(
    backend: Backend,
) -> None:
    """S3. What an agent does every turn writes each message once."""
    sessions = backend.sessions
    texts = conversation(100)
    for turn in range(1, 101):
        written = await sessions.put("chat", texts[:turn])
        assert (written.first_seq, written.last_seq) == (turn, turn)
    assert [row.content for row in await log_of(sessions, "chat")] == texts


async def test_a_list_that_was_behind_may_be_sent_again(backend: Backend) -> None:
    """S3. A client that lost the answer repeats its PUT; nobody's messages suffer for it."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1"))
    await sessions.history("chat")
    await sessions.history("chat")
    await sessions.put("chat", messages("m1", "a1"))
    await sessions.put("chat", messages("m1", "b1"))
    await sessions.put("chat", messages("m1", "b1"))
    assert await live_of(sessions, "chat") == ["m1", "a1", "b1"]


async def test_a_list_that_was_behind_may_grow_without_a_read(backend: Backend) -> None:
    """S3. A writer that only ever sees its own list removes nothing of others."""
    sessions = backend.sessions
    await sessions.put("chat", messages("m1"))
    await sessions.put("chat", messages("m1", "a1"))
    await sessions.put("chat", messages("m1", "b1"))
    await sessions.put("chat", messages("m1", "b1", "b2"))
    await sessions.put("chat", messages("m1", "a1", "a2"))
    assert await live_of(sessions, "chat") == ["m1", "a1", "b1", "b2", "a2"]
