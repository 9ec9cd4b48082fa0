"""Ten agents at once on one session and in one distributed trace: nothing anyone wrote is lost."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from fipsagents.server.http import HttpSessionStore, HttpTraceStore
from fipsagents.server.tracing import Span, Trace

from tests.clients import agents
from tests.clients.agents import AgentStores, unique
from tests.processes import Process

AGENTS, TURNS, SPANS = 10, 20, 5


@pytest.fixture(params=[False, True], ids=["unnamed", "named"])
async def fleet(
    service: Process, request: pytest.FixtureRequest
) -> AsyncIterator[list[AgentStores]]:
    """Ten agents, each with its own connections; named by their base URL, or not at all."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                agents.stores(service.url + (f"/a/agent-{number}" if request.param else ""))
            )
            for number in range(AGENTS)
        ]


def a_message(author: int, turn: int) -> dict[str, Any]:
    """What an agent says in a turn; the id is the agent's own, as its framework stamps it."""
    key = f"msg_{secrets.token_hex(6)}_{secrets.token_hex(6)}"
    return {"role": "assistant", "content": f"agent {author}, turn {turn}", "id": key}


async def converse(store: HttpSessionStore, session: str, author: int) -> list[str]:
    """Twenty times: read the session, add a message, save it all. The ids of what was added."""
    said: list[str] = []
    for turn in range(TURNS):
        messages = await store.load(session) or []
        added = a_message(author, turn)
        await store.save(session, [*messages, added])
        said.append(added["id"])
    return said


def check_history(service: Process, session: str, said: list[list[str]], before: int = 0) -> None:
    """Every message is live exactly once, and each author's own are in the order it said them."""
    answer = httpx2.get(f"{service.url}/v1/sessions/{session}").json()
    live = [message["id"] for message in answer["messages"]]
    assert len(live) == before + AGENTS * TURNS
    assert len(set(live)) == len(live)
    for mine in said:
        assert [key for key in live if key in set(mine)] == mine
    summary = httpx2.get(f"{service.url}/v1/sessions/{session}/summary").json()
    assert summary["message_count"] == len(live)


async def test_ten_agents_in_a_session_keep_all_their_messages(
    service: Process, fleet: list[AgentStores]
) -> None:
    """200 of 200 messages, after a greeting that was there before."""
    session = unique("sess")
    greeting = {"role": "user", "content": "hello", "id": "msg_greeting"}
    await fleet[0].sessions.save(session, [greeting])
    said = await asyncio.gather(
        *(converse(each.sessions, session, number) for number, each in enumerate(fleet))
    )
    check_history(service, session, said, before=1)


async def test_ten_agents_that_begin_a_session_together_keep_all_their_messages(
    service: Process, fleet: list[AgentStores]
) -> None:
    """All ten find no session, all ten save a first list of their own: 200 of 200 all the same."""
    session = unique("sess")
    found = await asyncio.gather(*(each.sessions.load(session) for each in fleet))
    assert found == [None] * AGENTS
    first = [a_message(number, -1) for number in range(AGENTS)]
    await asyncio.gather(
        *(each.sessions.save(session, [mine]) for each, mine in zip(fleet, first, strict=True))
    )
    answer = httpx2.get(f"{service.url}/v1/sessions/{session}").json()
    assert {m["id"] for m in answer["messages"]} == {mine["id"] for mine in first}
    said = await asyncio.gather(
        *(converse(each.sessions, session, number) for number, each in enumerate(fleet))
    )
    check_history(service, session, said, before=AGENTS)


async def test_ten_agents_that_create_a_session_together_keep_all_their_messages(
    service: Process, fleet: list[AgentStores]
) -> None:
    """The same, when one of them has created it, and each has read it empty."""
    session = unique("sess")
    await fleet[0].sessions.create(session)
    assert await asyncio.gather(*(each.sessions.load(session) for each in fleet)) == [[]] * AGENTS
    first = [a_message(number, -1) for number in range(AGENTS)]
    await asyncio.gather(
        *(each.sessions.save(session, [mine]) for each, mine in zip(fleet, first, strict=True))
    )
    answer = httpx2.get(f"{service.url}/v1/sessions/{session}").json()
    assert {m["id"] for m in answer["messages"]} == {mine["id"] for mine in first}


async def test_messages_without_an_id_survive_too(
    service: Process, fleet: list[AgentStores]
) -> None:
    """Agents of old stamp no ids; what they add at the same time is kept as well."""
    session = unique("sess")
    await fleet[0].sessions.save(session, [{"role": "user", "content": "hello"}])

    async def converse_without_ids(store: HttpSessionStore, author: int) -> None:
        for turn in range(5):
            messages = await store.load(session) or []
            added = {"role": "assistant", "content": f"agent {author}, turn {turn}"}
            await store.save(session, [*messages, added])

    await asyncio.gather(
        *(converse_without_ids(each.sessions, number) for number, each in enumerate(fleet))
    )
    answer = httpx2.get(f"{service.url}/v1/sessions/{session}").json()
    said = [m["content"] for m in answer["messages"] if m["role"] == "assistant"]
    assert sorted(said) == sorted(f"agent {a}, turn {t}" for a in range(AGENTS) for t in range(5))


def a_part(trace_id: str, author: int) -> Trace:
    """One agent's five spans of a distributed trace, on the clock of its own process."""
    root = secrets.token_hex(8)
    clock = 1000.0 * author
    spans = [
        Span(
            trace_id=trace_id,
            span_id=root if number == 0 else secrets.token_hex(8),
            parent_span_id="00f067aa0ba902b7" if number == 0 else root,
            name="request" if number == 0 else "model_call",
            start_time=clock + number,
            end_time=clock + number + 0.5,
            attributes={} if number == 0 else {"prompt_tokens": 10, "completion_tokens": 1},
        )
        for number in range(SPANS)
    ]
    now = datetime.now(UTC).isoformat()
    return Trace(trace_id, now, now, model="m", session_id="sess_shared", spans=spans)


async def test_ten_agents_in_a_trace_keep_all_their_spans(
    service: Process, fleet: list[AgentStores]
) -> None:
    """50 of 50 spans, and the summary counts all of them."""
    trace_id = secrets.token_hex(16)
    parts = [a_part(trace_id, number) for number in range(AGENTS)]

    async def post(store: HttpTraceStore, part: Trace) -> None:
        await store.save_trace(part)

    await asyncio.gather(
        *(post(each.traces, part) for each, part in zip(fleet, parts, strict=True))
    )
    found = await fleet[0].traces.get_trace(trace_id)
    assert found is not None
    sent = {span.span_id: span for part in parts for span in part.spans}
    assert len(found.spans) == AGENTS * SPANS
    assert {span.span_id: span for span in found.spans} == sent
    listed = await fleet[0].traces.list_traces(limit=1000)
    summary = next(each for each in listed if each.trace_id == trace_id)
    assert summary.span_count == AGENTS * SPANS
    assert summary.prompt_tokens == AGENTS * (SPANS - 1) * 10


async def test_ten_agents_that_repeat_themselves_keep_all_their_spans_once(
    service: Process, fleet: list[AgentStores]
) -> None:
    """Every part is posted three times at once, as retries would: still 50 spans."""
    trace_id = secrets.token_hex(16)
    parts = [a_part(trace_id, number) for number in range(AGENTS)]
    await asyncio.gather(
        *(
            each.traces.save_trace(part)
            for each, part in zip(fleet, parts, strict=True)
            for _ in range(3)
        )
    )
    answer = httpx2.get(f"{service.url}/v1/traces/{trace_id}").json()
    assert len(answer["spans"]) == AGENTS * SPANS
