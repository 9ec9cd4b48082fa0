"""`HttpSessionStore` of the published fipsagents, method by method, against the real service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from fipsagents.server.http import HttpSessionStore, PlatformError

from tests.clients import agents
from tests.clients.agents import unique
from tests.processes import Process

PREFIXES = ("", "/", "/a/agent-1", "/a/agent-1/")

CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief.", "id": "msg_000000000001_000000000001"},
    {"role": "user", "content": "Grüße 🌍 \u2028 line", "id": "msg_000000000002_000000000001"},
    {
        "role": "assistant",
        "content": None,
        "id": "msg_000000000003_000000000001",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a": 1, "b": 2.50}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "3.50", "id": "msg_4"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "and this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ],
        "x_provider": {"nested": [1, 2.0, 1e-7, 12345678901234567890, None, True]},
    },
]


@pytest.fixture(params=PREFIXES)
async def sessions(
    service: Process, request: pytest.FixtureRequest
) -> AsyncIterator[HttpSessionStore]:
    """The store of one agent, with and without an agent in its base URL."""
    async with agents.stores(service.url + request.param) as opened:
        yield opened.sessions


async def test_create_makes_an_id(sessions: HttpSessionStore) -> None:
    """A session created without an id exists and is empty."""
    created = await sessions.create()
    assert created.startswith("sess_")
    assert await sessions.exists(created)
    assert await sessions.load(created) == []


async def test_create_takes_the_given_id(sessions: HttpSessionStore) -> None:
    """A session created with an id answers under it."""
    chosen = unique("sess")
    assert await sessions.create(chosen) == chosen
    assert await sessions.load(chosen) == []


async def test_create_refuses_a_taken_id(sessions: HttpSessionStore) -> None:
    """The second creation is a conflict and the first session stays."""
    chosen = unique("sess")
    await sessions.create(chosen)
    await sessions.save(chosen, CONVERSATION)
    with pytest.raises(PlatformError) as refused:
        await sessions.create(chosen)
    assert refused.value.status_code == 409
    assert await sessions.load(chosen) == CONVERSATION


async def test_create_refuses_an_id_outside_the_pattern(sessions: HttpSessionStore) -> None:
    """An id that could not be a path segment is refused with 422."""
    with pytest.raises(PlatformError) as refused:
        await sessions.create("not/a segment")
    assert refused.value.status_code == 422


async def test_load_knows_no_missing_session(sessions: HttpSessionStore) -> None:
    """A session that is not there is None."""
    assert await sessions.load(unique("nobody")) is None


async def test_save_keeps_every_message_as_it_was(sessions: HttpSessionStore) -> None:
    """Unicode, nulls, tool calls, blocks and foreign keys come back equal, in order."""
    session = unique("sess")
    await sessions.save(session, CONVERSATION)
    assert await sessions.load(session) == CONVERSATION


async def test_save_extends(sessions: HttpSessionStore) -> None:
    """Saving turn after turn leaves exactly the last list."""
    session = unique("sess")
    for length in range(1, len(CONVERSATION) + 1):
        await sessions.save(session, CONVERSATION[:length])
    assert await sessions.load(session) == CONVERSATION


async def test_save_compacts(sessions: HttpSessionStore) -> None:
    """A list that leaves out old messages replaces them by what it has instead."""
    session = unique("sess")
    await sessions.save(session, CONVERSATION)
    summary = {"role": "system", "content": "So far: a sum.", "id": "msg_summary"}
    compacted = [summary, *CONVERSATION[3:]]
    await sessions.save(session, compacted)
    assert await sessions.load(session) == compacted


async def test_save_keeps_the_cost(sessions: HttpSessionStore) -> None:
    """Saving messages does not touch what was counted."""
    session = unique("sess")
    await sessions.save(session, CONVERSATION[:1])
    await sessions.update(session, cost_data={"turn_count": 3})
    await sessions.save(session, CONVERSATION)
    assert await sessions.get_cost_data(session) == {"turn_count": 3}


async def test_update_merges_by_key(sessions: HttpSessionStore) -> None:
    """Each top-level key of the update wins, the others stay."""
    session = unique("sess")
    await sessions.create(session)
    assert await sessions.get_cost_data(session) == {}
    first = {"input_tokens": 10, "model": "m", "nested": {"a": 1}}
    assert await sessions.update(session, cost_data=first)
    assert await sessions.update(session, cost_data={"input_tokens": 25, "nested": {"b": 2}})
    merged = {"input_tokens": 25, "model": "m", "nested": {"b": 2}}
    assert await sessions.get_cost_data(session) == merged


async def test_update_tells_a_missing_session(sessions: HttpSessionStore) -> None:
    """Updating what is not there is False, and makes nothing."""
    session = unique("nobody")
    assert not await sessions.update(session, cost_data={"turn_count": 1})
    assert not await sessions.exists(session)
    assert await sessions.get_cost_data(session) == {}


async def test_update_of_nothing_asks_for_existence(sessions: HttpSessionStore) -> None:
    """Without cost data an update only says whether the session is there."""
    session = unique("sess")
    assert not await sessions.update(session)
    await sessions.create(session)
    assert await sessions.update(session)


async def test_exists_follows_creation_and_deletion(sessions: HttpSessionStore) -> None:
    """A session exists from its first save to its deletion."""
    session = unique("sess")
    assert not await sessions.exists(session)
    await sessions.save(session, CONVERSATION)
    assert await sessions.exists(session)
    assert await sessions.delete(session)
    assert not await sessions.exists(session)
    assert await sessions.load(session) is None


async def test_delete_tells_a_missing_session(sessions: HttpSessionStore) -> None:
    """Deleting twice is False the second time."""
    session = unique("sess")
    await sessions.create(session)
    assert await sessions.delete(session)
    assert not await sessions.delete(session)


async def test_delete_before_leaves_everything(sessions: HttpSessionStore) -> None:
    """The client leaves retention to the service."""
    session = unique("sess")
    await sessions.create(session)
    assert await sessions.delete_before(datetime.now(UTC)) == 0
    assert await sessions.exists(session)


async def test_methods_a_client_does_not_have_over_http(sessions: HttpSessionStore) -> None:
    """State is empty and cannot be written; that is the client's limit, not an error of ours."""
    session = unique("sess")
    await sessions.save(session, CONVERSATION)
    assert await sessions.get_state(session) == {}
    assert await sessions.update_state(session, pending_question="?") is False


