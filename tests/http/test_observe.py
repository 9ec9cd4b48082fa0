"""What surrounds every request of the service: ids, protection, the log line, the agent prefix."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter

from commonhold.auth.none import authenticate
from commonhold.contract.stores import Stores
from commonhold.errors import Conflict
from commonhold.http import HttpOptions, create_app
from commonhold.http.binding import ByAuthor
from commonhold.model.session import HistoryStream
from commonhold.sql import SqlBackend
from commonhold.sql.sessions import SqlSessions
from tests.http.conftest import over
from tests.http.problems import told

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVERY_KIND = ["/healthz", "/v1/sessions", "/v1/sessions/nobody", "/nowhere", "/openapi.json"]


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_every_answer_carries_the_id_of_its_request(
    service: httpx2.AsyncClient, path: str
) -> None:
    """The caller's own when it is fit to be logged, else a fresh one."""
    given = await service.get(path, headers={"X-Request-ID": "My-id_1.2"})
    fresh = [(await service.get(path)).headers["x-request-id"] for _ in range(2)]

    assert given.headers["x-request-id"] == "My-id_1.2"
    assert len(set(fresh)) == 2


@pytest.mark.parametrize("given", ["", "a b", 'a"b', "a" * 129, "a\u00e9", "<script>"])
async def test_an_unfit_request_id_is_replaced(service: httpx2.AsyncClient, given: str) -> None:
    """It would end up in the log."""
    headers = {"X-Request-ID": given.encode()}
    answer = await service.get("/v1/sessions/nobody", headers=headers)  # type: ignore[arg-type]

    assert answer.headers["x-request-id"] != given
    told(answer, 404)


async def test_the_mounted_routes_carry_it_too(client: httpx2.AsyncClient) -> None:
    """With no middleware around them."""
    answer = await client.get("/v1/sessions", headers={"X-Request-ID": "mine"})

    assert answer.headers["x-request-id"] == "mine"


