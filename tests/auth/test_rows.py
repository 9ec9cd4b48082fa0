"""Read together, write only as yourself: which rows a key reaches, over HTTP on both databases."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.auth.fleet import Fleet, unique
from tests.http.problems import told

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGENT, OTHER = "agent", "other"
"""Whose keys are those of agent `a` and agent `b`."""


def said(*texts: str) -> dict[str, Any]:
    """A body of messages."""
    return {"messages": [{"role": "user", "content": text, "id": text} for text in texts]}


async def ok(answer: httpx2.Response) -> Any:
    """What a request was answered, which went well."""
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


async def same(here: Fleet, who: str, path: str, there: str, absent: str) -> None:
    """What is not visible and what is absent cannot be told apart, but by the id that was asked for."""
    seen = []
    for ident in (there, absent):
        answer = await here.send(who, "GET", path.format(ident), x_request_id="r")
        told(answer, 404, "not_found")
        headers = {
            name: value for name, value in answer.headers.items() if name != "content-length"
        }
        seen.append((answer.text.replace(ident, "ID"), headers))
    assert seen[0] == seen[1]


async def test_agents_share_sessions_and_keep_each_others_messages(here: Fleet) -> None:
    """Any agent reads and appends; a list that leaves out what others said removes nothing of it."""
    path = f"/v1/sessions/{unique('s')}"
    await ok(await here.send(AGENT, "PUT", path, said("a1", "a2")))
    await ok(await here.send(OTHER, "POST", f"{path}/messages", said("b1")))
    replaced = await ok(await here.send(OTHER, "PUT", f"{path}?mode=replace", said("b2")))
    assert replaced["saved"]
    log = await ok(await here.send("operator", "GET", f"{path}/messages"))
    live = [(each["agent"], each["message"]["content"]) for each in log]
    assert live == [("a", "a1"), ("a", "a2"), ("b", "b2")]
    listed = await ok(await here.send(OTHER, "GET", "/v1/sessions?limit=200"))
    assert path.rpartition("/")[2] in {each["session_id"] for each in listed}


async def test_only_who_holds_a_session_hands_it_on_and_only_its_owner_removes_it(
    here: Fleet,
) -> None:
    """403: it is there to be read. An operator removes it too, and writes nothing into it."""
    path = f"/v1/sessions/{unique('s')}"
    await ok(await here.send(AGENT, "PUT", path, said("a1")))
    told(await here.send(OTHER, "POST", f"{path}/handoff", {"to_agent": "b"}), 403, "forbidden")
    told(await here.send(OTHER, "DELETE", path), 403, "forbidden")
    told(await here.send("operator", "POST", f"{path}/messages", said("o")), 403, "forbidden")
    await ok(await here.send(AGENT, "POST", f"{path}/handoff", {"to_agent": "b"}))
    await ok(await here.send(OTHER, "POST", f"{path}/handoff", {"to_agent": "c"}))
    told(await here.send(OTHER, "DELETE", path), 403, "forbidden")
    told(await here.send("agent-obo", "DELETE", path, x_on_behalf_of="ada"), 403, "forbidden")
    assert len((await ok(await here.send(OTHER, "GET", path)))["messages"]) == 1
    await ok(await here.send(AGENT, "DELETE", path))
    again = f"/v1/sessions/{unique('s')}"
    await ok(await here.send(AGENT, "PUT", again, said("a1")))
    await ok(await here.send("operator", "DELETE", again))
    told(await here.send(AGENT, "DELETE", again), 404, "not_found")


async def test_an_agent_sees_traces_that_it_had_a_part_in(here: Fleet) -> None:
    """One by one, in lists, in timelines, and in what agents did; an operator sees all of them."""
    session, mine, theirs = unique("s"), unique("t"), unique("t")
    await ok(await here.send(AGENT, "PUT", f"/v1/sessions/{session}", said("a1")))
    for who, trace_id in ((AGENT, mine), (OTHER, theirs)):
        body = {"trace_id": trace_id, "session_id": session, "started_at": "2026-01-01T00:00:00Z"}
        spans = [{"span_id": f"{trace_id}-1", "name": "work", "start_time": 1, "end_time": 2}]
        await ok(await here.send(who, "POST", "/v1/traces", {**body, "spans": spans}))
    for who, seen in ((AGENT, {mine}), (OTHER, {theirs}), ("operator", {mine, theirs})):
        listed = await ok(await here.send(who, "GET", f"/v1/traces?session_id={session}"))
        whole = await ok(await here.send(who, "GET", f"/v1/sessions/{session}/traces"))
        moments = await ok(await here.send(who, "GET", f"/v1/sessions/{session}/timeline"))
        told_of = {each["trace"]["trace_id"] for each in moments if each["kind"] == "trace"}
        for found in (listed, whole):
            assert {each["trace_id"] for each in found} == seen
        assert told_of == seen
    assert (await ok(await here.send(AGENT, "GET", f"/v1/traces/{mine}")))["trace_id"] == mine
    await same(here, AGENT, "/v1/traces/{}", theirs, unique("t"))
    await same(here, AGENT, f"/v1/sessions/{session}/traces?after_trace_id={{}}", theirs, "x" * 14)
    did = await ok(await here.send(AGENT, "GET", "/v1/agents?since=2020-01-01T00:00:00Z"))
    assert {each["agent"] for each in did} == {"a"}
    assert await ok(await here.send(AGENT, "GET", "/v1/agents?agent=b")) == []
    told(await here.send("ingest", "GET", f"/v1/traces/{mine}"), 403, "forbidden")


async def test_spans_are_of_the_agent_whose_key_they_came_with(here: Fleet) -> None:
    """Whatever name they carry themselves."""
    names = [("gen_ai.agent.name", "b"), ("service.name", "b"), ("gen_ai.operation.name", "chat")]
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in names]
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "chat", "attributes": attributes}
    span |= {"startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225601000000000"}
    resource = {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}
    await ok(await here.send("ingest", "POST", "/v1/traces", {"resourceSpans": [resource]}))
    [kept] = await ok(await here.send("operator", "GET", "/v1/traces?agent=a&status=ok&kind=llm"))
    assert kept["agents"] == ["a"]
    whole = await ok(await here.send("operator", "GET", f"/v1/traces/{'ab' * 16}"))
    assert [each["agent"] for each in whole["spans"]] == ["a"]


async def test_an_agent_sees_votes_on_its_answers_and_changes_only_its_own(here: Fleet) -> None:
    """What others wrote is absent for it, when it reads and when it changes."""
    session = unique("s")
    about = {"session_id": session, "turn_index": 0, "rating": 1}
    made = {
        who: (await ok(await here.send(who, "POST", "/v1/feedback", about)))["feedback_id"]
        for who in (AGENT, OTHER)
    }
    for who, other in ((AGENT, OTHER), (OTHER, AGENT)):
        listed = await ok(await here.send(who, "GET", f"/v1/feedback?session_id={session}"))
        assert {each["feedback_id"] for each in listed} == {made[who]}
        path = f"/v1/feedback/{made[who]}"
        assert (await ok(await here.send(who, "PATCH", path, {"comment": "c"})))["comment"] == "c"
        told(await here.send(who, "DELETE", path), 403, "forbidden")
        for kind in ("feedback", "scores"):
            await same(here, who, f"/v1/{kind}/{{}}", made[other], f"fb_{'0' * 16}")
            hidden = f"/v1/{kind}/{made[other]}"
            told(await here.send(who, "PATCH", hidden, {"comment": "x"}), 404, "not_found")
    counted = await ok(await here.send(AGENT, "GET", "/v1/scores/stats?group_by=agent&window=day"))
    assert {each["group"] for each in counted} <= {"a"}
    everyone = await ok(await here.send("viewer", "GET", f"/v1/feedback?session_id={session}"))
    assert {each["feedback_id"] for each in everyone} == set(made.values())
    for which in made.values():
        await ok(await here.send("operator", "DELETE", f"/v1/feedback/{which}"))


async def test_a_viewer_learns_that_something_was_said_and_not_what(here: Fleet) -> None:
    """Neither by reading, nor by searching, nor by asking what a vote was about."""
    session = unique("s")
    path = f"/v1/sessions/{session}"
    await ok(await here.send(AGENT, "PUT", path, said("secretword")))
    answer = {"messages": [{"role": "assistant", "content": "secretword"}]}
    await ok(await here.send(AGENT, "POST", f"{path}/messages", answer))
    vote = {"session_id": session, "turn_index": 0, "rating": 1}
    await ok(await here.send(AGENT, "POST", "/v1/feedback", vote))
    for asked in (
        *(path, f"{path}/messages", f"{path}/state", f"{path}/timeline", f"{path}/events"),
        *("/v1/sessions?q=secretword", "/v1/traces?q=secretword", "/v1/feedback/export"),
        *("/v1/feedback?expand=turn", "/v1/scores?expand=turn", "/v1/traces?attributes={}"),
    ):
        told(await here.send("viewer", "GET", asked), 403, "forbidden")
    for asked in (
        *("/v1/sessions?limit=200", f"{path}/summary", f"{path}/usage", f"{path}/participants"),
        *("/v1/feedback", "/v1/scores", "/v1/traces", f"{path}/cost_data"),
    ):
        seen = await here.send("viewer", "GET", asked)
        assert (seen.status_code, "secretword" in seen.text) == (200, False), asked
    exported = await here.send("operator", "GET", "/v1/feedback/export?shape=turns")
    assert (exported.status_code, "secretword" in exported.text) == (200, True)


async def test_another_tenant_has_nothing_here(here: Fleet) -> None:
    """An agent of the same name in it sees none of it, and may use the same ids for its own."""
    session, trace_id = unique("s"), unique("t")
    await ok(await here.send(AGENT, "PUT", f"/v1/sessions/{session}", said("ours")))
    trace = {"trace_id": trace_id, "started_at": "2026-01-01T00:00:00Z", "spans": []}
    await ok(await here.send(AGENT, "POST", "/v1/traces", trace))
    vote = await ok(await here.send(AGENT, "POST", "/v1/feedback", {"rating": 1}))
    await same(here, "foreign", "/v1/sessions/{}", session, unique("s"))
    await same(here, "foreign", "/v1/traces/{}", trace_id, unique("t"))
    await same(here, "foreign", "/v1/feedback/{}", vote["feedback_id"], f"fb_{'0' * 16}")
    told(await here.send("foreign", "DELETE", f"/v1/sessions/{session}"), 404, "not_found")
    for listed in ("sessions", "traces", "feedback", "scores", "agents"):
        assert await ok(await here.send("foreign", "GET", f"/v1/{listed}")) == []
    await ok(await here.send("foreign", "PUT", f"/v1/sessions/{session}", said("theirs")))
    kept = await ok(await here.send(AGENT, "GET", f"/v1/sessions/{session}"))
    assert [message["content"] for message in kept["messages"]] == ["ours"]


async def test_keys_are_made_listed_replaced_and_ended_over_http(here: Fleet) -> None:
    """The secret is in one answer, and in no other; a key makes no keys of more rights than its own."""
    made = await ok(
        await here.send("operator", "POST", "/v1/keys", {"preset": "agent", "agent": "z"})
    )
    assert made["key"].startswith(f"chk_agent_{made['key_id']}_")
    headers = {"authorization": f"Bearer {made['key']}"}
    assert (await here.client.get("/v1/sessions", headers=headers)).status_code == 200
    path = f"/v1/keys/{made['key_id']}"
    body = {"days": 30, "overlap_days": 0}
    after = await ok(await here.send("operator", "POST", f"{path}/rotate", body))
    assert after["replaces"] == made["key_id"]
    told(await here.client.get("/v1/sessions", headers=headers), 401, "unauthenticated")
    ended = await ok(await here.send("operator", "DELETE", f"/v1/keys/{after['key_id']}"))
    assert ended["state"] == "revoked"
    listed = await here.send("operator", "GET", "/v1/keys")
    secrets = [made["key"], after["key"], *(issued.text for issued in here.keys.values())]
    assert not any(secret.split("_")[3] in listed.text for secret in secrets)
    states = {each["key_id"]: each["state"] for each in listed.json()}
    assert (states[made["key_id"]], states[after["key_id"]]) == ("expired", "revoked")
    assert here.keys["foreign"].key.key_id not in states
    admin = {"preset": "platform-admin"}
    told(await here.send("operator", "POST", "/v1/keys", admin), 403, "forbidden")
    await ok(await here.send("platform-admin", "POST", "/v1/keys", admin))
    bad = {"preset": "agent"}
    assert told(await here.send("operator", "POST", "/v1/keys", bad), 422)["errors"][0]["loc"] == [
        "body",
        "agent",
    ]
    told(await here.send("operator", "DELETE", "/v1/keys/absent"), 404, "not_found")
