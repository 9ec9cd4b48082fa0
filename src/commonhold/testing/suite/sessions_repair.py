"""Sessions: tool calls that a crash left open, and repair, which closes them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model.opaque import JsonText
from commonhold.model.repair import REASON
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import message, messages
from commonhold.testing.suite.reading import error_of, events_of, live_of, log_of

SHAPES = ("chat", "anthropic", "responses")


def calls(shape: str, name: str, *call_ids: str) -> JsonText:
    """A message with the id `name` that opens calls; a Responses item opens one."""
    if shape == "responses":
        (call_id,) = call_ids
        item = {"id": name, "type": "function_call", "call_id": call_id, "name": "look"}
        return JsonText(json.dumps({**item, "arguments": "{}"}))
    if shape == "anthropic":
        uses = [{"type": "tool_use", "id": each, "name": "look", "input": {}} for each in call_ids]
        return message(name, uses, role="assistant")
    function = {"name": "look", "arguments": "{}"}
    made = [{"type": "function", "id": each, "function": function} for each in call_ids]
    return message(name, None, role="assistant", tool_calls=made)


def result(shape: str, call_id: str, text: str = "dry", **fields: object) -> dict[str, Any]:
    """The message that answers one call."""
    if shape == "chat":
        return {"role": "tool", "tool_call_id": call_id, "content": text, **fields}
    if shape == "responses":
        return {"type": "function_call_output", "call_id": call_id, "output": text, **fields}
    block = {"type": "tool_result", "tool_use_id": call_id, "content": text}
    closed = {} if fields else {"is_error": True}
    return {"role": "user", "content": [block | closed], **fields}


def answer(shape: str, name: str, call_id: str) -> JsonText:
    """The same with the id `name`, as its author sends it."""
    return JsonText(json.dumps(result(shape, call_id, id=name)))


async def history_of(sessions: Sessions) -> list[Any]:
    """The live messages; those of `messages` by their id alone."""
    history = await sessions.history("chat")
    return [item.get("id", item) for item in history.messages]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_repair_answers_right_behind_the_call(backend: Backend, shape: str) -> None:
    """S3. Before what was said later, and in the shape of the call."""
    sessions = backend.sessions
    texts = [*messages("m1"), calls(shape, "call", "c1"), *messages("m2", "m3")]
    before = await sessions.put("chat", texts)
    assert (await sessions.get("chat")).open_tool_calls == ("c1",)
    repaired = await sessions.repair("chat", reason="It crashed.")
    made = result(shape, "c1", "It crashed.")
    assert await history_of(sessions) == ["m1", "call", made, "m2", "m3"]
    assert (repaired.version, repaired.message_count) == (before.version + 1, 5)
    (closing,) = repaired.closed
    assert (closing.call_id, closing.name, repaired.open_tool_calls) == ("c1", "look", ())
    found = await sessions.get("chat")
    assert (found.version, found.message_count) == (repaired.version, 5)
    assert found.open_tool_calls == ()


async def test_a_repair_is_a_message_and_an_event(acting_as: Actor) -> None:
    """S11. The message is the repairer's, and the event says which calls were closed."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.append("chat", [calls("chat", "call", "c1", "c2"), *messages("m1")])
    repaired = await weather.repair("chat")
    rows = {row.seq: row for row in await log_of(billing, "chat")}
    assert [rows[each.seq].message_id for each in repaired.closed] == [
        each.message_id for each in repaired.closed
    ]
    assert {rows[each.seq].agent for each in repaired.closed} == {"weather"}
    (event,) = await events_of(billing, "chat")
    assert (event.kind, event.agent) == ("repair", "weather")
    assert json.loads(event.data) == {"closed": ["c1", "c2"]}
    assert sorted([*rows, event.seq]) == [1, 2, 3, 4, 5]
    assert (await billing.get("chat")).head_seq == 5


async def test_one_conversation_may_mix_shapes(backend: Backend) -> None:
    """S3. Each open call is answered in its own; those with a result are left alone."""
    sessions = backend.sessions
    texts = [
        calls("chat", "a", "c1"),
        calls("anthropic", "b", "c2", "c3"),
        answer("chat", "a-result", "c1"),
        *messages("m1"),
        calls("responses", "c", "c4"),
        calls("responses", "d", "c5"),
        answer("responses", "c-result", "c4"),
    ]
    await sessions.put("chat", texts)
    assert (await sessions.get("chat")).open_tool_calls == ("c2", "c3", "c5")
    repaired = await sessions.repair("chat")
    assert [each.call_id for each in repaired.closed] == ["c2", "c3", "c5"]
    both = result("anthropic", "c2", REASON)
    both["content"] += result("anthropic", "c3", REASON)["content"]
    expected = ["a", "b", both, "a-result", "m1", "c", "d"]
    ends = [result("responses", "c5", REASON), "c-result"]
    assert await history_of(sessions) == [*expected, *ends]


