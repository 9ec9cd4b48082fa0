"""The routes of scores."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.problems import fields, told


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ({"value": True}, "boolean", True),
        ({"value": 0.25}, "numeric", 0.25),
        ({"value": 1, "data_type": "boolean"}, "boolean", True),
        ({"value": "rude"}, "categorical", "rude"),
        ({"value": "rude", "data_type": "text"}, "text", "rude"),
        ({"value": {"a": [1]}}, "json", {"a": [1]}),
        ({"correction": "It rains."}, "correction", "It rains."),
        ({"comment": "Hm."}, "text", "Hm."),
        ({"label": "rude", "value_num": 3, "data_type": "categorical"}, "categorical", "rude"),
    ],
)
async def test_a_value_tells_its_type(
    client: httpx2.AsyncClient, body: Any, kind: str, value: Any
) -> None:
    """201 with the score, which reads the same afterwards."""
    made = await client.post("/v1/scores", json={"name": "n", **body})
    found = await client.get(f"/v1/scores/{made.json()['score_id']}")

    assert made.status_code == 201, made.text
    assert (made.json()["data_type"], made.json()["value"]) == (kind, value)
    assert found.json() == made.json()


@pytest.mark.parametrize(
    ("body", "field", "allowed"),
    [
        ({"value": 2, "data_type": "boolean"}, "value", "true or false"),
        ({"value": "1", "data_type": "numeric"}, "value", "a number"),
        ({"value": True, "data_type": "numeric"}, "value", "a number"),
        ({"value": 1, "data_type": "categorical"}, "value", "a text"),
        ({"value": 1e13}, "value_num", "10^12"),
        ({"value": 1, "data_type": "stars"}, "data_type", "boolean, numeric, categorical"),
        ({"value": 1, "source": "api"}, "source", "human, llm, code"),
        ({"value": 1, "turn_index": -1}, "turn_index", "from 0"),
        ({"value": 1, "message_id": "m"}, "session_id", "message_id"),
        ({"value": 1, "metadata": []}, "metadata", "object"),
        ({}, "value_num", "1 or 0"),
        ({"data_type": "text"}, "comment", "a text"),
    ],
)
async def test_a_wrong_score_is_422_and_says_what_is_allowed(
    client: httpx2.AsyncClient, body: Any, field: str, allowed: str
) -> None:
    """Alone, and in an array, where its index is named and nothing is kept."""
    alone = await client.post("/v1/scores", json=body)
    several = await client.post("/v1/scores", json=[{"value": True}, body])

    assert ["body", field] in fields(alone)
    assert ["body", 1, field] in fields(several)
    assert allowed in told(alone, 422)["detail"]
    assert "[1]" in told(several, 422)["detail"]
    assert (await client.get("/v1/scores")).json() == []


async def test_an_array_is_answered_by_an_array(client: httpx2.AsyncClient) -> None:
    """In its order; sent again with its key, it is the same."""
    body = [{"name": f"n{n}", "value": n} for n in range(3)]
    key = {"Idempotency-Key": "once"}
    first = await client.post("/v1/scores", json=body, headers=key)
    again = await client.post("/v1/scores", json=body, headers=key)

    assert [score["name"] for score in first.json()] == ["n0", "n1", "n2"]
    assert again.json() == first.json()
    assert len((await client.get("/v1/scores")).json()) == 3


async def test_a_score_is_changed_and_removed(client: httpx2.AsyncClient) -> None:
    """By either of its names, where it is a thumb."""
    made = (await client.post("/v1/scores", json={"value": True, "comment": "ok"})).json()
    one, thumb = f"/v1/scores/{made['score_id']}", f"/v1/feedback/{made['score_id']}"
    changed = await client.patch(one, json={"value": False, "comment": ""})

    assert (changed.json()["value"], changed.json()["comment"]) == (False, "")
    assert (await client.get(thumb)).json()["rating"] == -1
    assert (await client.delete(thumb)).json() == {"deleted": True}
    for path in (one, thumb):
        told(await client.get(path), 404)
        told(await client.delete(path), 404)


async def test_feedback_is_counted_in_the_new_way_when_asked(client: httpx2.AsyncClient) -> None:
    """With a zone or a group the old keys are there, and more; without, only they are."""
    for rating in (1, 1, -1):
        await client.post("/v1/feedback", json={"rating": rating, "agent_type": "a"})
    old = (await client.get("/v1/feedback/stats")).json()
    [new] = (await client.get("/v1/feedback/stats?group_by=agent_type&tz=Asia/Tokyo")).json()
    [month] = (await client.get("/v1/feedback/stats?window=month")).json()

    assert {*old[0]} <= {*new}
    assert {**old[0], "window_start": 0, "window_end": 0}.items() <= {
        **new, "window_start": 0, "window_end": 0,
    }.items()  # fmt: skip
    assert new["window_start"].endswith("15:00:00+00:00")
    assert (new["group"], new["ratio"], new["mean"]) == ("a", 2 / 3, 2 / 3)
    assert month["interval"][0] < 2 / 3 < month["interval"][1]


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("stats?window=year", "minute, hour, day, week, month"),
        ("stats?group_by=moon", "agent, agent_type, model, name, label, source, user"),
        ("stats?tz=Mars/Olympus", "known time zone"),
        ("stats?tz=../../etc/passwd", "known time zone"),
        ("stats?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "after until"),
        ("?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "after until"),
        ("?data_type=stars", "boolean, numeric"),
        ("?q=!", "words"),
    ],
)
async def test_a_bad_question_is_422_and_lists_what_is_allowed(
    client: httpx2.AsyncClient, query: str, allowed: str
) -> None:
    """Whatever is asked of scores."""
    path = f"/v1/scores{'' if query.startswith('?') else '/'}{query}"
    assert allowed in told(await client.get(path), 422)["detail"]