async def test_an_unknown_path_is_a_problem_too(service: httpx2.AsyncClient) -> None:
    """As is a method that a path does not have, which says which it has."""
    for path in ("/", "/v1", "/v1/", "/v1/nothing", "/v1/sessions/a/nothing", "/v1/sessions/a/b/c"):
        told(await service.get(path), 404, "not_found")
    wrong = await service.post("/v1/sessions/s")

    told(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"
    assert (await service.request("BREW", "/healthz")).headers["allow"] == "GET, HEAD"


async def test_a_slash_hidden_in_an_id_reaches_no_other_route(client: httpx2.AsyncClient) -> None:
    """An id never has one: the path must not be cut by it."""
    await client.put("/v1/sessions/a", json={"messages": []})

    for key in ("a%2Fcost_data", "a%2fsummary", "%2Fa", "a%2F"):
        assert (await client.get(f"/v1/sessions/{key}")).status_code == 404


async def test_an_agent_named_by_the_path_is_the_author(service: httpx2.AsyncClient) -> None:
    """Sessions, messages and records carry it; links stay below its prefix."""
    for n in range(2):
        await service.put(f"/a/planner/v1/sessions/s{n}", json={"messages": [{"role": "user"}]})
    vote = {"rating": 1}
    voted = await service.post("/a/planner/v1/feedback/", json=vote)
    listed = await service.get("/a/planner/v1/sessions?limit=1&agent=planner")
    log = await service.get("/v1/sessions/s0/messages")
    record = await service.get(f"/v1/feedback/{voted.json()['feedback_id']}")

    assert listed.json()[0]["agent"] == "planner"
    assert listed.links["next"]["url"].startswith("/a/planner/v1/sessions?")
    assert log.json()[0]["agent"] == "planner"
    assert record.json()["agent"] == "planner"


async def test_an_author_without_a_name_is_nobody(service: httpx2.AsyncClient) -> None:
    """Null rather than an invention."""
    await service.put("/v1/sessions/s", json={"messages": [{"role": "user"}]})

    assert (await service.get("/v1/sessions/s/summary")).json()["agent"] is None


async def test_agents_without_number_take_no_memory_without_end(backend: SqlBackend) -> None:
    """Stores are bound once for each author, and forgotten when there are too many."""
    bind = ByAuthor(lambda: stores, authenticate)
    stores = Stores.on(backend)
    first = await bind({}, "a0")

    assert await bind({}, "a0") is first
    for n in range(3000):
        await bind({}, f"a{n}")
    assert len(bind._bound) <= 1024
    assert await bind({}, "a0") is not first


@pytest.mark.parametrize("agent", ["-x", "a%20b", "a" * 129, "%00", "a%22"])
async def test_an_impossible_agent_is_422(service: httpx2.AsyncClient, agent: str) -> None:
    """And says which names there are."""
    told(await service.get(f"/a/{agent}/v1/sessions"), 422, "invalid_request")


@pytest.mark.parametrize("path", ["/a", "/a/", "/a/x", "/a/x/", "/a/x/healthz", "/a//v1/sessions"])
async def test_the_prefix_leads_to_the_api_only(service: httpx2.AsyncClient, path: str) -> None:
    """Anything else below it is not there."""
    assert (await service.get(path)).status_code in (404, 422)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8080"],
)
async def test_this_machine_is_answered(service: httpx2.AsyncClient, host: str) -> None:
    """By any of its names, on any port."""
    headers = {"Host": host, "Origin": "http://localhost:3000"}

    assert (await service.get("/v1/sessions", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example:127"},
        {"Host": "localhost:x"},
        {"Host": "localhost@evil.example"},
        {"Host": "127.0.0.2"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
    ids=str,
)
async def test_no_other_name_and_no_other_page_is_answered(
    service: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    """Not the API, not the numbers: a page may not read what is on this machine."""
    for path in ("/v1/sessions", "/metrics", "/healthz", "/nowhere"):
        told(await service.get(path, headers=headers), 403, "forbidden")


@pytest.mark.parametrize(
    ("peer", "status"),
    [("127.0.0.1", 200), ("127.9.9.9", 200), ("::1", 200), ("10.0.0.1", 403), ("::2", 403)],
)
async def test_only_this_machine_may_ask(backend: SqlBackend, peer: str, status: int) -> None:
    """Whatever it calls us."""
    app = create_app(Stores.on(backend))
    transport = httpx2.ASGITransport(app=app, client=(peer, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/sessions")).status_code == status


async def test_the_protection_can_be_switched_off(backend: SqlBackend) -> None:
    """For other modes, or an explicit insecure flag."""
    app = create_app(Stores.on(backend), HttpOptions(loopback_only=False))
    async with over(app) as client:
        headers = {"Host": "common.example", "Origin": "https://evil.example"}
        assert (await client.get("/v1/sessions", headers=headers)).status_code == 200


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of every access line."""
    return [record.fields for record in caplog.records if record.name == "commonhold.access"]  # type: ignore[attr-defined]


async def test_a_request_writes_one_line(
    service: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What happened, with the ids that lead to it."""
    caplog.set_level(logging.INFO, "commonhold.access")
    headers = {"traceparent": PARENT, "x-request-id": "r1"}
    body = json.dumps({"messages": [{"content": "a secret"}]})
    await service.put("/a/planner/v1/sessions/s", content=body, headers=headers)
    [line] = lines(caplog)
    duration = line.pop("duration_ms")

    assert duration > 0
    assert line == {
        "method": "PUT",
        "route": "/v1/sessions/{session_id}",
        "status": 200,
        "bytes_in": len(body),
        "bytes_out": len(b'{"session_id":"s","saved":true}'),
        "request_id": "r1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "agent": "planner",
    }
    assert caplog.records[-1].getMessage().startswith("PUT /v1/sessions/{session_id} 200 in ")


async def test_the_log_never_has_what_was_said(
    service: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither bodies nor credentials, nor what was asked for."""
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer hush", "X-Request-ID": "r", "Cookie": "hush"}
    await service.put("/v1/sessions/hush", json={"messages": [{"content": "hush"}]})
    await service.get("/v1/sessions?agent=hush", headers=headers)
    await service.get("/v1/sessions?cursor=hush", headers=headers)
    await service.post("/v1/feedback", json={"rating": "hush", "comment": "hush"})
    await service.get("/hush/hush?hush=hush", headers=headers)
    ours = [record for record in caplog.records if record.name.startswith("commonhold")]

    assert len(ours) == 5
    assert not [record for record in ours if "hush" in f"{vars(record)} {record.getMessage()}"]


async def test_a_bad_traceparent_is_no_trace_id(
    service: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The line says null instead."""
    caplog.set_level(logging.INFO, "commonhold.access")
    for value in ("", "x", PARENT[:-1], PARENT.upper(), PARENT.replace("-", "_")):
        await service.get("/healthz", headers={"traceparent": value})

    assert [line["trace_id"] for line in lines(caplog)] == [None] * 5


class Broken(Exception):
    """A bug."""


def added() -> APIRouter:
    """Routes that somebody else adds to the service, for everybody."""
    extra = APIRouter()

    @extra.get("/bug", name="service.page")
    async def bug() -> None:
        raise Broken("secret detail")

    @extra.get("/taken", name="service.page")
    async def taken() -> None:
        raise Conflict("It is taken.")

    @extra.get("/typed", name="service.page")
    async def typed(n: int) -> int:
        return n

    return extra


async def test_routes_that_are_added_answer_problems_too(
    backend: SqlBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours, FastAPI's, and bugs: which are logged, and told to nobody."""
    caplog.set_level(logging.INFO)
    async with over(create_app(Stores.on(backend), routers=[added()])) as client:
        told(await client.get("/taken"), 409, "conflict")
        invalid = told(await client.get("/typed?n=x"), 422, "invalid_request")
        told(await client.post("/taken"), 405, "method_not_allowed")
        bug = await client.get("/bug")
        typed = await client.get("/typed?n=1")

    assert invalid["errors"][0]["loc"] == ["query", "n"]
    assert "secret" not in bug.text
    problem = told(bug, 500, "internal")
    assert (typed.status_code, typed.json()) == (200, 1)
    [error] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], Broken)
    assert error.fields == {"request_id": problem["instance"]}  # type: ignore[attr-defined]
    assert [(line["route"], line["status"]) for line in lines(caplog)] == [
        ("/taken", 409),
        ("/typed", 422),
        ("/taken", 405),
        ("/bug", 500),
        ("/typed", 200),
    ]


class BrokenSessions(SqlSessions):
    """A store with a bug."""

    async def stream(self, session_id: str, /) -> HistoryStream:
        raise Broken(session_id)


async def test_a_bug_below_a_route_of_ours_is_500_and_logged(
    backend: SqlBackend,
    client: httpx2.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request id leads from the answer to the trace in the log."""
    monkeypatch.setattr(SqlSessions, "stream", BrokenSessions.stream)
    caplog.set_level(logging.ERROR)
    answer = await client.get("/v1/sessions/s")

    problem = told(answer, 500, "internal")
    [error] = caplog.records
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], Broken)
    assert error.fields == {"request_id": problem["instance"]}  # type: ignore[attr-defined]
