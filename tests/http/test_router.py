"""The same routes on an application of somebody else."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from commonhold.contract.stores import Stores
from commonhold.http import router
from commonhold.model.scope import Author, Scope
from commonhold.sql import SqlBackend
from tests.http.conftest import over

Stated = dict[str, object]


@pytest.fixture
def app(backend: SqlBackend) -> FastAPI:
    """An agent with endpoints of its own."""
    app = FastAPI()

    @app.get("/v1/agent-info")
    async def agent_info() -> Stated:
        return {"name": "mine"}

    app.include_router(router(Stores.on(backend.bind(Scope(author=Author(agent="mine"))))))

    @app.post("/v1/sessions/{session_id}")
    async def own(session_id: str) -> Stated:
        return {"mine": session_id}

    return app


async def test_the_agents_own_routes_stay(app: FastAPI) -> None:
    """Before and after, also with a method that ours do not have."""
    async with over(app) as client:
        info = await client.get("/v1/agent-info")
        own = await client.post("/v1/sessions/s")
        put = await client.put("/v1/sessions/s", json={"messages": []})
        unknown = await client.get("/v1/unknown")

    assert (info.json(), own.json()) == ({"name": "mine"}, {"mine": "s"})
    assert put.status_code == 200
    assert unknown.json() == {"detail": "Not Found"}


async def test_the_stores_are_used_as_they_are_bound(app: FastAPI) -> None:
    """The agent writes as itself, and no path says otherwise."""
    async with over(app) as client:
        await client.post("/v1/sessions", json={"session_id": "s"})
        summary = await client.get("/v1/sessions/s/summary")
        other = await client.get("/a/other/v1/sessions")

    assert summary.json()["agent"] == "mine"
    assert other.status_code == 404


async def test_a_method_that_is_not_there_is_405(client: httpx2.AsyncClient) -> None:
    """With every method of the path, not only those of one route."""
    refused = await client.post("/v1/sessions/s")

    assert refused.status_code == 405
    assert refused.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"
    assert refused.headers["content-type"] == "application/problem+json"


async def test_its_description_is_whole(app: FastAPI) -> None:
    """No reference leads out of it, and the agent's own routes are in it."""
    async with over(app) as client:
        described = (await client.get("/openapi.json")).json()
    named = described.get("components", {}).get("schemas", {})

    assert "/v1/agent-info" in described["paths"]
    assert "/v1/sessions/{session_id}/messages" in described["paths"]
    assert {name for name in references(described) if name not in named} == set()


def references(node: object) -> set[str]:
    """Every name that is referred to."""
    if isinstance(node, dict):
        own = {str(node["$ref"]).rpartition("/")[2]} if "$ref" in node else set()
        return own.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(item) for item in node))
    return set()
