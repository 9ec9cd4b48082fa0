"""The routes of feedback."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.problems import fields, told

FULL = {
    "rating": -1,
    "trace_id": "t1",
    "session_id": "s1",
    "comment": "wrong",
    "correction": "right",
    "model_id": "m",
    "latency_ms": 12.5,
    "turn_index": 3,
    "agent_type": "weather",
}


async def vote(client: httpx2.AsyncClient, **body: Any) -> str:
    """Keep a vote."""
    response = await client.post("/v1/feedback", json={"rating": 1, **body})
    assert response.status_code == 201, response.text
    return str(response.json()["feedback_id"])


async def test_a_vote_is_kept_and_comes_back(client: httpx2.AsyncClient) -> None:
    """201 with the id; its turn is not there yet, and the answer says so."""
    created = await client.post("/v1/feedback", json=FULL)
    found = await client.get(f"/v1/feedback/{created.json()['feedback_id']}")

    assert created.status_code == 201
    assert list(created.json()) == ["feedback_id", "turn"]
    assert created.json()["turn"] == {"state": "pending"}
    assert {name: found.json()[name] for name in FULL} == FULL
    assert found.json()["user_id"] == "anonymous"


async def test_the_whole_record_comes_when_asked(client: httpx2.AsyncClient) -> None:
    """`Prefer: return=representation`, in whatever company."""
    for prefer in ("return=representation", "respond-async, Return=Representation; foo"):
        created = await client.post("/v1/feedback", json=FULL, headers={"Prefer": prefer})
        found = await client.get(f"/v1/feedback/{created.json()['feedback_id']}")
        assert (created.status_code, created.json()) == (201, found.json())
    alone = {"rating": 1}
    minimal = await client.post("/v1/feedback", json=alone, headers={"Prefer": "return=minimal"})
    assert list(minimal.json()) == ["feedback_id"]


async def test_a_vote_that_is_sent_again_with_its_key_is_one_vote(
    client: httpx2.AsyncClient,
) -> None:
    """Nobody knows whether the first arrived; without a key, each is a vote of its own."""
    for headers in ({"Idempotency-Key": "once"}, {}):
        sent = [await client.post("/v1/feedback", json=FULL, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [201, 201]
        assert (sent[0].json() == sent[1].json()) is bool(headers)
    assert len((await client.get("/v1/feedback")).json()) == 3
    other = await client.post(
        "/v1/feedback", json={"rating": 1}, headers={"Idempotency-Key": "once"}
    )
    assert (other.status_code, "key was used" in other.json()["detail"]) == (409, True)
    bad = await client.post("/v1/feedback", json=FULL, headers={"Idempotency-Key": "x" * 101})
    assert bad.status_code == 422


async def test_id_time_and_user_are_never_taken_from_a_body(client: httpx2.AsyncClient) -> None:
    """They are ignored, as unknown keys are."""
    key = await vote(
        client, user_id="eve", feedback_id="mine", created_at="1999-01-01T00:00:00Z", other=[]
    )
    found = (await client.get(f"/v1/feedback/{key}")).json()

    assert key != "mine"
    assert found["user_id"] == "anonymous"
    assert not found["created_at"].startswith("1999")


async def test_a_vote_on_no_trace_reads_as_a_string_that_names_none(
    client: httpx2.AsyncClient,
) -> None:
    """Old clients need a string; an empty one counts as none."""
    for body in ({}, {"trace_id": None}, {"trace_id": "", "session_id": ""}):
        key = await vote(client, **body)
        found = (await client.get(f"/v1/feedback/{key}")).json()
        assert found["trace_id"] == f"trace_none_{key}"
        assert found["session_id"] is None


WRONG: dict[str, tuple[Any, ...]] = {
    "rating": (None, True, False, "1", 1.0, 0, 2, -2, 10**30, [], {}),
    "trace_id": (5, True, [], "a/b", "a" * 129, "a\0b"),
    "session_id": (5, True, [], "a?b", "a" * 129, "a\0b"),
    "comment": (5, True, [], "x" * 65537, "a\0b"),
    "correction": (5, True, {}, "x" * 65537, "a\0b"),
    "model_id": (5, True, [], "x" * 257, "a\0b"),
    "latency_ms": ("5", True, [], -0.5),
    "turn_index": ("5", True, [], -1, 1.5, 2**31, 10**30),
    "agent_type": (5, True, [], "x" * 129, "a\0b"),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
async def test_a_wrong_field_is_422_and_named(
    client: httpx2.AsyncClient, name: str, value: Any
) -> None:
    """`true` and `"1"` are no ratings."""
    answer = await client.post("/v1/feedback", json={**FULL, name: value})

    assert fields(answer) == [["body", name]]
    told(answer, 422)
    assert (await client.get("/v1/feedback")).json() == []


async def test_a_vote_without_a_rating_is_422(client: httpx2.AsyncClient) -> None:
    """It is the one field that is needed."""
    answer = await client.post("/v1/feedback", json={"comment": "hm"})

    assert "rating" in told(answer, 422)["detail"]


async def test_a_patch_changes_what_it_names(client: httpx2.AsyncClient) -> None:
    """Null leaves a field, an empty text clears it, nothing only reads."""
    key = await vote(client, comment="good", correction="c")
    path = f"/v1/feedback/{key}"
    turned = await client.patch(path, json={"rating": -1, "comment": None})
    cleared = await client.patch(path, json={"comment": ""})
    nothing = await client.patch(path, json={})

    assert (turned.json()["rating"], turned.json()["comment"]) == (-1, "good")
    assert cleared.json()["comment"] == ""
    assert nothing.json() == cleared.json() == (await client.get(path)).json()


@pytest.mark.parametrize(
    "body", [{"rating": 0}, {"rating": True}, {"comment": 5}, {"correction": []}, [], None]
)
async def test_a_bad_patch_is_422(client: httpx2.AsyncClient, body: Any) -> None:
    """And changes nothing."""
    key = await vote(client)
    before = (await client.get(f"/v1/feedback/{key}")).json()

    told(await client.patch(f"/v1/feedback/{key}", json=body), 422)
    assert (await client.get(f"/v1/feedback/{key}")).json() == before


@pytest.mark.parametrize("key", ["nobody", "a%3Fb", "a%00b", "a" * 129])
async def test_an_unknown_record_is_404(client: httpx2.AsyncClient, key: str) -> None:
    """To read and to change."""
    told(await client.get(f"/v1/feedback/{key}"), 404, "not_found")
    told(await client.patch(f"/v1/feedback/{key}", json={"rating": 1}), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("limit=1", 1),
        ("limit=0", 1),
        ("limit=-5", 1),
        ("limit=99999999999999999999999999", 3),
        ("offset=-5", 3),
        ("offset=2", 1),
        ("offset=-99999999999999999999999999", 3),
        ("rating=-1", 1),
        ("rating=1", 2),
        ("trace_id=t2", 1),
        ("session_id=s1", 3),
        ("user_id=anonymous", 3),
        ("agent_type=other", 0),
        ("since=2020-01-01T00%3A00%3A00%2B00%3A00", 3),
        ("since=2020-01-01T00:00:00+00:00", 3),
        ("until=2020-01-01T00:00:00", 0),
        ("unknown=1", 3),
    ],
)
async def test_a_list_is_filtered_and_its_window_moved_into_range(
    client: httpx2.AsyncClient, query: str, count: int
) -> None:
    """Old clients ask for any limit and offset and get an answer."""
    for n in range(3):
        await vote(client, rating=-1 if n == 2 else 1, trace_id=f"t{n}", session_id="s1")

    assert len((await client.get(f"/v1/feedback?{query}")).json()) == count


@pytest.mark.parametrize(
    "query", ["since=x", "until=5", "rating=0", "rating=true", "limit=x", "cursor=x", "user_id=%00"]
)
async def test_a_bad_filter_is_422(client: httpx2.AsyncClient, query: str) -> None:
    """A bad date is a mistake of the caller, not of the service."""
    answer = await client.get(f"/v1/feedback?{query}")

    assert fields(answer) == [["query", query.partition("=")[0]]]


async def test_a_list_is_walked_along_its_links(client: httpx2.AsyncClient) -> None:
    """Newest first, each once."""
    made = [await vote(client, trace_id=f"t{n}") for n in range(5)]
    url, seen = "/v1/feedback?limit=2&offset=0", []
    while url:
        page = await client.get(url)
        seen += [item["feedback_id"] for item in page.json()]
        url = str(client.base_url.join(page.links["next"]["url"])) if "next" in page.links else ""

    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))


async def test_statistics_count_per_window_and_agent(client: httpx2.AsyncClient) -> None:
    """Days when nothing is said; the thumbs add up."""
    await vote(client, rating=1, agent_type="a")
    await vote(client, rating=-1, agent_type="a")
    await vote(client, rating=1, agent_type="b")
    day = (await client.get("/v1/feedback/stats")).json()
    hour = (await client.get("/v1/feedback/stats?window=hour&agent_type=a")).json()

    assert [(row["agent_type"], row["total"]) for row in day] == [("a", 2), ("b", 1)]
    assert [(row["thumbs_up"], row["thumbs_down"]) for row in hour] == [(1, 1)]
    assert day[0]["window_start"].endswith("T00:00:00+00:00")


async def test_a_bad_window_is_400(client: httpx2.AsyncClient) -> None:
    """As the agent server has it; a bad date is 422 here too."""
    told(await client.get("/v1/feedback/stats?window=year"), 400, "out_of_range")
    told(await client.get("/v1/feedback/stats?since=x"), 422)
