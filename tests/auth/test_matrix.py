"""Who may do what: every operation and every kind of caller, in the policy and over HTTP."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from commonhold.auth.matrix import COLUMNS, MATRIX, PUBLIC
from commonhold.auth.policy import Allow, Deny, decide
from commonhold.auth.presets import RIGHTS
from commonhold.auth.principal import ANYONE, Principal
from commonhold.http.call import Answer, Call
from commonhold.http.operation import Operation
from commonhold.model.key import PRESETS
from commonhold.model.scope import EVERY
from commonhold.rpc.export import METHODS
from tests.auth.fleet import Fleet
from tests.http.problems import told

AGENTS = {"agent", "agent-obo"}
READERS = {"viewer", "operator"}
MANAGERS = {"operator", "platform-admin"}

MAY: dict[str, set[str]] = {
    "sessions.create": AGENTS,
    "sessions.summary": AGENTS | READERS,
    "sessions.read": AGENTS | {"operator"},
    "sessions.list": AGENTS | READERS,
    "sessions.timeline": AGENTS | {"operator"},
    "sessions.append": AGENTS,
    "sessions.put": AGENTS,
    "sessions.revert": AGENTS,
    "sessions.fork": AGENTS,
    "sessions.cost": AGENTS,
    "sessions.state": AGENTS,
    "sessions.lease": AGENTS,
    "sessions.handoff": AGENTS,
    "sessions.repair": AGENTS,
    "sessions.delete": AGENTS | {"operator"},
    "traces.write": AGENTS | {"ingest"},
    "traces.read": AGENTS | {"operator"},
    "traces.list": AGENTS | READERS,
    "traces.delete": {"operator"},
    "agents.list": AGENTS | READERS,
    "feedback.create": AGENTS | {"feedback-ingest"},
    "feedback.token": AGENTS | {"feedback-ingest"},
    "feedback.read": AGENTS | READERS,
    "feedback.list": AGENTS | READERS,
    "feedback.update": AGENTS,
    "feedback.delete": {"operator"},
    "feedback.stats": AGENTS | READERS,
    "scores.create": AGENTS,
    "scores.read": AGENTS | READERS,
    "scores.list": AGENTS | READERS,
    "scores.update": AGENTS,
    "scores.delete": {"operator"},
    "scores.stats": AGENTS | READERS,
    "redaction.read": MANAGERS,
    "redaction.write": MANAGERS,
    "keys.read": MANAGERS,
    "keys.write": MANAGERS,
    "agents.manage": MANAGERS,
    "tenants.manage": {"platform-admin"},
    "audit.read": MANAGERS,
    "export.read": {"operator"},
    "webhooks.manage": {"operator"},
    "erasures.create": {"operator"},
    "service.metrics": READERS | {"platform-admin"},
    "service.docs": set(),
    "service.health": set(PRESETS),
    "service.page": set(PRESETS),
}
"""By operation: the presets of keys that may do it, written out a second time and by hand."""


def callers() -> dict[str, Principal]:
    """One caller for each column of the matrix."""
    agent = Principal(kind="agent", agent="a", scopes=RIGHTS["agent-obo"].scopes, method="key")
    found = {
        "user": replace(agent, kind="user", agent="", user="ada"),
        "agent": agent,
        "agent verified": replace(agent, user="ada", delegation="verified"),
        "agent asserted": replace(agent, user="ada", delegation="asserted"),
        "anonymous": replace(agent, kind="anonymous", agent=""),
        "service": replace(agent, kind="service", agent=""),
    }
    for preset in ("ingest", "feedback-ingest", "viewer", "operator", "platform-admin"):
        rights = RIGHTS[preset]
        found[rights.kind] = Principal(kind=rights.kind, scopes=rights.scopes, method="key")
    return found


def test_every_cell_is_what_the_policy_decides() -> None:
    """`no` is refused with a reason; anything else is allowed for those rows and no others."""
    found = callers()
    assert set(found) == set(COLUMNS)
    for operation, row in MATRIX.items():
        for column, cell in row.cells.items():
            decision = decide(found[column], operation)
            if cell == "no" or (row.scope and row.scope not in found[column].scopes):
                assert isinstance(decision, Deny), (operation, column)
                assert decision.reason
                continue
            assert isinstance(decision, Allow), (operation, column)
            only = decision.only
            assert (only.part_of is not None) == (cell == "part")
            assert (only.owned_by is not None) == (cell == "own")
            assert (only.user is not None) == (cell in {"user", "anon"})
            assert (decision.view == "metadata") == (cell == "meta")
            assert decision.stamp == found[column].stamp


def test_what_is_written_out_twice_is_the_same() -> None:
    """The presets of keys, against a list that nobody generated."""
    assert set(MAY) == set(MATRIX)
    for preset in PRESETS:
        rights = RIGHTS[preset]
        agent = "a" if rights.kind in {"agent", "ingest"} else ""
        caller = Principal(kind=rights.kind, agent=agent, scopes=rights.scopes, method="key")
        may = {name for name in MATRIX if isinstance(decide(caller, name), Allow)}
        assert may == {name for name, presets in MAY.items() if preset in presets}


def test_nobody_is_asked_in_mode_none() -> None:
    """Whoever calls may do everything, with every row."""
    for operation in MATRIX:
        decision = decide(ANYONE, operation)
        assert isinstance(decision, Allow)
        assert (decision.only, decision.view) == (EVERY, "full")


def test_a_right_is_lost_with_its_scope() -> None:
    """Even where the kind of caller would have it."""
    for operation, row in MATRIX.items():
        bare = Principal(kind="operator", scopes=frozenset(), method="key")
        if row.scope:
            assert isinstance(decide(bare, operation), Deny)


def test_an_operation_that_is_not_in_the_matrix_cannot_be_served() -> None:
    """The service does not start with it."""
    with pytest.raises(ValueError, match="no operation"):
        Operation("GET", "/v1/x", _nothing, {}, "X", "x", action="sessions.peek")
    assert {method.action for method in METHODS} <= set(MATRIX)


async def _nothing(_call: Call) -> Answer:
    """An endpoint that is never called."""
    raise NotImplementedError


@pytest.mark.asyncio(loop_scope="module")
async def test_every_route_keeps_to_it(here: Fleet) -> None:
    """Without a key 401; with the wrong one 403; and with the right one whatever the route says."""
    for route in here.app.operations:
        path = route.path.replace("{", "absent-").replace("}", "")
        answer = await here.send("", route.method, path)
        if route.action in PUBLIC:
            assert answer.status_code == 200, route.path
            continue
        check_refusal(answer, route, 401, "unauthenticated")
        for preset in PRESETS:
            answer = await here.send(preset, route.method, path)
            if preset in MAY[route.action]:
                assert answer.status_code not in {401, 403}, (route, preset, answer.text)
            else:
                check_refusal(answer, route, 403, "forbidden")


def check_refusal(answer: httpx2.Response, route: Operation, status: int, code: str) -> None:
    """A problem document of that status, unless the route has no body, or speaks OTLP."""
    if route.method == "HEAD" or route.refuse is not None:
        assert answer.status_code == status, (route.path, answer.text)
    else:
        told(answer, status, code)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_for_everybody_tells_nothing(here: Fleet) -> None:
    """Probes and a page; no description of the API, no ages of what is kept, no version of it."""
    page = await here.client.get("/")
    assert (page.status_code, "Kept here" in page.text) == (200, False)
    for path in ("/openapi.json", "/docs", "/redoc", "/v1", "/v1/nothing"):
        told(await here.client.get(path), 404, "not_found")
    scraped: httpx2.Response = await here.send("viewer", "GET", "/metrics")
    assert (scraped.status_code, "commonhold_http_requests_total" in scraped.text) == (200, True)
