"""The HTTP stores of a fipsagents agent, opened together as the agent server opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from fipsagents.server.http import HttpFeedbackStore, HttpSessionStore, HttpTraceStore


@dataclass(frozen=True, slots=True)
class AgentStores:
    """What one agent process holds: three stores, three connection pools."""

    sessions: HttpSessionStore
    traces: HttpTraceStore
    feedback: HttpFeedbackStore


@asynccontextmanager
async def stores(url: str, token: str = "") -> AsyncIterator[AgentStores]:
    """The stores of an agent whose `platform_url` is `url`."""
    opened = AgentStores(
        HttpSessionStore(url, static_token=token),
        HttpTraceStore(url, static_token=token),
        HttpFeedbackStore(url, static_token=token),
    )
    try:
        yield opened
    finally:
        for store in (opened.sessions, opened.traces, opened.feedback):
            await store.close()


def unique(prefix: str) -> str:
    """An id no other test uses."""
    return f"{prefix}_{uuid4().hex[:16]}"
