"""The routes of sessions, as contracts 1.3 has them and what was added beside."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.http.problems import fields, told

HELLO = {"role": "user", "content": "hello", "id": "msg_1"}
REPLY = {"role": "assistant", "content": "hi", "id": "msg_2"}
WHOLE = {"Prefer": "return=representation"}


async def save(client: httpx2.AsyncClient, key: str, *messages: dict[str, Any]) -> None:
    """Put a message list."""
    response = await client.put(f"/v1/sessions/{key}", json={"messages": list(messages)})
    assert response.status_code == 200, response.text


async def test_create_answers_201_with_the_id_alone(client: httpx2.AsyncClient) -> None:
    """An empty body, an empty object and a chosen id are all fine."""
    empty = await client.post("/v1/sessions")
    blank = await client.post("/v1/sessions", json={})
    chosen = await client.post("/v1/sessions", json={"session_id": "my-id_1", "unknown": 1})

    assert [empty.status_code, blank.status_code, chosen.status_code] == [201, 201, 201]
    assert list(empty.json()) == list(blank.json()) == ["session_id"]
    assert chosen.json() == {"session_id": "my-id_1"}


async def test_create_keeps_what_was_chosen(client: httpx2.AsyncClient) -> None:
    """The whole session comes back when it is asked for."""
    body = {
        "title": "Rain",
        "metadata": {"channel": "web", "n": 1.50},
        "parent_session_id": "sess_0",
        "forked_at_message_id": "msg_9",
        "permission_scope_active": "read",
    }
    created = await client.post("/v1/sessions", json=body, headers=WHOLE)
    state = await client.get(f"/v1/sessions/{created.json()['session_id']}/state")

    assert created.status_code == 201
    assert created.headers["preference-applied"] == "return=representation"
    assert created.headers["etag"] == '"0"'
    kept = {name: created.json()[name] for name in body if name != "permission_scope_active"}
    assert kept == {name: body[name] for name in kept}
    assert state.json()["state"] == {"permission_scope_active": "read"}


async def test_a_taken_id_is_409(client: httpx2.AsyncClient) -> None:
    """Creating twice tells that the id is taken."""
    await client.post("/v1/sessions", json={"session_id": "s"})

    again = await client.post("/v1/sessions", json={"session_id": "s"})

    assert told(again, 409, "conflict")["detail"].startswith("Session s already exists")


async def test_create_refuses_null_and_bad_ids(client: httpx2.AsyncClient) -> None:
    """422 names the field."""
    null = await client.post("/v1/sessions", content=b"null")
    bad = await client.post("/v1/sessions", json={"session_id": "a b"})

    told(null, 422, "invalid_request")
    assert fields(bad) == [["body", "session_id"]]


async def test_put_creates_and_get_returns_the_very_messages(client: httpx2.AsyncClient) -> None:
    """The text of a message passes through untouched, number spelling and all."""
    message = '{"role": "user",  "n": 1.0, "big": 12345678901234567890, "u": "\\u00e9é"}'
    saved = await client.put("/v1/sessions/s", content=f'{{"messages": [{message}]}}')
    found = await client.get("/v1/sessions/s")

    assert saved.status_code == 200
    assert saved.json() == {"session_id": "s", "saved": True}
    assert saved.headers["etag"] == found.headers["etag"] == '"1"'
    assert found.text == f'{{"session_id":"s","messages":[{message}]}}'
    assert list(found.json()) == ["session_id", "messages"]


async def test_put_takes_an_empty_object_as_an_empty_list(client: httpx2.AsyncClient) -> None:
    """Old clients send it."""
    saved = await client.put("/v1/sessions/s", json={})

    assert saved.status_code == 200
    assert (await client.get("/v1/sessions/s")).json() == {"session_id": "s", "messages": []}


async def test_put_takes_ids_that_create_would_not(client: httpx2.AsyncClient) -> None:
    """Agents use event keys and addresses as session ids."""
    for key in ("user@example.org", "a b", "arn:aws:x", "été", "%41"):
        path = f"/v1/sessions/{quote(key, safe='')}"
        assert (await client.put(path, json={"messages": [HELLO]})).status_code == 200
        assert (await client.get(path)).json()["session_id"] == key


async def test_put_tells_what_it_did_when_asked(client: httpx2.AsyncClient) -> None:
    """`Prefer: return=representation` gives the counts."""
    written = await client.put("/v1/sessions/s", json={"messages": [HELLO]}, headers=WHOLE)

    assert written.json() == {
        "session_id": "s",
        "version": 1,
        "message_count": 1,
        "first_seq": 1,
        "last_seq": 1,
        "superseded": 0,
        "kept": 0,
    }


async def test_if_match_must_name_the_current_version(client: httpx2.AsyncClient) -> None:
    """A stale version is 412 and changes nothing; the current one replaces exactly."""
    await save(client, "s", HELLO, REPLY)
    stale = await client.put("/v1/sessions/s", json={"messages": []}, headers={"If-Match": '"7"'})
    fresh = await client.put(
        "/v1/sessions/s", json={"messages": [REPLY]}, headers={"If-Match": '"1"'}
    )

    assert told(stale, 412, "stale_version")["current_version"] == 1
    assert fresh.status_code == 200
    assert (await client.get("/v1/sessions/s")).json()["messages"] == [REPLY]


@pytest.mark.parametrize("tag", ["*", '"1", "2"', "abc", '"-1"', '"99999999999999999999"', ""])
async def test_an_if_match_that_names_no_version_is_422(
    client: httpx2.AsyncClient, tag: str
) -> None:
    """Rather than written without the condition."""
    answer = await client.put("/v1/sessions/s", json={"messages": []}, headers={"If-Match": tag})

    assert fields(answer) == [["header", "If-Match"]]


async def test_replace_makes_the_list_exactly_this(client: httpx2.AsyncClient) -> None:
    """What is left out of an exact replacement leaves the live history."""
    await save(client, "s", HELLO, REPLY)
    await client.put("/v1/sessions/s?mode=replace", json={"messages": [REPLY]})
    unknown = await client.put("/v1/sessions/s?mode=x", json={"messages": []})

    assert (await client.get("/v1/sessions/s")).json()["messages"] == [REPLY]
    assert fields(unknown) == [["query", "mode"]]


async def test_patch_merges_cost_data_and_answers_with_the_messages(
    client: httpx2.AsyncClient,
) -> None:
    """By top-level key; null and absence only ask whether the session exists."""
    await save(client, "s", HELLO)
    path = "/v1/sessions/s"
    first = await client.patch(path, json={"cost_data": {"a": 1, "b": {"x": 1}}})
    await client.patch(path, json={"cost_data": {"b": {"y": 2}}})
    null = await client.patch(path, json={"cost_data": None})
    absent = await client.patch(path, json={})
    asked = await client.patch(path, json={}, headers=WHOLE)

    assert first.json() == null.json() == absent.json() == {"session_id": "s", "messages": [HELLO]}
    assert asked.json() == {"session_id": "s", "cost_data": {"a": 1, "b": {"y": 2}}}
    assert (await client.get(f"{path}/cost_data")).json() == asked.json()


async def test_saving_never_resets_cost_data(client: httpx2.AsyncClient) -> None:
    """The two are written apart."""
    await save(client, "s", HELLO)
    await client.patch("/v1/sessions/s", json={"cost_data": {"a": 1}})
    await save(client, "s", HELLO, REPLY)

    assert (await client.get("/v1/sessions/s/cost_data")).json()["cost_data"] == {"a": 1}


async def test_head_asks_whether_a_session_exists(client: httpx2.AsyncClient) -> None:
    """200 or 404, and never a body."""
    await save(client, "s", HELLO)
    found = await client.head("/v1/sessions/s")
    missing = await client.head("/v1/sessions/t")

    assert (found.status_code, found.content, found.headers["etag"]) == (200, b"", '"1"')
    assert (missing.status_code, missing.content) == (404, b"")


async def test_head_is_answered_wherever_get_is(client: httpx2.AsyncClient) -> None:
    """With the length of what GET would send."""
    await save(client, "s", HELLO)
    for path in ("/v1/sessions", "/v1/sessions/s/summary", "/v1/sessions/s/cost_data"):
        got, headed = await client.get(path), await client.head(path)
        assert headed.status_code == 200
        assert headed.content == b""
        assert headed.headers["content-length"] == str(len(got.content))


async def test_delete_removes_and_says_so(client: httpx2.AsyncClient) -> None:
    """200 with a body, then 404."""
    await save(client, "s", HELLO)
    gone = await client.delete("/v1/sessions/s")
    again = await client.delete("/v1/sessions/s")

    removed = {"messages": 1, "events": 0, "participants": 1, "lease": False, "state": False}
    assert (gone.status_code, gone.json()) == (200, {"deleted": True, "removed": removed})
    told(again, 404, "not_found")


async def test_state_is_merged_by_key(client: httpx2.AsyncClient) -> None:
    """As the agents' adapter needs it."""
    await save(client, "s", HELLO)
    patched = await client.patch("/v1/sessions/s/state", json={"state": {"pending": "q", "n": 1}})
    await client.patch("/v1/sessions/s/state", json={"state": {"pending": None}})
    found = await client.get("/v1/sessions/s/state")

    assert patched.json() == {"session_id": "s", "state": {"pending": "q", "n": 1}}
    assert found.json() == {"session_id": "s", "state": {"pending": None, "n": 1}}


