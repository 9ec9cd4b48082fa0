"""What of the requests to a service is in its audit log, and what is not."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from commonhold.auth.key_form import mint
from commonhold.auth.policy import Deny, decide
from commonhold.auth.presets import RIGHTS
from commonhold.auth.principal import Principal
from commonhold.cli.audit_heads import heads_in
from commonhold.cli.logs import JsonFormatter, TextFormatter
from commonhold.contract.stores import Stores
from commonhold.errors import InvalidRequest, Unavailable
from commonhold.http import Auditing, Extras, create_app
from commonhold.model.audit import MAX_TEXT, AuditEvent, AuditQuery
from commonhold.model.clock import Micros
from commonhold.model.key import OF_AN_AGENT, PRESETS
from commonhold.model.seal import SealKey
from commonhold.service import audit, audit_samples
from commonhold.service.audit import AuditTrail
from commonhold.service.audit_samples import FIRST
from commonhold.service.audit_watch import Watch
from commonhold.service.sealing import Sealer
from commonhold.sql import open_backend
from commonhold.sql.audit import SqlAudit
from commonhold.testing.factories import messages
from tests.auth.fleet import Fleet, fleet, unique
from tests.http.conftest import over
from tests.http.problems import told

Wire = dict[str, Any]

QUEUED, KINDS = 700, 50
"""Smaller here, so that they are soon reached."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """A service in mode `keys`; tests look for the events of what they did themselves."""
    async with fleet(f"sqlite:///{tmp_path_factory.mktemp('audit') / 'x.db'}") as opened:
        yield opened


async def written(here: Fleet) -> None:
    """Write what waits, now and not in a second."""
    assert here.app.watch is not None
    await here.app.watch._trail.step()


async def events(here: Fleet, **asked: str) -> list[Wire]:
    """Events, newest first, as an operator reads them; all pages."""
    found: list[Wire] = []
    query = "&".join(f"{name}={quote(value)}" for name, value in asked.items())
    url: str | None = f"/v1/audit?limit=500&{query}"
    while url:
        answer = await here.send("operator", "GET", url)
        found += answer.json()
        url = answer.links.get("next", {}).get("url")
    return found


async def test_each_denial_of_a_write_has_its_event(here: Fleet) -> None:
    """Every route, every preset that may not: who it was, and what it was refused."""
    expected = set()
    for route in here.app.operations:
        for preset in PRESETS:
            agent = "a" if preset in OF_AN_AGENT else ""
            caller = Principal(kind=RIGHTS[preset].kind, agent=agent, scopes=RIGHTS[preset].scopes)
            if route.method != "GET" and isinstance(decide(caller, route.action), Deny):
                path = route.path.replace("{", "of-").replace("}", "")
                answer = await here.send(preset, route.method, path)
                assert answer.status_code == 403
                expected.add((route.action, here.keys[preset].key.key_id))
    await written(here)

    denied = await events(here, decision="denied")
    assert expected <= {(each["operation"], each["credential_id"]) for each in denied}
    assert len(expected) > 60
    one = next(each for each in denied if each["resource_id"] == "of-webhook_id")
    assert (one["reason"], one["status"], one["resource_type"]) == ("forbidden", 403, "webhook")
    assert one["peer"] == "127.0.0.1"


async def test_what_an_operator_changes_is_written_before_it_is_told(here: Fleet) -> None:
    """Removals, keys, webhooks, redaction, exports: the answer is there, and so is the event."""
    session, agent = unique("s"), "agent:a"
    await here.send("agent", "POST", f"/v1/sessions/{session}/messages", {"messages": []})
    put = {"messages": [{"role": "user", "content": "a secret"}]}
    await here.send("agent", "PUT", f"/v1/sessions/{session}", put)
    headers = {"x_request_id": unique("req"), "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    made = await here.send("operator", "POST", "/v1/keys", {"preset": "viewer"}, **headers)
    ident = made.json()["key_id"]
    await here.send("operator", "DELETE", f"/v1/keys/{ident}")
    hook = {"url": "https://93.184.216.34/x", "conditions": {"rating": "down"}}
    await here.send("operator", "POST", "/v1/webhooks", hook)
    for policy in ({"capture": "full"}, {}):
        await here.send("operator", "PUT", "/v1/redaction", policy)
    await here.send("operator", "GET", "/v1/feedback/export?q=a+secret")
    await here.send("operator", "DELETE", f"/v1/sessions/{session}")

    found = await events(here, decision="allowed")
    key, other = [each for each in found if each["resource_id"] == ident]
    assert (key["operation"], key["credential_id"]) == (
        "keys.write",
        here.keys["operator"].key.key_id,
    )
    assert (other["request_id"], other["trace_id"]) == (headers["x_request_id"], "a" * 32)
    assert {"webhooks.manage", "export.read"} <= {each["operation"] for each in found}
    policies = [each["resource_id"] for each in found if each["operation"] == "redaction.write"]
    assert policies == ["masked credentials", "full"]
    assert [each["operation"] for each in found if each["resource_id"] == session] == [
        "sessions.delete"
    ]
    assert not [each for each in found if each["actor"] == agent]
    assert "a secret" not in json.dumps(found)
    assert here.keys["operator"].text not in json.dumps(found)


async def test_an_operator_reads_and_leaves_a_trace(here: Fleet) -> None:
    """Of what was said, not of lists; an agent that reads leaves none."""
    session = unique("s")
    await here.send("agent", "PUT", f"/v1/sessions/{session}", {"messages": []})
    for who in ("agent", "operator"):
        assert (await here.send(who, "GET", f"/v1/sessions/{session}")).status_code == 200
        await here.send(who, "GET", "/v1/sessions")
    await written(here)

    found = [each for each in await events(here) if each["resource_id"] == session]
    assert [(each["operation"], each["actor"]) for each in found] == [
        ("sessions.read", f"key:{here.keys['operator'].key.key_id}")
    ]


async def test_what_was_done_with_an_agent_has_a_word(here: Fleet) -> None:
    """One operation is all of it; whether an agent was stopped or bound is told apart."""
    agent = unique("agent").lower()
    identity = {"kind": "oidc_client", "issuer": "corp", "subject": agent}
    path = f"/v1/agents/{agent}"
    for status in (None, "disabled", "active"):
        await here.send("operator", "PUT", path, {"status": status} if status else {})
    bound = (await here.send("operator", "POST", f"{path}/bindings", identity)).json()
    await here.send("operator", "DELETE", f"{path}/bindings/{bound['binding_id']}")
    await here.send("operator", "DELETE", path)

    found = await events(here, operation="agents.manage", decision="allowed")
    mine = [each for each in reversed(found) if each["resource_type"] == "agent"]
    assert [each["reason"] for each in mine] == [
        *("registered", "disabled", "enabled", "bound", "unbound", "removed"),
    ]


async def test_a_row_of_somebody_else_may_have_been_meant(here: Fleet) -> None:
    """A caller that reaches fewer rows cannot tell them from absent ones; the log tells it tried."""
    session = unique("s")
    await here.send("agent", "PUT", f"/v1/sessions/{session}", {"messages": []})
    answer = await here.send("other", "DELETE", f"/v1/sessions/{session}")
    assert answer.status_code in {403, 404}
    await written(here)

    (one,) = [each for each in await events(here) if each["resource_id"] == session]
    assert (one["decision"], one["actor"], one["operation"]) == (
        *("denied", "agent:b"),
        "sessions.delete",
    )


async def test_who_says_it_is_somebody_is_written_down(here: Fleet) -> None:
    """Headers of a gateway without a credential, another agent's path, a user without the right."""
    spoofed = unique("s")
    await here.send("", "GET", f"/v1/sessions/{spoofed}", x_auth_subject="ada")
    unknown, named, path = mint("agent"), unique("s"), unique("s")
    await here.client.get(
        f"/v1/sessions/{path}", headers={"authorization": f"Bearer {unknown.text}"}
    )
    await here.send("agent", "GET", f"/v1/sessions/{named}", x_on_behalf_of="ada")
    await here.send("agent", "GET", f"/a/b/v1/sessions/{named}-2")
    await written(here)

    found = {each["resource_id"]: each for each in await events(here, decision="denied")}
    assert (found[spoofed]["reason"], found[spoofed]["status"]) == ("identity_headers", 401)
    assert (found[path]["reason"], found[path]["credential_id"]) == (
        *("unauthenticated", unknown.key_id),
    )
    mine = here.keys["agent"].key.key_id
    for ident in (named, f"{named}-2"):
        assert (found[ident]["reason"], found[ident]["credential_id"]) == ("forbidden", mine)
    assert unknown.text not in json.dumps(list(found.values()))