@pytest.mark.parametrize("shape", ["chat", "anthropic"])
async def test_a_call_with_a_result_is_not_answered_again(backend: Backend, shape: str) -> None:
    """S3. Of two calls in one message the one that waits gets a result."""
    sessions = backend.sessions
    texts = [calls(shape, "call", "c1", "c2"), answer(shape, "result", "c1"), *messages("m1")]
    await sessions.put("chat", texts)
    repaired = await sessions.repair("chat", reason="late")
    assert [each.call_id for each in repaired.closed] == ["c2"]
    assert await history_of(sessions) == ["call", result(shape, "c2", "late"), "result", "m1"]


async def test_many_calls_are_answered_in_their_order(backend: Backend) -> None:
    """S3. However little room there is between two messages."""
    sessions = backend.sessions
    names = [f"c{n}" for n in range(50)]
    await sessions.put("chat", [calls("chat", "call", *names), *messages("m1")])
    repaired = await sessions.repair("chat")
    assert [each.call_id for each in repaired.closed] == names
    history = await history_of(sessions)
    assert history == ["call", *(result("chat", name, REASON) for name in names), "m1"]


@pytest.mark.parametrize("texts", [[], messages("m1"), [answer("chat", "m1", "c1")]])
async def test_where_nothing_is_open_nothing_changes(
    backend: Backend, texts: list[JsonText]
) -> None:
    """S1. Neither the version nor the log; a result that nobody asked for is none of ours."""
    await backend.sessions.put("chat", texts)
    before = await backend.sessions.get("chat")
    repaired = await backend.sessions.repair("chat")
    assert (repaired.version, repaired.message_count) == (before.version, len(texts))
    assert (repaired.closed, repaired.open_tool_calls) == ((), ())
    assert await backend.sessions.get("chat") == before
    assert await events_of(backend.sessions, "chat") == []


async def test_a_second_repair_finds_nothing_to_do(backend: Backend) -> None:
    """S1. Nor do those that came at the same moment: every call is closed once."""
    sessions = backend.sessions
    await sessions.put("chat", [calls("chat", "call", "c1", "c2"), *messages("m1")])
    repairs = await asyncio.gather(*(sessions.repair("chat") for _ in range(5)))
    assert sorted(len(each.closed) for each in repairs) == [0, 0, 0, 0, 2]
    assert (await sessions.repair("chat")).closed == ()
    assert len(await history_of(sessions)) == 4
    assert len(await events_of(sessions, "chat")) == 1


async def test_a_superseded_call_is_not_open(backend: Backend) -> None:
    """S2. What left the live history waits for nothing."""
    sessions = backend.sessions
    await sessions.put("chat", [*messages("m1"), calls("chat", "call", "c1")])
    assert (await sessions.get("chat")).open_tool_calls == ("c1",)
    await sessions.revert("chat", to=1)
    assert (await sessions.get("chat")).open_tool_calls == ()
    assert (await sessions.repair("chat")).closed == ()
    assert await live_of(sessions, "chat") == ["m1"]


async def test_a_superseded_result_leaves_its_call_open(backend: Backend) -> None:
    """S2. Also when repair had made it: the call is closed anew."""
    sessions = backend.sessions
    await sessions.put("chat", [calls("chat", "call", "c1"), answer("chat", "result", "c1")])
    assert (await sessions.get("chat")).open_tool_calls == ()
    for _ in range(2):
        await sessions.revert("chat", to=1)
        assert (await sessions.get("chat")).open_tool_calls == ("c1",)
        repaired = await sessions.repair("chat")
        assert [each.call_id for each in repaired.closed] == ["c1"]
    assert await history_of(sessions) == ["call", result("chat", "c1", REASON)]
    assert len(await log_of(sessions, "chat")) == 4


async def test_a_fork_has_its_own_open_calls(backend: Backend) -> None:
    """S2. Those of the messages it has; to close them changes nothing in its parent."""
    sessions = backend.sessions
    await sessions.put("chat", [calls("chat", "call", "c1"), answer("chat", "result", "c1")])
    fork = await sessions.fork("chat", at=1)
    assert fork.open_tool_calls == ("c1",)
    assert len((await sessions.repair(fork.session_id)).closed) == 1
    assert await live_of(sessions, "chat") == ["call", "result"]


