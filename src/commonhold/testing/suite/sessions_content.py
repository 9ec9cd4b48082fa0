"""Sessions: contents are opaque and come back as they were sent."""

from __future__ import annotations

import json

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.opaque import JsonText
from commonhold.model.session import NewSession
from commonhold.testing.factories import conversation, message
from commonhold.testing.suite.reading import error_of, live_of, log_of

SPELLINGS = {
    "whitespace": '{ "id" :\t"m1",\n  "role" : "user" , "content":"hi" }',
    "key-order": '{"zeta":1,"alpha":2,"id":"m1","content":null,"role":"user"}',
    "unicode-escapes": '{"id":"m1","role":"user","content":"\\u0041\\u00e9\\ud83d\\ude00\\/"}',
    "raw-unicode": '{"id":"m1","role":"user","content":"Añ 日本 😀 \u202e \x7f"}',
    "escaped-nul": '{"id":"m1","role":"user","content":"a\\u0000b"}',
    "numbers": '{"id":"m1","content":[1.10,1e2,-0.0,0.1e-7,9007199254740993,1E+2]}',
    "long-integer": '{"id":"m1","content":123456789012345678901234567890}',
    "long-fraction": '{"id":"m1","content":3.14159265358979323846264338327950288}',
    "nested": '{"id":"m1","content":' + "[" * 100 + "]" * 100 + "}",
    "no-role": '{"id":"m1"}',
    "odd-role": '{"id":"m1","role":{"not":"text"},"content":"x"}',
    "odd-id": '{"id":17,"role":"user","content":"m1"}',
    "empty": "{}",
    "duplicate-keys": '{"id":"m1","content":"first","content":"second"}',
    "tool-calls": (
        '{"id":"m1","role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",'
        '"function":{"name":"weather","arguments":"{\\"city\\": \\"Z\\u00fcrich\\"}"}}]}'
    ),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
async def test_a_message_comes_back_as_it_was_spelt(backend: Backend, text: str) -> None:
    """S4. Whitespace, key order, escapes and numbers are the author's, in the log and history."""
    await backend.sessions.put("opaque", [text])
    (row,) = await log_of(backend.sessions, "opaque")
    assert row.content == text
    assert text in (await backend.sessions.history("opaque")).body
    assert (await backend.sessions.history("opaque")).messages == [json.loads(text)]


async def test_messages_come_back_in_the_order_sent(backend: Backend) -> None:
    """S4. A history is one JSON array of them, whatever their ids sort like."""
    texts = [message(name) for name in ("b", "c", "a", "10", "9")]
    await backend.sessions.put("ordered", texts)
    history = await backend.sessions.history("ordered")
    assert history.messages == [json.loads(text) for text in texts]
    assert [row.content for row in await log_of(backend.sessions, "ordered")] == texts


async def test_the_log_shows_id_and_role_of_a_message(backend: Backend) -> None:
    """S4. A message without an id is given one, beside its content and not in it."""
    texts = [message("m1", role="assistant"), message(None, "unnamed")]
    await backend.sessions.put("rows", texts)
    first, second = await log_of(backend.sessions, "rows")
    assert (first.seq, first.message_id, first.role) == (1, "m1", "assistant")
    assert (second.seq, second.content) == (2, texts[1])
    assert second.message_id


async def test_a_message_of_one_mebibyte_comes_back(backend: Backend) -> None:
    """S4. An image in a message is ordinary."""
    text = message("m1", "data:image/png;base64," + "QUJD" * 2**18)
    await backend.sessions.put("large", [text, message("m2")])
    assert (await log_of(backend.sessions, "large"))[0].content == text
    assert await live_of(backend.sessions, "large") == ["m1", "m2"]


async def test_a_thousand_messages_come_back(backend: Backend) -> None:
    """S4. A long conversation is one array, complete and in order."""
    texts = conversation(1000)
    await backend.sessions.put("long", texts)
    history = await backend.sessions.history("long")
    assert history.messages == [json.loads(text) for text in texts]
    assert history.version == (await backend.sessions.get("long")).version


async def test_an_empty_session_has_an_empty_history(backend: Backend) -> None:
    """S4. It is the array `[]`, however the session came to be empty."""
    await backend.sessions.create(NewSession("created"))
    await backend.sessions.put("saved", [])
    assert (await backend.sessions.history("created")).messages == []
    assert (await backend.sessions.history("saved")).messages == []
    assert await log_of(backend.sessions, "saved") == ()


async def test_a_number_that_no_reader_can_hold_is_refused(backend: Backend) -> None:
    """S4. `1e400` would be read as infinity, which is not what its author wrote."""
    error = await error_of(backend.sessions.put("huge", ['{"id":"m1","content":1e400}']))
    assert isinstance(error, InvalidRequest)
    assert await backend.sessions.find("huge") is None


async def test_metadata_comes_back_as_it_was_spelt(backend: Backend) -> None:
    """S4. It is the creator's text."""
    text = JsonText('{"b": 1.10, "a":"\\u00fc"}')
    made = await backend.sessions.create(NewSession("tagged", metadata=text))
    assert made.metadata == text
    assert (await backend.sessions.get("tagged")).metadata == text


async def test_nesting_that_a_reader_might_give_up_on_is_refused(backend: Backend) -> None:
    """S4. What is accepted can be read by an ordinary JSON library."""
    fine = '{"id":"m1","content":' + "[" * 200 + "]" * 200 + "}"
    deep = '{"id":"m2","content":' + "[" * 300 + "]" * 300 + "}"
    await backend.sessions.put("fine", [fine])
    error = await error_of(backend.sessions.put("deep", [deep]))
    assert isinstance(error, InvalidRequest)
    assert (await backend.sessions.history("fine")).messages == [json.loads(fine)]
    assert await backend.sessions.find("deep") is None