async def test_an_id_is_data_whatever_is_in_it(here: Fleet) -> None:
    """Line breaks, JSON and what a terminal obeys come back as they were; what is long is cut."""
    mark = unique("s")
    hostile = f'{mark}\n{{"audit_head":"00"}}\x1b[2J'
    await here.send("viewer", "DELETE", f"/v1/sessions/{quote(hostile)}")
    await here.send("viewer", "DELETE", f"/v1/sessions/{mark}-{'x' * 5000}")
    await written(here)

    found = [each["resource_id"] for each in await events(here, decision="denied")]
    mine = sorted(each for each in found if each and each.startswith(mark))
    assert mine[0] == hostile
    assert (len(mine[1]), mine[1][-1]) == (MAX_TEXT, "…")


async def test_only_who_may_reads_it(here: Fleet) -> None:
    """And asking without the right is an event too; another tenant's are not shown."""
    told(await here.send("agent", "GET", "/v1/audit"), 403, "forbidden")
    await here.send("foreign", "DELETE", "/v1/webhooks/of-another-tenant")
    for wrong in ("decision=maybe", "limit=0", "limit=-1"):
        told(await here.send("operator", "GET", f"/v1/audit?{wrong}"), 422, "invalid_request")
    await written(here)

    assert await events(here, operation="audit.read", actor="agent:a")
    assert "of-another-tenant" not in json.dumps(await events(here))
    (start,) = await events(here, operation="service.start")
    assert (start["resource_type"], start["resource_id"]) == ("mode", "keys")


