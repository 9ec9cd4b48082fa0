"""Registered agents, over HTTP on both databases: who may call, as what, and who else is one."""

from __future__ import annotations

import httpx2
import pytest

from commonhold.model.key import NewKey
from tests.auth.fleet import ELSEWHERE, Fleet, unique
from tests.auth.test_rows import ok
from tests.http.problems import told

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_agent_that_is_disabled_opens_nothing(here: Fleet) -> None:
    """Neither with an old key nor with a new one; enabled again, with both; forgotten, with none."""
    name = unique("agent")
    new = NewKey("agent", name)
    old = (await here.key(new)).text
    path = f"/v1/agents/{name}"
    assert await status(here, old) == 200
    registered = await ok(await here.send("operator", "GET", path))
    assert (registered["status"], registered["agent_types"]) == ("active", [])
    disabled = await ok(await here.send("operator", "PUT", path, {"status": "disabled"}))
    assert disabled["status"] == "disabled"
    for key in (old, (await here.key(new)).text, (await here.key(NewKey("ingest", name))).text):
        told(await asked(here, key), 403, "agent_disabled")
    await ok(await here.send("operator", "PUT", path, {"status": "active"}))
    assert await status(here, old) == 200
    assert await ok(await here.send("operator", "DELETE", path)) == {"deleted": True}
    told(await asked(here, old), 403, "unknown_agent")
    told(await here.send("operator", "GET", path), 404, "not_found")
    told(await here.send("operator", "DELETE", path), 404, "not_found")


async def test_an_agent_calls_itself_what_it_is_registered_as(here: Fleet) -> None:
    """In votes and in scores; with no types it may say anything."""
    name = unique("agent")
    key = (await here.key(NewKey("agent", name))).text
    for body, changed in (({"rating": 1, "agent_type": "x"}, None), ({"rating": 1}, ["planner"])):
        if changed:
            types = {"agent_types": changed}
            await ok(await here.send("operator", "PUT", f"/v1/agents/{name}", types))
        await ok(await asked(here, key, "POST", "/v1/feedback", body))
    planner = {"rating": 1, "agent_type": "planner"}
    await ok(await asked(here, key, "POST", "/v1/feedback", planner))
    for path, body in (
        ("/v1/feedback", {"rating": 1, "agent_type": "writer"}),
        ("/v1/scores", {"name": "q", "value": 1, "agent_type": "writer", "trace_id": "t"}),
    ):
        told(await asked(here, key, "POST", path, body), 403, "agent_type_not_allowed")


async def test_an_identity_is_one_agent_of_one_tenant(here: Fleet) -> None:
    """The second time it is refused, whoever asks; and what is another tenant's is absent."""
    first, second = unique("agent"), unique("agent")
    for name in (first, second):
        await ok(await here.send("operator", "PUT", f"/v1/agents/{name}"))
    identity = {"kind": "spiffe", "issuer": "mesh", "subject": f"spiffe://example.org/{first}"}
    path = f"/v1/agents/{first}/bindings"
    bound = await ok(await here.send("operator", "POST", path, identity))
    for name in (first, second):
        again = await here.send("operator", "POST", f"/v1/agents/{name}/bindings", identity)
        told(again, 409, "conflict")
    foreign = (await here.key(NewKey("operator"), ELSEWHERE)).text
    listed = await ok(await asked(here, foreign, "GET", "/v1/registered-agents"))
    assert first not in {each["agent"] for each in listed}
    for method, there in (
        ("GET", f"/v1/agents/{first}"),
        ("DELETE", f"/v1/agents/{first}"),
        ("POST", path),
        ("DELETE", f"{path}/{bound['binding_id']}"),
    ):
        other = {**identity, "subject": "spiffe://example.org/other"}
        told(await asked(here, foreign, method, there, other if method == "POST" else None), 404)
    absent = f"/v1/agents/{unique('agent')}/bindings"
    told(await here.send("operator", "POST", absent, {**identity, "issuer": "x"}), 404)
    listed = await ok(await here.send("operator", "GET", "/v1/registered-agents"))
    (seen,) = (each["bindings"] for each in listed if each["agent"] == first)
    assert seen == [bound]
    await ok(await here.send("operator", "DELETE", f"{path}/{bound['binding_id']}"))
    await ok(await here.send("operator", "POST", f"/v1/agents/{second}/bindings", identity))
    await ok(await here.send("operator", "DELETE", f"/v1/agents/{second}"))
    await ok(await here.send("operator", "POST", path, identity))


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("spiffe", "example.org/a"),
        ("spiffe", "spiffe://Example.org"),
        ("k8s_sa", "fleet/weather"),
        ("k8s_sa", "system:serviceaccount:fleet"),
        ("oidc_client", "a b"),
        ("oidc_client", ""),
        ("key", "a"),
    ],
)
async def test_an_identity_that_nobody_can_have_is_refused(
    here: Fleet, kind: str, subject: str
) -> None:
    """With what is allowed; it would never let anybody in."""
    body = {"kind": kind, "issuer": "mesh", "subject": subject}
    answer = await here.send("operator", "POST", "/v1/agents/a/bindings", body)
    assert "must be" in told(answer, 422, "invalid_request")["detail"]


async def asked(
    here: Fleet, key: str, method: str = "GET", path: str = "/v1/agents", body: object = None
) -> httpx2.Response:
    """What a key is answered."""
    headers = {"authorization": f"Bearer {key}"}
    return await here.client.request(method, path, json=body, headers=headers)


async def status(here: Fleet, key: str) -> int:
    """Whether a key opens anything."""
    return (await asked(here, key)).status_code
