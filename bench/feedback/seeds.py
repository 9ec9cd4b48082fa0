"""A thousand thumbs of ten users, on the turns of twenty sessions of five agents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2

from bench.payloads import AGENT_TYPES, varied

SESSIONS, TURNS, USERS = 20, 5, 10
RECORDS = SESSIONS * TURNS * USERS


async def plant(url: str) -> None:
    """Send the sessions to a service, and then the thumbs.

    Raises:
        httpx2.HTTPStatusError: it refuses one.
    """
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        for number in range(SESSIONS):
            agent = AGENT_TYPES[number % len(AGENT_TYPES)]
            body = {"messages": [varied(session(number), each) for each in range(TURNS * 2)]}
            path = f"/a/{agent}/v1/sessions/{session(number)}"
            (await client.put(path, json=body)).raise_for_status()
        for vote in votes():
            (await client.post("/v1/feedback", json=vote)).raise_for_status()


def session(number: int) -> str:
    """The id of one of the sessions."""
    return f"sess_{number:032x}"


def votes() -> Iterator[dict[str, Any]]:
    """All of them: three in ten are down, and say why."""
    for number in range(RECORDS):
        at, turn = number // USERS // TURNS, number // USERS % TURNS
        is_down = number % USERS in (1, 4, 7)
        yield {
            "session_id": session(at),
            "turn_index": turn,
            "rating": -1 if is_down else 1,
            "comment": f"Not what I asked for, {number}." if is_down else None,
        }
