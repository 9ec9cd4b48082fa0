"""The log of a session on the wire: appends, turns, repair, what happened, and how it is followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import httpx2
import pytest

from commonhold.contract.stores import Stores
from commonhold.http import HttpOptions, create_app
from commonhold.sql import SqlBackend
from tests.http.conftest import LOCAL
from tests.http.problems import fields, told
from tests.streaming import StreamingTransport

LOG = "/v1/sessions/s/messages"
LEASE = "/v1/sessions/s/lease"
HELLO = {"id": "m1", "role": "user", "content": "Hello"}
REPLY = {"id": "m2", "role": "assistant", "content": "Hi"}


@pytest.fixture
async def live(backend: SqlBackend) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that reads an answer while it is made."""
    app = create_app(Stores.on(backend), HttpOptions())
    async with httpx2.AsyncClient(transport=StreamingTransport(app), base_url=LOCAL) as made:
        yield made


async def append(
    client: httpx2.AsyncClient, *messages: Mapping[str, Any], **headers: str
) -> httpx2.Response:
    """Append to the session `s`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(LOG, json={"messages": list(messages)}, headers=named)


async def take_turn(client: httpx2.AsyncClient, **asked: Any) -> httpx2.Response:
    """Ask for the turn in the session `s`."""
    return await client.put(LEASE, json={"ttl_s": 60, **asked})


async def test_an_append_says_where_its_messages_stand(client: httpx2.AsyncClient) -> None:
    """201 with the version, as an ETag too, the sequences and the ids."""
    await append(client, HELLO)
    answer = await append(client, REPLY, {"role": "user", "content": "no id"})

    assert answer.status_code == 201
    assert answer.headers["etag"] == '"2"'
    body = answer.json()
    given = body["message_ids"][1]
    assert given
    assert body == {
        "session_id": "s",
        "version": 2,
        "first_seq": 2,
        "last_seq": 3,
        "message_ids": ["m2", given],
    }


async def test_an_idempotency_key_gets_the_same_answer_again(client: httpx2.AsyncClient) -> None:
    """Body and ETag, whoever wrote since; nothing is written twice."""
    unnamed = {"role": "user", "content": "ok"}
    first = await append(client, unnamed, unnamed, idempotency_key="turn-1")
    await append(client, HELLO)
    again = await append(client, unnamed, unnamed, idempotency_key="turn-1")

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert len((await client.get(LOG)).json()) == 3


async def test_an_idempotency_key_is_its_authors_own(service: httpx2.AsyncClient) -> None:
    """Two agents with one key are two appends, each repeatable; what both said is there."""
    body = {"messages": [{"role": "user", "content": "ok"}]}
    for _ in range(2):
        for agent in ("billing", "weather"):
            path = f"/a/{agent}{LOG}"
            answer = await service.post(path, json=body, headers={"Idempotency-Key": "turn-1"})
            assert answer.status_code == 201
    rows = (await service.get(LOG)).json()

    assert [(row["seq"], row["agent"]) for row in rows] == [(1, "billing"), (2, "weather")]


@pytest.mark.parametrize("key", ["", "a b", "x" * 101, "\u00fc"])
async def test_an_idempotency_key_is_visible_ascii(client: httpx2.AsyncClient, key: str) -> None:
    """What a header carries as it is; anything else is 422 and names the header."""
    answer = await client.post(
        LOG, json={"messages": [HELLO]}, headers={b"Idempotency-Key": key.encode("latin-1")}
    )

    assert fields(answer) == [["header", "Idempotency-Key"]]


async def test_an_append_to_a_stale_version_is_412(client: httpx2.AsyncClient) -> None:
    """With the current version in the problem; nothing was written."""
    await append(client, HELLO)
    stale = await append(client, REPLY, if_match='"7"')
    fresh = await append(client, REPLY, if_match='"1"')

    assert told(stale, 412, "stale_version")["current_version"] == 1
    assert fresh.json()["version"] == 2


async def test_create_false_makes_no_session(client: httpx2.AsyncClient) -> None:
    """404 instead, and still 404 afterwards."""
    answer = await client.post(f"{LOG}?create=false", json={"messages": [HELLO]})

    told(answer, 404, "not_found")
    assert (await client.head("/v1/sessions/s")).status_code == 404


async def test_a_row_of_the_log_tells_who_and_when(service: httpx2.AsyncClient) -> None:
    """Beside the message as it was sent; superseded ones say since when, and only when asked."""
    await service.post("/a/billing/v1/sessions/s/messages", json={"messages": [HELLO, REPLY]})
    await service.post("/a/billing/v1/sessions/s/revert", json={"to_message_index": 1})
    (live,) = (await service.get(LOG)).json()
    _, gone = (await service.get(f"{LOG}?include=superseded&agent=billing")).json()

    assert (live["seq"], live["id"], live["agent"], live["role"]) == (1, "m1", "billing", "user")
    assert live["superseded_at"] is None
    assert live["message"] == HELLO
    assert datetime.fromisoformat(gone["created_at"]) <= datetime.fromisoformat(
        gone["superseded_at"]
    )


async def test_a_held_lease_is_409_with_holder_and_expiry(client: httpx2.AsyncClient) -> None:
    """To whoever wants the turn, and to whoever writes without it."""
    turn = (await take_turn(client, holder="worker-1")).json()
    for refused in (await take_turn(client, holder="worker-2"), await append(client, HELLO)):
        problem = told(refused, 409, "lease_held")
        assert problem["holder"] == "worker-1"
        assert problem["expires_at"] == turn["expires_at"]

    assert (await append(client, HELLO, lease_token=str(turn["token"]))).status_code == 201


async def test_a_stale_token_is_409_for_ever(client: httpx2.AsyncClient) -> None:
    """Given back, it is good for nothing, also while nobody has the turn."""
    turn = (await take_turn(client)).json()
    token = {"Lease-Token": str(turn["token"])}
    renewed = await client.put(LEASE, json={"ttl_s": 90}, headers=token)
    released = await client.delete(LEASE, headers=token)

    assert renewed.json()["token"] == turn["token"]
    assert released.status_code == 200
    told(await append(client, HELLO, lease_token=str(turn["token"])), 409, "lease_ended")
    told(await client.put(LEASE, json={"ttl_s": 90}, headers=token), 409, "lease_ended")
    told(await client.delete(LEASE, headers=token), 409, "lease_ended")
    next_turn = (await take_turn(client)).json()
    assert next_turn["token"] > turn["token"]
    told(await append(client, HELLO, lease_token=str(turn["token"])), 409, "lease_ended")


async def test_a_lease_is_given_back_by_its_token(client: httpx2.AsyncClient) -> None:
    """Without one, 422 names the header."""
    await take_turn(client)

    assert fields(await client.delete(LEASE)) == [["header", "Lease-Token"]]


async def test_a_handoff_moves_the_holder_and_ends_the_turn(client: httpx2.AsyncClient) -> None:
    """201 with what was recorded."""
    await append(client, HELLO)
    token = str((await take_turn(client)).json()["token"])
    handed = await client.post(
        "/v1/sessions/s/handoff",
        json={"to_agent": "billing", "reason": "charged twice", "brief": "Refund one."},
        headers={"Lease-Token": token},
    )

    assert handed.status_code == 201
    assert (handed.json()["to_agent"], handed.json()["brief"]) == ("billing", "Refund one.")
    assert (await client.get("/v1/sessions/s/summary")).json()["holder"] == "billing"
    told(await append(client, REPLY, lease_token=token), 409, "lease_ended")


async def test_a_handoff_with_a_key_is_recorded_once(client: httpx2.AsyncClient) -> None:
    """The same answer again, though the turn it was made in is over; 409 for another handoff."""
    await append(client, HELLO)
    token = str((await take_turn(client)).json()["token"])
    headers = {"Lease-Token": token, "Idempotency-Key": "turn-1"}
    path, body = "/v1/sessions/s/handoff", {"to_agent": "billing"}
    first, again = [await client.post(path, json=body, headers=headers) for _ in range(2)]
    other = await client.post(path, json={"to_agent": "weather"}, headers=headers)
    kinds = [each["kind"] for each in (await client.get("/v1/sessions/s/timeline")).json()]

    assert (again.status_code, again.json()) == (201, first.json())
    told(other, 409, "conflict")
    assert kinds == ["message", "event", "event"]


async def test_a_repair_tells_what_it_closed(client: httpx2.AsyncClient) -> None:
    """The session showed the call as open, and shows none afterwards."""
    call = {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": "{}"}}
    await append(client, {"role": "assistant", "content": None, "tool_calls": [call]})
    before = (await client.get("/v1/sessions/s/summary")).json()["open_tool_calls"]
    repaired = (await client.post("/v1/sessions/s/repair", json={})).json()
    after = (await client.get("/v1/sessions/s/summary")).json()["open_tool_calls"]

    assert (before, after) == (["c1"], [])
    assert [(each["call_id"], each["name"]) for each in repaired["closed"]] == [("c1", "refund")]


async def test_a_timeline_is_narrowed_by_kinds(client: httpx2.AsyncClient) -> None:
    """Of everything that happened, in pages that are linked."""
    await append(client, HELLO)
    await client.post("/v1/sessions/s/handoff", json={"to_agent": "billing"})
    await client.post("/v1/feedback", json={"rating": 1, "session_id": "s"})
    path = "/v1/sessions/s/timeline"

    kinds = [moment["kind"] for moment in (await client.get(path)).json()]
    some = await client.get(f"{path}?kinds=event,feedback&limit=1")
    assert kinds == ["message", "event", "feedback"]
    assert [moment["kind"] for moment in some.json()] == ["event"]
    assert 'rel="next"' in some.headers["link"]
    assert fields(await client.get(f"{path}?kinds=nothing")) == [["query", "kinds"]]


async def test_last_event_id_goes_on_where_the_reader_was(live: httpx2.AsyncClient) -> None:
    """It counts more than `after`, which stays in the URL when a browser comes back."""
    await append(live, HELLO, REPLY, {**HELLO, "id": "m3"})
    headers = {"Last-Event-ID": "2"}
    async with live.stream("GET", "/v1/sessions/s/events?after=0", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told_of = []
        async for line in answer.aiter_lines():
            told_of += [line] if line.startswith(("id:", "event:")) else []
            if line.startswith("data:"):
                break

    assert told_of == ["id: 2", "id: 3", "event: message"]
