"""Webhooks through a service are those of its database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from commonhold import NotFound, client, sql
from commonhold.client.stores import HttpBackend
from commonhold.contract.stores import Stores
from commonhold.http import Extras, create_app
from commonhold.model.webhook import (
    Conditions,
    DeliveryQuery,
    NewWebhook,
    Ratio,
    Webhook,
    WebhookPatch,
)
from commonhold.sql import SqlBackend

NEW = (
    NewWebhook("https://a.example/?b=c", Conditions(rating="down", agent="a1", source="human")),
    NewWebhook("https://b.example/", Conditions(ratio=Ratio(0.8, 20, "day")), enabled=False),
    NewWebhook("https://c.example/", Conditions(name="tone", label="rude", value_below=-0.5)),
)


@pytest.fixture
async def database() -> AsyncIterator[SqlBackend]:
    """A database in this process."""
    async with await sql.open_backend("sqlite:///:memory:") as backend:
        yield backend


@pytest.fixture
async def remote(database: SqlBackend) -> AsyncIterator[HttpBackend]:
    """Our own client, through our own service, to it."""
    extras = Extras(webhooks=lambda scope: database.bind(scope).webhooks)
    app = create_app(Stores.on(database), extras=extras)
    backend = client.open_backend("http://localhost", transport=httpx2.ASGITransport(app=app))
    yield backend
    await backend.aclose()


async def test_a_service_keeps_webhooks_as_its_database_does(
    database: SqlBackend, remote: HttpBackend
) -> None:
    """Every field arrives there and comes back, and a secret comes once."""
    made = [await remote.webhooks.create(new) for new in NEW]
    for new, webhook in zip(NEW, made, strict=True):
        assert NewWebhook(webhook.url, webhook.conditions, webhook.enabled) == new
        assert webhook.secret
    kept = await database.webhooks.list()
    assert kept == await remote.webhooks.list() == tuple(replace(m, secret=None) for m in made)

    [first, second, _] = kept
    patched = await remote.webhooks.patch(second.webhook_id, WebhookPatch(enabled=True))
    assert (patched.enabled, patched.url, patched.conditions) == (True, *_said(second))
    moved = WebhookPatch("https://d.example/", NEW[2].conditions)
    assert _said(await remote.webhooks.patch(first.webhook_id, moved)) == _said(moved)
    assert await remote.webhooks.get(first.webhook_id) == await database.webhooks.get(
        first.webhook_id
    )
    await remote.webhooks.delete(first.webhook_id)
    assert len(await database.webhooks.list()) == 2


async def test_deliveries_through_a_service_are_those_of_its_database(
    database: SqlBackend, remote: HttpBackend
) -> None:
    """Page by page, and each can be sent again."""
    hook = (await remote.webhooks.create(NEW[0])).webhook_id
    tests = [await remote.webhooks.test(hook) for _ in range(3)]
    query = DeliveryQuery("pending", limit=2)
    first = await remote.webhooks.deliveries(hook, query)
    rest = await remote.webhooks.deliveries(hook, replace(query, cursor=first.cursor))
    assert (first.items + rest.items, rest.cursor) == (
        (await database.webhooks.deliveries(hook)).items,
        None,
    )
    assert {each.delivery_id for each in first.items + rest.items} == {
        each.delivery_id for each in tests
    }
    again = await remote.webhooks.retry(hook, tests[0].delivery_id)
    assert again.due_at > tests[0].due_at


@pytest.mark.parametrize("webhook_id", ["none", "a/b", ""])
async def test_what_is_not_there_is_not_found(remote: HttpBackend, webhook_id: str) -> None:
    """Whatever is asked of it."""
    webhooks = remote.webhooks
    for ask in (
        webhooks.get(webhook_id),
        webhooks.patch(webhook_id, WebhookPatch(enabled=True)),
        webhooks.delete(webhook_id),
        webhooks.deliveries(webhook_id),
        webhooks.retry(webhook_id, "evt_1"),
        webhooks.test(webhook_id),
    ):
        with pytest.raises(NotFound):
            await ask


def _said(of: Webhook | WebhookPatch) -> tuple[str | None, Conditions | None]:
    return of.url, of.conditions