@pytest.mark.parametrize(
    "key", ["user@example.com", "thread 7", "arn:aws:x:1", "größe", "100%", "a+b", "k" * 128]
)
async def test_ids_of_event_sources_work(sessions: HttpSessionStore, key: str) -> None:
    """Ids that are no identifiers, as event sources use them, keep their sessions."""
    session = (unique("e") + key)[-128:]
    await sessions.save(session, CONVERSATION)
    assert await sessions.load(session) == CONVERSATION
    assert await sessions.exists(session)


@pytest.mark.parametrize("key", ["a/b", "k" * 129, "..", "a\\b"])
async def test_ids_that_cannot_be_are_client_errors(sessions: HttpSessionStore, key: str) -> None:
    """Nothing is found under such an id, and nothing can be kept under it."""
    assert await sessions.load(key) is None
    assert not await sessions.exists(key)
    with pytest.raises(PlatformError) as refused:
        await sessions.save(key, CONVERSATION)
    assert 400 <= (refused.value.status_code or 0) < 500


async def test_the_prefix_names_the_author(service: Process) -> None:
    """What is written through `/a/{agent}` is that agent's, what is written without is nobody's."""
    session = unique("sess")
    for prefix, length in (("", 1), ("/a/agent-1", 2), ("/a/agent-2", 3)):
        async with agents.stores(service.url + prefix) as opened:
            await opened.sessions.save(session, CONVERSATION[:length])
    rows = httpx2.get(f"{service.url}/v1/sessions/{session}/messages").json()
    assert [row["agent"] for row in rows] == [None, "agent-1", "agent-2"]


async def test_a_credential_nobody_asked_for_is_harmless(service: Process) -> None:
    """Every OpenAI client sends a bearer token; where nobody is asked for one, it changes nothing."""
    async with agents.stores(service.url, token="not-required") as opened:
        session = await opened.sessions.create()
        await opened.sessions.save(session, CONVERSATION)
        assert await opened.sessions.load(session) == CONVERSATION


async def test_a_large_history_is_kept(service: Process) -> None:
    """Images travel inside messages: ten megabytes of history are nothing special."""
    big = [
        {"role": "user", "id": f"msg_{number}", "content": "x" * 1_000_000} for number in range(10)
    ]
    async with agents.stores(service.url) as opened:
        session = unique("sess")
        await opened.sessions.save(session, big)
        assert await opened.sessions.load(session) == big
