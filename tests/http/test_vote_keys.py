"""The key that nobody configured: one for all replicas, over every start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2

from commonhold.compose.app import create_app
from commonhold.settings import Settings
from tests.http.conftest import over

SECRET = "a secret of thirty-two characters"


@asynccontextmanager
async def replica(database: str, *secrets: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A service of its own over the database, as it is composed."""
    app = create_app(Settings(database=database, secret=secrets))
    async with app.router.lifespan_context(app), over(app) as client:
        yield client


async def token(client: httpx2.AsyncClient, key: str) -> str:
    """A token for one turn."""
    body = {"session_id": "s", "turn": 0}
    made = await client.post("/v1/feedback/tokens", json=body, headers={"Idempotency-Key": key})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def vote(client: httpx2.AsyncClient, token: str) -> int:
    """The status of a vote with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.post("/v1/feedback", json={"rating": 1}, headers=headers)
    return answer.status_code


async def test_replicas_without_a_secret_take_each_others_tokens(postgres_url: str) -> None:
    """Though each may be the first to need a key; after a restart too, until a secret is set."""
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(replica(postgres_url)) for _ in range(2)]
        made = await asyncio.gather(*(token(both[n % 2], f"k{n}") for n in range(8)))
        votes = [vote(both[(n + 1) % 2], each) for n, each in enumerate(made)]
        assert await asyncio.gather(*votes) == [201] * 8
        # Of twenty at once on both, none comes too late to be the same vote.
        once = await token(both[0], "once")
        assert await asyncio.gather(*(vote(both[n % 2], once) for n in range(20))) == [201] * 20
        assert len((await both[0].get("/v1/feedback")).json()) == 9
    async with replica(postgres_url) as later, replica(postgres_url, SECRET) as other:
        assert await vote(later, made[0]) == 201
        assert await vote(other, made[0]) == 401
        assert await vote(later, await token(other, "k")) == 401
