"""What must not get through: credentials that are none, in every form they come in."""

from __future__ import annotations

import logging
from typing import Any

import httpx2
import pytest

from commonhold.auth.key_form import mint
from commonhold.model.key import NewKey
from tests.auth.fleet import Fleet, unique
from tests.http.problems import told
from tests.http.test_observe import lines
from tests.streaming import StreamingTransport

pytestmark = pytest.mark.asyncio(loop_scope="module")

JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInNjb3BlIjoiKiJ9."


async def test_what_is_no_key_opens_nothing(here: Fleet) -> None:
    """401, the same for a key that is unknown, mistyped, ended, or half right; never as somebody."""
    good = here.keys["operator"].text
    stolen = mint("operator").text
    head, kind, key_id, secret, _ = good.split("_")
    ended = await here.key(NewKey("operator"))
    await here.send("operator", "DELETE", f"/v1/keys/{ended.key.key_id}")
    hostile = [
        *("", "Bearer", "Bearer ", "Bearer  ", f"Basic {good}", good, "Bearer null", "Bearer chk_"),
        *(f"Bearer {JWT}", f"Bearer {good}x", f"Bearer {good[:-1]}", f"Bearer {good} {good}"),
        *(f"Bearer {stolen}", f"Bearer {good.swapcase()}", f"Bearer {'x' * 100_000}"),
        f"Bearer {head}_{kind}_{key_id}_{stolen.split('_')[3]}_{stolen.split('_')[4]}",
        f"Bearer {head}_viewer_{key_id}_{secret}_{good.split('_')[4]}",
        f"Bearer {ended.text}",
        "Bearer chv1.W10.AAAA",
    ]
    details = set()
    for given in hostile:
        answer = await here.client.get("/v1/sessions", headers={"authorization": given})
        status = 403 if "chv1" in given else 401
        details.add(told(answer, status)["detail"])
    assert len(details) == 3  # send one; this one is not good; a vote token is for one vote


async def test_a_key_is_taken_from_one_place_only(here: Fleet) -> None:
    """What other places hold ends up in logs and in the hands of pages."""
    good = here.keys["operator"].text
    attempts: list[dict[str, Any]] = [
        {"params": {"key": good, "token": good, "api_key": good, "access_token": good}},
        {"headers": {"x-api-key": good, "x-auth-token": good}},
        {"headers": {"cookie": f"authorization=Bearer {good}; token={good}"}},
        {"headers": {"proxy-authorization": f"Bearer {good}"}},
    ]
    for attempt in attempts:
        told(await here.client.get("/v1/sessions", **attempt), 401, "unauthenticated")


async def test_headers_of_a_gateway_say_nothing_here(here: Fleet) -> None:
    """Neither who is there without a key, nor somebody else with one."""
    forged = {
        *("x-auth-subject", "x-auth-user", "x-auth-email", "x-forwarded-user", "x-user-id"),
        *("x-tenant", "x-tenant-id", "x-forwarded-for", "x-agent-authorization", "x-agent"),
    }
    headers = dict.fromkeys(forged, "elsewhere") | {"x-auth-mode": "jwt"}
    told(await here.client.get("/v1/sessions", headers=headers), 401, "unauthenticated")
    made = unique("s")
    body = {"messages": [{"role": "user", "content": "hi"}]}
    path = f"/v1/sessions/{made}"
    assert (await here.send("agent", "PUT", path, body, **headers)).status_code == 200
    seen = (await here.send("operator", "GET", f"{path}/summary", **headers)).json()
    assert (seen["agent"], seen["user"]) == ("a", None)
    told(await here.send("foreign", "GET", path, **headers), 404, "not_found")


async def test_a_path_names_nobody_else(here: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    """The agent in it is the key's, or the answer is 403; and a viewer's key is no agent's.

    The log says whose key it was, and nothing of its secret.
    """
    caplog.set_level(logging.INFO, "commonhold.access")
    assert (await here.send("agent", "GET", "/a/a/v1/sessions")).status_code == 200
    for who in ("other", "operator", "viewer", "platform-admin"):
        told(await here.send(who, "GET", "/a/a/v1/sessions"), 403, "forbidden")
    line = lines(caplog)[0]
    assert (line["agent"], line["key_id"]) == ("a", here.keys["agent"].key.key_id)
    assert here.keys["agent"].text not in caplog.text + str(lines(caplog))


async def test_who_follows_a_log_is_let_go_with_its_key(here: Fleet) -> None:
    """What is said after a key was revoked is not told to who opened the stream with it."""
    path, body = f"/v1/sessions/{unique('s')}", {"messages": [{"role": "user", "content": "one"}]}
    await here.send("agent", "POST", f"{path}/messages", body)
    guest = await here.key(NewKey("agent", "guest"))
    headers = {"authorization": f"Bearer {guest.text}"}
    transport = StreamingTransport(here.app)
    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://localhost:8080") as client,
        client.stream("GET", f"{path}/events?after=0", headers=headers) as answer,
    ):
        lines = answer.aiter_lines()
        async for line in lines:
            if "one" in line:
                break
        await here.send("operator", "DELETE", f"/v1/keys/{guest.key.key_id}")
        body["messages"][0]["content"] = "two"
        await here.send("agent", "POST", f"{path}/messages", body)
        rest = [line async for line in lines]
    assert not any("two" in line for line in rest)


async def test_a_vote_token_is_given_in_the_name_of_a_key(here: Fleet) -> None:
    """Whoever holds it gives that vote, and opens nothing else."""
    asked = {"session_id": unique("s"), "turn": 0}
    for who, agent in (("agent", "a"), ("feedback-ingest", None)):
        made = await here.send(who, "POST", "/v1/feedback/tokens", asked)
        assert made.status_code == 201, made.text
        headers = {"authorization": f"Bearer {made.json()['token']}"}
        voted = await here.client.post("/v1/feedback", json={"rating": 1}, headers=headers)
        assert voted.status_code == 201, voted.text
        path = f"/v1/feedback/{voted.json()['feedback_id']}"
        assert (await here.send("operator", "GET", path)).json()["agent"] == agent
        told(await here.client.get("/v1/sessions", headers=headers), 403, "forbidden")
    told(await here.send("viewer", "POST", "/v1/feedback/tokens", asked), 403, "forbidden")