@pytest.mark.parametrize("body", [{}, {"state": None}, {"state": []}, {"state": "x"}])
async def test_a_state_must_be_an_object(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    """Anything else is 422."""
    await save(client, "s", HELLO)

    told(await client.patch("/v1/sessions/s/state", json=body), 422)


async def test_usage_tells_tokens_and_dollars(client: httpx2.AsyncClient) -> None:
    """In the shape of the agent server's own route."""
    await save(client, "s", HELLO)
    cost = {"model": "gpt-4o", "input_tokens": 2000, "output_tokens": 100, "turn_count": 1}
    await client.patch("/v1/sessions/s", json={"cost_data": cost})
    usage = (await client.get("/v1/sessions/s/usage")).json()

    assert list(usage) == [
        "session_id",
        "model",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "turn_count",
        "cost_usd",
        "pricing",
    ]
    assert usage["cost_usd"] > 0
    assert set(usage["pricing"]) == {
        "input_per_1k",
        "output_per_1k",
        "cached_input_per_1k",
        "per_request",
    }


async def test_a_key_makes_one_session_and_one_fork(client: httpx2.AsyncClient) -> None:
    """201 with the same id, in the form that each attempt asks for; 409 for anything else."""
    once = {"Idempotency-Key": "chat-1"}
    made = [await client.post("/v1/sessions", json={}, headers=once) for _ in range(2)]
    whole = await client.post("/v1/sessions", json={}, headers={**once, **WHOLE})
    other = await client.post("/v1/sessions", json={"title": "other"}, headers=once)
    path = f"/v1/sessions/{made[0].json()['session_id']}/fork"
    forks = [await client.post(path, json={}, headers=once) for _ in range(2)]
    beyond = await client.post(path, json={"from_message_index": 1}, headers=once)

    assert [answer.status_code for answer in (*made, whole, *forks)] == [201] * 5
    assert made[0].json() == made[1].json()
    assert whole.json()["session_id"] == made[0].json()["session_id"]
    assert forks[0].json() == forks[1].json()
    told(other, 409, "conflict")
    told(beyond, 409, "conflict")


async def test_a_fork_begins_with_the_first_messages(client: httpx2.AsyncClient) -> None:
    """201 with its parent; all messages without an index; 400 outside of what there is."""
    await save(client, "s", HELLO, REPLY)
    first = await client.post("/v1/sessions/s/fork", json={"from_message_index": 1})
    whole = await client.post("/v1/sessions/s/fork")
    beyond = await client.post("/v1/sessions/s/fork", json={"from_message_index": 3})
    below = await client.post("/v1/sessions/s/fork", json={"from_message_index": -1})
    asked = await client.post("/v1/sessions/s/fork", json={}, headers=WHOLE)

    assert first.status_code == whole.status_code == asked.status_code == 201
    forked = first.json()
    assert forked == {
        "session_id": forked["session_id"],
        "parent_session_id": "s",
        "message_count": 1,
    }
    assert whole.json()["message_count"] == 2
    assert asked.json()["forked_at_message_id"] == "msg_2"
    kept = await client.get(f"/v1/sessions/{forked['session_id']}")
    assert kept.json()["messages"] == [HELLO]
    for refused in (beyond, below):
        told(refused, 400, "out_of_range")


async def test_a_revert_supersedes_the_rest(client: httpx2.AsyncClient) -> None:
    """200 with what it did, never 204; what left can still be read."""
    await save(client, "s", HELLO, REPLY)
    reverted = await client.post("/v1/sessions/s/revert", json={"to_message_index": 1})
    everything = await client.get("/v1/sessions/s/messages?include=superseded")
    beyond = await client.post("/v1/sessions/s/revert", json={"to_message_index": 2})
    unsaid = await client.post("/v1/sessions/s/revert", json={})

    assert reverted.status_code == 200
    assert (reverted.json()["message_count"], reverted.json()["superseded"]) == (1, 1)
    assert reverted.headers["etag"] == '"2"'
    assert [row["superseded_at"] is None for row in everything.json()] == [True, False]
    told(beyond, 400, "out_of_range")
    assert fields(unsaid) == [["body"]]


async def test_a_list_is_walked_along_its_links(client: httpx2.AsyncClient) -> None:
    """Newest first, each once, with the filters kept; the last page has no link."""
    for n in range(5):
        await client.post("/v1/sessions", json={"session_id": f"s{n}"})
    url, seen = "/v1/sessions?limit=2&since=2020-01-01T00%3A00%3A00%2B00%3A00&offset=0", []
    while url:
        page = await client.get(url)
        assert page.status_code == 200, page.text
        seen += [item["session_id"] for item in page.json()]
        url = str(client.base_url.join(page.links["next"]["url"])) if "next" in page.links else ""
        assert not url or ("since=2020" in url and "offset" not in url)

    assert seen == ["s4", "s3", "s2", "s1", "s0"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=1.0",
        "limit=",
        "limit=1&limit=2",
        "limit=99999999999999999999999999",
        "offset=-1",
        "offset=99999999999999999999999999",
        "cursor=nonsense",
        "since=yesterday",
        "until=2026-13-01T00:00:00Z",
        "agent=%00",
        "agent=%ff",
    ],
)
async def test_a_bad_filter_is_422_and_named(client: httpx2.AsyncClient, query: str) -> None:
    """Whatever is wrong with it."""
    answer = await client.get(f"/v1/sessions?{query}")

    assert fields(answer)[0][-1] == query.partition("=")[0]
    told(answer, 422)


