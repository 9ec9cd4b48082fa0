"""Twenty clients meet a service in its first moment, over a database nobody has used."""

from __future__ import annotations

import asyncio
import socket
import time

from fipsagents.server.feedback import FeedbackRecord
from fipsagents.server.tracing import Span, Trace

from tests import processes
from tests.clients import agents
from tests.clients.agents import AgentStores, unique
from tests.processes import Process

CLIENTS = 20


async def until_it_listens(process: Process) -> None:
    """Return at the first moment a connection is accepted: no probe has been answered yet."""
    deadline = time.monotonic() + processes.PATIENCE_S
    while time.monotonic() < deadline and process.is_running:
        try:
            socket.create_connection(("127.0.0.1", process.port), timeout=1).close()
        except OSError:
            await asyncio.sleep(0.005)
        else:
            return
    raise AssertionError(process.log)


async def use_everything(agent: AgentStores, number: int) -> None:
    """One write and one read of each kind; any error fails the test."""
    session, trace_id = unique("sess"), unique("trace")
    messages = [{"role": "user", "content": f"client {number}", "id": f"msg_{number}"}]
    await agent.sessions.save(session, messages)
    assert await agent.sessions.load(session) == messages
    assert await agent.sessions.update(session, cost_data={"turn_count": number})
    span = Span(trace_id, "span_1", name="request", start_time=1.0, end_time=2.0)
    await agent.traces.save_trace(Trace(trace_id, "2026-01-01T00:00:00+00:00", spans=[span]))
    assert await agent.traces.get_trace(trace_id) is not None
    vote = FeedbackRecord(
        "", trace_id, session, 1, None, None, None, None, None, "agent", "2026-01-01", "anyone"
    )
    kept = await agent.feedback.add(vote)
    assert await agent.feedback.get(kept) is not None
    assert await agent.feedback.stats(window="day") != []
    assert await agent.traces.list_traces() != []


async def test_twenty_clients_at_once_find_it_ready(new_service: Process) -> None:
    """The port answers only when everything behind it does: nobody sees an error."""
    new_service.launch()
    await until_it_listens(new_service)

    async def meet(number: int) -> None:
        async with agents.stores(new_service.url) as agent:
            await use_everything(agent, number)

    await asyncio.gather(*(meet(number) for number in range(CLIENTS)))


async def test_twenty_clients_begin_the_same_session(new_service: Process) -> None:
    """All read, add a message and save, as agents do: all messages are there."""
    new_service.launch()
    await until_it_listens(new_service)
    session = unique("sess")

    async def meet(number: int) -> None:
        async with agents.stores(new_service.url) as agent:
            mine = {"role": "user", "content": f"client {number}", "id": f"msg_{number}"}
            messages = await agent.sessions.load(session) or []
            await agent.sessions.save(session, [*messages, mine])

    await asyncio.gather(*(meet(number) for number in range(CLIENTS)))
    async with agents.stores(new_service.url) as agent:
        found = await agent.sessions.load(session)
    assert found is not None
    assert {message["id"] for message in found} == {f"msg_{n}" for n in range(CLIENTS)}
