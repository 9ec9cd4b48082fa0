"""What Commonhold is measured against: the `fipsagents` stores behind FastAPI, as they are.

One route per store call, pydantic body models, JSON answers of the same shape as ours: the way the
stores are served today. It is not slowed down on purpose: uvloop and httptools, no access log, one
worker, an identity dependency that decides nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import uvicorn
from fastapi import APIRouter, Body, Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from fipsagents.server.feedback import FeedbackRecord, FeedbackStore, create_feedback_store
from fipsagents.server.models import (
    CreateFeedbackRequest,
    CreateSessionRequest,
    UpdateFeedbackRequest,
)
from fipsagents.server.sessions import SessionStore, create_session_store
from fipsagents.server.tracing import Span, Trace, TraceStore, create_trace_store
from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True)
class BaselineStores:
    """The three stores of one process, each with the connections it opens by default."""

    sessions: SessionStore
    traces: TraceStore
    feedback: FeedbackStore


class SaveSession(BaseModel):
    """Body of PUT /v1/sessions/{id}."""

    messages: list[dict[str, Any]] = Field(default_factory=list)


class UpdateSession(BaseModel):
    """Body of PATCH /v1/sessions/{id}."""

    cost_data: dict[str, Any] | None = None


class SpanBody(BaseModel):
    """One span of a posted trace."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    name: str = ""
    start_time: float = 0.0
    end_time: float | None = None
    status: str = "ok"
    attributes: dict[str, Any] = Field(default_factory=dict)
    events: list[dict[str, Any]] = Field(default_factory=list)


class TraceBody(BaseModel):
    """Body of POST /v1/traces."""

    trace_id: str
    started_at: str
    ended_at: str | None = None
    model: str | None = None
    session_id: str | None = None
    status: str = "ok"
    spans: list[SpanBody] = Field(default_factory=list)


async def caller(authorization: Annotated[str | None, Header()] = None) -> str:  # noqa: ARG001
    """Who calls: with authentication off, nobody in particular."""
    return "anonymous"


def stores_of(request: Request) -> BaselineStores:
    """The stores of this app, read without a dependency of its own."""
    found = request.app.state.stores
    assert isinstance(found, BaselineStores)
    return found


Caller = Annotated[str, Depends(caller)]
sessions = APIRouter(prefix="/v1/sessions")
traces = APIRouter(prefix="/v1/traces")
feedback = APIRouter(prefix="/v1/feedback")
health = APIRouter()


def missing(kind: str, key: str) -> HTTPException:
    """The answer to an unknown id."""
    return HTTPException(404, detail=f"{kind} {key} not found")


def moment(text: str | None) -> datetime | None:
    """A time out of a query parameter."""
    return datetime.fromisoformat(text) if text else None


@health.get("/healthz", include_in_schema=False)
async def alive() -> dict[str, str]:
    """Whether the process runs."""
    return {"status": "ok"}


@sessions.post("", status_code=201)
async def create_session(
    request: Request,
    _caller: Caller,
    body: Annotated[CreateSessionRequest, Body(default_factory=CreateSessionRequest)],
) -> JSONResponse:
    """Create a session."""
    created = await stores_of(request).sessions.create(body.session_id)
    return JSONResponse({"session_id": created}, status_code=201)


@sessions.get("/{session_id}")
async def get_session(session_id: str, request: Request, _caller: Caller) -> JSONResponse:
    """The messages of a session."""
    messages = await stores_of(request).sessions.load(session_id)
    if messages is None:
        raise missing("Session", session_id)
    return JSONResponse({"session_id": session_id, "messages": messages})


@sessions.put("/{session_id}")
async def save_session(
    session_id: str, body: SaveSession, request: Request, _caller: Caller
) -> JSONResponse:
    """Save the whole message list."""
    await stores_of(request).sessions.save(session_id, body.messages)
    return JSONResponse({"session_id": session_id, "saved": True})


@sessions.patch("/{session_id}")
async def update_session(
    session_id: str, body: UpdateSession, request: Request, _caller: Caller
) -> JSONResponse:
    """Merge cost data."""
    store = stores_of(request).sessions
    if not await store.update(session_id, cost_data=body.cost_data):
        raise missing("Session", session_id)
    messages = await store.load(session_id)
    return JSONResponse({"session_id": session_id, "messages": messages or []})


@sessions.head("/{session_id}")
async def session_exists(session_id: str, request: Request, _caller: Caller) -> Response:
    """Whether a session exists."""
    there = await stores_of(request).sessions.exists(session_id)
    return Response(status_code=200 if there else 404)


@sessions.get("/{session_id}/cost_data")
async def get_cost(session_id: str, request: Request, _caller: Caller) -> JSONResponse:
    """The cost data of a session; the store alone cannot tell a missing session from none."""
    store = stores_of(request).sessions
    if not await store.exists(session_id):
        raise missing("Session", session_id)
    cost = await store.get_cost_data(session_id)
    return JSONResponse({"session_id": session_id, "cost_data": cost})