async def test_a_change_without_its_event_is_not_acknowledged() -> None:
    """The caller is told to try again; in mode `none` too, which keeps no refusals."""
    async with await open_backend("sqlite:///:memory:") as backend:
        log, is_there = SqlAudit(backend.database), [False]

        def opened() -> SqlAudit:
            if not is_there[0]:
                raise Unavailable
            return log

        auditing = Auditing(Watch(AuditTrail(opened), asks_nobody=True), opened)
        app = create_app(Stores.on(backend), extras=Extras(auditing=auditing))
        async with over(app) as client:
            for name in ("s1", "s2"):
                body = {"messages": [json.loads(each) for each in messages("hello")]}
                assert (await client.put(f"/v1/sessions/{name}", json=body)).status_code == 200
            told(await client.delete("/v1/sessions/s1"), 503)
            is_there[0] = True
            assert (await client.delete("/v1/sessions/s2")).status_code == 200
            await client.get("/v1/sessions/s2", headers={"authorization": "Bearer x"})

            (only,) = (await client.get("/v1/audit")).json()
        assert (only["operation"], only["resource_id"], only["actor"]) == (
            *("sessions.delete", "s2"),
            "anon",
        )


async def test_of_a_flood_the_first_are_kept_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By kind and minute; one kind hides no other, and neither memory nor the log grows with it."""
    monkeypatch.setattr(audit_samples, "KINDS", KINDS)
    now = [Micros(60_000_000)]
    async with await open_backend("sqlite:///:memory:") as backend:
        log = SqlAudit(backend.database)
        trail = AuditTrail(lambda: log, lambda: now[0])

        def flood(count: int, peer: str) -> None:
            for n in range(count):
                denied = AuditEvent(
                    at=now[0],
                    operation="x",
                    decision="denied",
                    peer=peer,
                    resource_id=str(n),
                )
                trail.sample((peer,), denied)

        flood(1000, "mallory")
        flood(3, "alice")
        await trail.step()
        now[0] = Micros(now[0] + 60_000_000)
        flood(FIRST + 5, "mallory")
        for n in range(KINDS + 7):
            flood(1, f"bot{n}")
        await trail.aclose()

        kept = []
        page = await log.list("default", AuditQuery(limit=1000))
        while True:
            kept += [each.event for each in page.items]
            if page.cursor is None:
                break
            page = await log.list("default", AuditQuery(limit=1000, cursor=page.cursor))
    counts = sorted((each.peer, each.count) for each in kept if each.count > 1)
    assert counts == [("", 8), ("mallory", 5), ("mallory", 1000 - FIRST)]
    assert sum(each.peer == "mallory" for each in kept) == 2 * FIRST + 2
    assert sum(each.peer == "alice" for each in kept) == 3


async def test_what_finds_no_place_is_counted_and_what_fails_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the database is away the queue fills, and no further; then everything is written once."""
    monkeypatch.setattr(audit, "QUEUED", QUEUED)
    async with await open_backend("sqlite:///:memory:") as backend:
        log, is_there = SqlAudit(backend.database), [False]

        def opened() -> SqlAudit:
            if not is_there[0]:
                raise Unavailable
            return log

        trail = AuditTrail(opened)
        for n in range(QUEUED + 30):
            trail.note(AuditEvent(at=Micros(n), operation="x", decision="noted"))
        with pytest.raises(Unavailable):
            await trail.step()
        is_there[0] = True
        await trail.aclose()

        assert len(await log.events_from(0, 2 * QUEUED)) == QUEUED + 1
        (lost,) = (await log.list("default", AuditQuery(operation="audit.lost"))).items
        assert lost.event.count == 30


async def test_a_head_is_one_line_of_the_log(
    caplog: pytest.LogCaptureFixture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever a tenant or an id holds: nobody can forge a head by it."""
    forged = 'a\n{"audit_tenant":"a","audit_n":7,"audit_head":"00"}'
    async with await open_backend("sqlite:///:memory:") as backend:
        log = SqlAudit(backend.database)
        await log.add(
            [AuditEvent(at=Micros(1), operation="x", decision="noted", tenant=forged, actor=forged)]
        )
        with caplog.at_level(logging.INFO, "commonhold.audit"):
            await Sealer(SealKey(b"k" * 32)).step(log)
        (link,) = await log.links_from(0, 10)
    (record,) = caplog.records
    lines = [JsonFormatter().format(record), TextFormatter().format(record)]
    assert all(line.splitlines() == [line] for line in lines)
    path = tmp_path_factory.mktemp("log") / "service.log"
    path.write_text("not ours\n" + lines[0] + '\n{"audit_head":\n')
    (head,) = heads_in(path)
    assert (head.tenant, head.n, head.mac) == (forged, 1, link.mac)
    path.write_text("nothing\n")
    with pytest.raises(InvalidRequest, match="has no head"):
        heads_in(path)