FORGED: list[Any] = [
    [10**30, "x"],
    [-(10**30), "x"],
    [1, "a\0b"],
    [1.5, "x"],
    ["1", "x"],
    [1],
    {"a": 1},
    None,
]


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/traces", "/v1/feedback"])
@pytest.mark.parametrize("inside", FORGED, ids=str)
async def test_a_forged_cursor_is_422(client: httpx2.AsyncClient, path: str, inside: Any) -> None:
    """Also when it holds what no database could compare."""
    forged = base64.urlsafe_b64encode(json.dumps(inside).encode()).decode().rstrip("=")

    assert fields(await client.get(f"{path}?cursor={forged}")) == [["query", "cursor"]]


async def test_messages_come_in_order_and_in_pages(client: httpx2.AsyncClient) -> None:
    """`after` is the last sequence of the page before."""
    await save(client, "s", HELLO, REPLY, {"role": "user", "content": "x", "id": "msg_3"})
    first = await client.get("/v1/sessions/s/messages?limit=2")
    rest = await client.get(str(client.base_url.join(first.links["next"]["url"])))

    assert [row["seq"] for row in first.json()] == [1, 2]
    assert "after=2" in first.links["next"]["url"]
    assert [row["id"] for row in rest.json()] == ["msg_3"]
    assert "next" not in rest.links
    assert first.json()[0]["message"] == HELLO