@sessions.delete("/{session_id}")
async def delete_session(session_id: str, request: Request, _caller: Caller) -> JSONResponse:
    """Delete a session."""
    if not await stores_of(request).sessions.delete(session_id):
        raise missing("Session", session_id)
    return JSONResponse({"deleted": True})


@traces.post("", status_code=201)
async def save_trace(body: TraceBody, request: Request, _caller: Caller) -> JSONResponse:
    """Keep a trace."""
    spans = [Span(**dict(span)) for span in body.spans]
    await stores_of(request).traces.save_trace(Trace(**{**dict(body), "spans": spans}))
    return JSONResponse({"trace_id": body.trace_id, "saved": True}, status_code=201)


@traces.get("")
async def list_traces(
    request: Request,
    _caller: Caller,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> JSONResponse:
    """Summaries, newest first."""
    found = await stores_of(request).traces.list_traces(limit=limit, offset=offset)
    return JSONResponse([asdict(summary) for summary in found])


@traces.get("/{trace_id}")
async def get_trace(trace_id: str, request: Request, _caller: Caller) -> JSONResponse:
    """A whole trace."""
    found = await stores_of(request).traces.get_trace(trace_id)
    if found is None:
        raise missing("Trace", trace_id)
    return JSONResponse(asdict(found))


@feedback.post("", status_code=201)
async def create_feedback(
    body: CreateFeedbackRequest, request: Request, user: Caller
) -> JSONResponse:
    """Keep a vote."""
    record = FeedbackRecord(
        feedback_id=f"fb_{uuid4().hex[:16]}",
        trace_id=body.trace_id or f"trace_{uuid4().hex[:16]}",
        session_id=body.session_id,
        rating=body.rating,
        comment=body.comment,
        correction=body.correction,
        model_id=body.model_id,
        latency_ms=body.latency_ms,
        turn_index=body.turn_index,
        agent_type=body.agent_type,
        created_at=datetime.now(UTC).isoformat(),
        user_id=user,
    )
    kept = await stores_of(request).feedback.add(record)
    return JSONResponse({"feedback_id": kept}, status_code=201)


@feedback.get("/stats")
async def feedback_stats(
    request: Request,
    _caller: Caller,
    window: str = "day",
    agent_type: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> JSONResponse:
    """Votes per window and agent type."""
    if window not in ("hour", "day", "week"):
        raise HTTPException(400, detail="window must be hour, day or week")
    found = await stores_of(request).feedback.stats(
        window=window, agent_type=agent_type, since=moment(since), until=moment(until)
    )
    return JSONResponse([asdict(row) for row in found])


@feedback.get("")
async def list_feedback(
    request: Request,
    _caller: Caller,
    trace_id: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> JSONResponse:
    """Records, newest first."""
    found = await stores_of(request).feedback.query(
        trace_id=trace_id,
        session_id=session_id,
        user_id=user_id,
        since=moment(since),
        until=moment(until),
        limit=min(limit, 1000),
        offset=max(offset, 0),
    )
    return JSONResponse([asdict(record) for record in found])


@feedback.get("/{feedback_id}")
async def get_feedback(feedback_id: str, request: Request, _caller: Caller) -> JSONResponse:
    """One record."""
    record = await stores_of(request).feedback.get(feedback_id)
    if record is None:
        raise missing("Feedback", feedback_id)
    return JSONResponse(asdict(record))


@feedback.patch("/{feedback_id}")
async def update_feedback(
    feedback_id: str, body: UpdateFeedbackRequest, request: Request, _caller: Caller
) -> JSONResponse:
    """Change one record."""
    record = await stores_of(request).feedback.update(
        feedback_id, rating=body.rating, comment=body.comment, correction=body.correction
    )
    if record is None:
        raise missing("Feedback", feedback_id)
    return JSONResponse(asdict(record))


def create_app(backend: str, database: str) -> FastAPI:
    """An app over fresh stores; `database` is a file path or a Postgres URL."""
    where = {"sqlite_path": database} if backend == "sqlite" else {"database_url": database}
    stores = BaselineStores(
        create_session_store(backend, **where),
        create_trace_store(backend, **where),
        create_feedback_store(backend, **where),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.stores = stores
        # Opened one by one: their first use by several requests at once fails.
        await stores.sessions.exists("nobody")
        await stores.traces.get_trace("nothing")
        await stores.feedback.get("nothing")
        yield
        for store in (stores.sessions, stores.traces, stores.feedback):
            await store.close()

    app = FastAPI(lifespan=lifespan)
    for router in (health, feedback, sessions, traces):
        app.include_router(router)
    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=("sqlite", "postgres"), required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    uvicorn.run(
        create_app(chosen.backend, chosen.database),
        host="127.0.0.1",
        port=chosen.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