async def test_only_a_look_at_one_session_tells_its_open_calls(backend: Backend) -> None:
    """S7. Lists do not look for them, nor does `find`, and they say so."""
    sessions = backend.sessions
    await sessions.put("chat", [calls("chat", "call", "c1")])
    found = await sessions.find("chat")
    assert found is not None
    assert found.open_tool_calls is None
    assert [item.open_tool_calls for item in (await sessions.list()).items] == [None]


async def test_an_append_opens_and_closes_calls(backend: Backend) -> None:
    """S9. Each message counts when it comes, however it comes."""
    sessions = backend.sessions
    await sessions.append("chat", [calls("chat", "one", "c1", "c2")])
    await sessions.append("chat", [calls("responses", "two", "c3")])
    assert (await sessions.get("chat")).open_tool_calls == ("c1", "c2", "c3")
    await sessions.append("chat", [answer("chat", "result", "c2")])
    assert (await sessions.get("chat")).open_tool_calls == ("c1", "c3")


async def test_a_call_that_no_text_answers_stays_open(backend: Backend) -> None:
    """S1. A screenshot cannot be made up; repair says which calls it left."""
    sessions = backend.sessions
    computer = {"id": "call", "type": "computer_call", "call_id": "c1", "action": {}}
    await sessions.put("chat", [JsonText(json.dumps(computer))])
    repaired = await sessions.repair("chat")
    assert (repaired.closed, repaired.open_tool_calls, repaired.version) == ((), ("c1",), 1)
    await sessions.append("chat", [calls("chat", "next", "c2")])
    repaired = await sessions.repair("chat")
    assert [each.call_id for each in repaired.closed] == ["c2"]
    assert repaired.open_tool_calls == ("c1",)


@pytest.mark.parametrize("repairer", ["billing", "weather"])
async def test_a_repair_is_not_undone_by_who_did_not_see_it(
    acting_as: Actor, repairer: str
) -> None:
    """S3. A writer that read before it goes on with its list, and the results stay in their place."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    texts = [*messages("m1"), calls("chat", "call", "c1"), *messages("m2")]
    await billing.append("chat", texts)
    writer = weather if repairer == "billing" else billing
    await writer.history("chat")
    await acting_as(repairer).sessions.repair("chat")
    await writer.put("chat", [*texts, *messages("m3")])
    closing = result("chat", "c1", REASON)
    assert await history_of(writer) == ["m1", "call", closing, "m2", "m3"]
    assert (await writer.get("chat")).open_tool_calls == ()


HOSTILE = (
    "'; DROP TABLE message; --",
    '"',
    "\\",
    "a\0b",
    "ü\u2028💥",
    "%s :seq $1 ?",
    "x" * 10_000,
)


@pytest.mark.parametrize("call_id", [pytest.param(each, id=each[:5]) for each in HOSTILE])
@pytest.mark.parametrize("shape", SHAPES)
async def test_an_id_is_any_text(backend: Backend, shape: str, call_id: str) -> None:
    """S4. Models make ids up, and repair gives each back as it was."""
    sessions = backend.sessions
    await sessions.put("chat", [calls(shape, "call", "c1"), calls(shape, "odd", call_id)])
    assert (await sessions.get("chat")).open_tool_calls == ("c1", call_id)
    repaired = await sessions.repair("chat")
    assert [each.call_id for each in repaired.closed] == ["c1", call_id]
    assert (await history_of(sessions))[-1] == result(shape, call_id, REASON)
    (event,) = await events_of(sessions, "chat")
    assert json.loads(event.data) == {"closed": ["c1", call_id]}


@pytest.mark.parametrize("reason", ["a\0b", "x" * 16_385, "\ud800"])
async def test_a_reason_is_text_that_can_be_kept(backend: Backend, reason: str) -> None:
    """S1. Another one is refused, and the call stays open; a blank one says the usual."""
    sessions = backend.sessions
    await sessions.put("chat", [calls("chat", "call", "c1")])
    assert isinstance(await error_of(sessions.repair("chat", reason=reason)), InvalidRequest)
    assert (await sessions.get("chat")).open_tool_calls == ("c1",)
    await sessions.repair("chat", reason=" ")
    assert await history_of(sessions) == ["call", result("chat", "c1", REASON)]


@pytest.mark.parametrize("session_id", ["missing", "a/b", "a\0b"])
async def test_only_what_is_there_is_repaired(backend: Backend, session_id: str) -> None:
    """S5. A repair makes no session."""
    assert isinstance(await error_of(backend.sessions.repair(session_id)), NotFound)
    assert (await backend.sessions.list()).items == ()