async def test_a_summary_has_no_messages(client: httpx2.AsyncClient) -> None:
    """It is what lists show."""
    await save(client, "s", HELLO)
    summary = await client.get("/v1/sessions/s/summary")

    assert summary.json()["message_count"] == 1
    assert "messages" not in summary.json()
    assert summary.headers["etag"] == '"1"'
    [listed] = (await client.get("/v1/sessions")).json()
    assert {**listed, "open_tool_calls": []} == summary.json()


MISSING: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"cost_data": {"a": 1}}),
    ("PATCH", "", {}),
    ("DELETE", "", None),
    ("GET", "/cost_data", None),
    ("GET", "/summary", None),
    ("GET", "/messages", None),
    ("GET", "/state", None),
    ("PATCH", "/state", {"state": {}}),
    ("GET", "/usage", None),
    ("POST", "/fork", {}),
    ("POST", "/revert", {"to_message_index": 0}),
]
ODD_KEYS = ["nobody", "a%3Fb", "a%00b", "a" * 129, "%20", "a%23b", "a%0Ab", "%F0%9F%92%A5", "..."]


@pytest.mark.parametrize(("method", "tail", "body"), MISSING)
async def test_an_unknown_session_is_404(
    client: httpx2.AsyncClient, method: str, tail: str, body: Any
) -> None:
    """Also when its id could never have been stored."""
    content = None if body is None else json.dumps(body)
    for key in ODD_KEYS:
        answer = await client.request(method, f"/v1/sessions/{key}{tail}", content=content)
        told(answer, 404, "not_found")


@pytest.mark.parametrize("key", ["a%3Fb", "a%00b", "a" * 129, "a%23b", "a%0Ab", "a%5Cb"])
async def test_an_id_that_cannot_be_stored_is_not_written(
    client: httpx2.AsyncClient, key: str
) -> None:
    """422, and nothing is there afterwards."""
    told(await client.put(f"/v1/sessions/{key}", json={"messages": [HELLO]}), 422)
    assert (await client.get("/v1/sessions")).json() == []


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sessions/s", "/v1/sessions/s/cost_data"])
async def test_a_trailing_slash_changes_nothing(client: httpx2.AsyncClient, path: str) -> None:
    """Neither a redirect nor a different answer."""
    await save(client, "s", HELLO)
    plain, slashed = await client.get(path), await client.get(f"{path}/")

    assert plain.status_code == slashed.status_code == 200
    assert plain.content == slashed.content


async def test_no_answer_may_be_cached(client: httpx2.AsyncClient) -> None:
    """Conversations are nobody else's business."""
    answers = [await client.get("/v1/sessions"), await client.get("/v1/sessions/nobody")]

    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
