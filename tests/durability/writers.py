"""Writers that remember what was acknowledged, and a check that all of it is there."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import httpx2

SPANS = 6
PATIENCE_S = 60


@dataclass
class Acknowledged:
    """Every write that got a 2xx, and what else was answered.

    `attempted` holds ids of traces and votes that were sent, answered or not.
    """

    sessions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    shared: dict[str, list[str]] = field(default_factory=dict)
    traces: list[str] = field(default_factory=list)
    attempted: list[str] = field(default_factory=list)
    votes: list[str] = field(default_factory=list)
    refusals: list[httpx2.Response] = field(default_factory=list)
    lost: int = 0

    @property
    def count(self) -> int:
        """How many writes were acknowledged."""
        own = sum(map(len, self.sessions.values())) + sum(map(len, self.shared.values()))
        return own + len(self.traces) + len(self.votes)


class Load:
    """Writers of all three kinds, until they are told to stop."""

    def __init__(self, url: str, run: str, writers: int = 4) -> None:
        self.log = Acknowledged()
        self._client = httpx2.AsyncClient(base_url=url, timeout=30)
        self._run = run
        self._writers = writers
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for number in range(self._writers):
            for work in (self._converse, self._join, self._trace, self._vote):
                self._tasks.append(asyncio.create_task(work(f"{self._run}-{number}")))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._client.aclose()

    async def stop(self) -> None:
        """End the writers after what they are waiting for now."""
        self._stopped.set()
        await asyncio.gather(*self._tasks)

    async def until_acknowledged(self, count: int) -> None:
        """Return when so many writes were acknowledged."""
        deadline = time.monotonic() + PATIENCE_S
        while self.log.count < count:
            assert time.monotonic() < deadline, f"only {self.log.count} writes in {PATIENCE_S} s"
            await asyncio.sleep(0.01)

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> httpx2.Response | None:
        """The answer if it is a 2xx; what else happens is remembered."""
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx2.TransportError:
            self.log.lost += 1
            await asyncio.sleep(0.02)
            return None
        if answer.is_success:
            return answer
        self.log.refusals.append(answer)
        await asyncio.sleep(0.02)
        return None

    async def _converse(self, name: str) -> None:
        """A session of its own, longer by one message each time."""
        session = f"own-{name}"
        kept = self.log.sessions.setdefault(session, [])
        while not self._stopped.is_set():
            messages = [*kept, a_message(name)]
            if await self._send("PUT", f"/v1/sessions/{session}", {"messages": messages}):
                kept.append(messages[-1])

    async def _join(self, name: str) -> None:
        """A session shared with the other writers: read, add one, save."""
        session = f"shared-{self._run}"
        kept = self.log.shared.setdefault(session, [])
        while not self._stopped.is_set():
            try:
                found = await self._client.get(f"/v1/sessions/{session}")
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
                continue
            if found.status_code not in (200, 404):
                await asyncio.sleep(0.02)
                continue
            live = found.json()["messages"] if found.status_code == 200 else []
            added = a_message(name)
            if await self._send("PUT", f"/v1/sessions/{session}", {"messages": [*live, added]}):
                kept.append(added["id"])

    async def _trace(self, name: str) -> None:
        """A new trace of some spans each time."""
        while not self._stopped.is_set():
            trace_id = uuid4().hex
            self.log.attempted.append(trace_id)
            if await self._send("POST", "/v1/traces", a_trace(trace_id)):
                self.log.traces.append(trace_id)

    async def _vote(self, name: str) -> None:
        """A new vote each time."""
        while not self._stopped.is_set():
            vote = {"rating": random.choice((1, -1)), "comment": uuid4().hex, "agent_type": name}
            answer = await self._send("POST", "/v1/feedback", vote)
            if answer is not None:
                self.log.votes.append(answer.json()["feedback_id"])


def a_message(name: str) -> dict[str, Any]:
    """A message with an id of its own."""
    return {"role": "user", "content": f"from {name} " + "x" * 200, "id": f"msg_{uuid4().hex[:24]}"}


def a_trace(trace_id: str) -> dict[str, Any]:
    """A trace whose spans must all be there, or none."""
    return {
        "trace_id": trace_id,
        "started_at": "2026-01-01T00:00:00+00:00",
        "spans": [
            {"trace_id": trace_id, "span_id": f"span_{n}", "name": "step", "start_time": float(n)}
            for n in range(SPANS)
        ],
    }


async def check_all_there(url: str, log: Acknowledged) -> None:
    """Read back everything that was acknowledged; what was not is there as a whole or not at all."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        for session, kept in log.sessions.items():
            await _check_session(client, session, kept)
        for session, ids in log.shared.items():
            live = await _messages(client, session)
            missing = set(ids) - {message["id"] for message in live}
            assert not missing, f"{len(missing)} of {len(ids)} acknowledged messages are gone"
        for trace_id in log.traces:
            assert await _span_count(client, trace_id) == SPANS
        for trace_id in set(log.attempted) - set(log.traces):
            assert await _span_count(client, trace_id) in (0, SPANS), "half a trace"
        for vote in log.votes:
            assert (await client.get(f"/v1/feedback/{vote}")).status_code == 200
        await _check_counts(client)


async def _check_session(
    client: httpx2.AsyncClient, session: str, kept: list[dict[str, Any]]
) -> None:
    ids = {message["id"] for message in kept}
    live = await _messages(client, session)
    # What was in flight may be there as well; it is never in the place of something acknowledged.
    assert [message for message in live if message["id"] in ids] == kept


async def _messages(client: httpx2.AsyncClient, session: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/sessions/{session}")
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def _span_count(client: httpx2.AsyncClient, trace_id: str) -> int:
    answer = await client.get(f"/v1/traces/{trace_id}")
    if answer.status_code == 404:
        return 0
    assert answer.status_code == 200, answer.text
    return len(answer.json()["spans"])


async def _check_counts(client: httpx2.AsyncClient) -> None:
    """Statistics are kept in the same transaction as the votes: they equal a recount."""
    counted = (await client.get("/v1/feedback/stats?window=day")).json()
    listed = 0
    path: str | None = "/v1/feedback?limit=1000"
    while path is not None:
        page = await client.get(path)
        assert page.status_code == 200, page.text
        listed += len(page.json())
        path = page.links.get("next", {}).get("url")
    assert sum(row["total"] for row in counted) == listed
