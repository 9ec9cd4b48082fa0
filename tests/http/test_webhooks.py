"""Webhooks over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from commonhold.contract.stores import Stores
from commonhold.http import Extras, create_app
from commonhold.service.webhook_targets import Targets
from commonhold.service.webhooks import CheckedWebhooks
from commonhold.sql import SqlBackend
from tests.http.conftest import over

DOWN = {"url": "https://127.0.0.1/hook", "conditions": {"rating": "down"}}


@pytest.fixture
async def client(backend: SqlBackend) -> AsyncIterator[httpx2.AsyncClient]:
    """A service with webhooks, for which the loopback network is like any other."""
    targets = Targets(["127.0.0.0/8"])
    app = create_app(
        Stores.on(backend),
        extras=Extras(webhooks=lambda to: CheckedWebhooks(backend.bind(to).webhooks, targets)),
    )
    async with over(app) as made:
        yield made


async def test_a_secret_is_told_once(client: httpx2.AsyncClient) -> None:
    """By the answer that made the webhook, and by no other."""
    made = (await client.post("/a/ops/v1/webhooks", json=DOWN)).json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (made["created_by"], made["enabled"]) == ("ops", True)
    path = f"/v1/webhooks/{made['webhook_id']}"

    assert (await client.get(path)).json() == made
    assert (await client.get("/v1/webhooks")).json() == [made]
    changed = await client.patch(path, json={"enabled": False, "conditions": {"name": "tone"}})
    assert (changed.json()["enabled"], changed.json()["conditions"]) == (False, {"name": "tone"})
    for answer in (changed, await client.get("/v1/webhooks"), await client.post(f"{path}/test")):
        assert secret not in answer.text
    assert (await client.delete(path)).json() == {"deleted": True}
    assert (await client.get(path)).status_code == 404


async def test_deliveries_are_paged_and_can_be_sent_again(client: httpx2.AsyncClient) -> None:
    """By their state, newest first; the id of a delivery stands behind that of its webhook."""
    path = f"/v1/webhooks/{(await client.post('/v1/webhooks', json=DOWN)).json()['webhook_id']}"
    sent = [(await client.post(f"{path}/test")).json()["delivery_id"] for _ in range(3)]
    found: list[str] = []
    url: str | None = f"{path}/deliveries?limit=2&state=pending"
    while url:
        answer = await client.get(url)
        found += [each["delivery_id"] for each in answer.json()]
        url = answer.links.get("next", {}).get("url")

    assert sorted(found) == sorted(sent)
    assert (await client.get(f"{path}/deliveries?state=dead")).json() == []
    assert (await client.get(f"{path}/deliveries?state=lost")).status_code == 422
    for slash in ("", "/"):
        again = await client.post(f"{path}/deliveries/{sent[0]}/retry{slash}")
        assert (again.status_code, again.json()["delivery_id"]) == (200, sent[0])
    assert (await client.post(f"{path}/deliveries/none/retry")).status_code == 404
    assert (await client.get(f"{path}/deliveries/{sent[0]}/retry")).status_code == 405
    assert (await client.get(f"{path}/deliveries/{sent[0]}")).status_code == 404
    assert (await client.post(f"{path}/deliveries//retry")).status_code == 404


@pytest.mark.parametrize(
    ("change", "loc", "told"),
    [
        ({"url": "http://8.8.8.8/"}, ["body", "url"], "https"),
        ({"url": "https://10.0.0.1/"}, ["body", "url"], "COMMONHOLD_WEBHOOK_ALLOW"),
        ({"url": "https://a@127.0.0.1/"}, ["body", "url"], "without user"),
        ({"conditions": {}}, ["body", "conditions"], "rating, ratio or name"),
        ({"conditions": {"rating": "0"}}, ["body", "conditions", "rating"], "up, down"),
        (
            {"conditions": {"ratio": {"below": 0.5, "over": 1.5}}},
            ["body", "conditions"],
            "whole number",
        ),
        (
            {"conditions": {"ratio": {"below": 2, "over": 9}}},
            ["body", "conditions", "ratio"],
            "below",
        ),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx2.AsyncClient, change: dict[str, Any], loc: list[str], told: str
) -> None:
    """With what is allowed instead."""
    answer = await client.post("/v1/webhooks", json={**DOWN, **change})
    [error] = answer.json()["errors"]

    assert (answer.status_code, error["loc"]) == (422, loc)
    assert told in answer.json()["detail"]
    assert (await client.get("/v1/webhooks")).json() == []


async def test_there_are_a_hundred_at_most(client: httpx2.AsyncClient) -> None:
    """Each of them is looked at for every score."""
    for _ in range(100):
        assert (await client.post("/v1/webhooks", json=DOWN)).status_code == 201
    assert (await client.post("/v1/webhooks", json=DOWN)).status_code == 409
