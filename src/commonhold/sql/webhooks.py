"""Webhooks over SQL."""

from __future__ import annotations

import base64
import secrets

from commonhold.errors import Conflict, NotFound
from commonhold.model import clock, ids, opaque, wire_webhooks
from commonhold.model.opaque import JsonText
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.model.webhook import (
    MAX_WEBHOOKS,
    Conditions,
    Delivery,
    DeliveryQuery,
    NewWebhook,
    Webhook,
    WebhookPatch,
)
from commonhold.sql.database import Database, Row, Tx, certain
from commonhold.sql.statement import statement

CREATE = statement("create_webhook")
GET = statement("get_webhook")
LIST = statement("list_webhooks")
PATCH = statement("patch_webhook")
DELETE = statement("delete_webhook")
FORGET = statement("delete_deliveries")
DELIVERIES = statement("list_deliveries")
DELIVERY = statement("get_delivery")
RETRY = statement("retry_delivery")
ADD = statement("add_deliveries")

SECRET_PREFIX = "whsec_"  # noqa: S105  (what says that a text is a secret)


class SqlWebhooks:
    """`contract.webhooks.Webhooks` on a database."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._db = database
        self._tenant = scope.tenant
        author = scope.author
        self._creator = author.user or author.agent or author.actor

    async def create(self, new: NewWebhook, /) -> Webhook:
        secret = _new_secret()

        async def unit(tx: Tx) -> Row:
            if len(await tx.all(LIST, tenant=self._tenant)) >= MAX_WEBHOOKS:
                raise Conflict(f"There are {MAX_WEBHOOKS} webhooks, which is all there may be.")
            row = await tx.one(
                CREATE,
                tenant=self._tenant,
                webhook_id=ids.new_id("hook"),
                url=new.url,
                conditions=_kept(new.conditions),
                secret=secret,
                enabled=int(new.enabled),
                created_by=self._creator,
                now=clock.now(),
            )
            return certain(row, "a webhook was inserted")

        return webhook(await self._db.write(unit), secret)

    async def list(self) -> tuple[Webhook, ...]:
        return tuple([webhook(row) for row in await self._db.all(LIST, tenant=self._tenant)])

    async def get(self, webhook_id: str, /) -> Webhook:
        _check(webhook_id)
        row = await self._db.one(GET, tenant=self._tenant, webhook_id=webhook_id)
        if row is None:
            raise _missing(webhook_id)
        return webhook(row)

    async def patch(self, webhook_id: str, patch: WebhookPatch, /) -> Webhook:
        _check(webhook_id)
        conditions = patch.conditions
        row = await self._db.one(
            PATCH,
            tenant=self._tenant,
            webhook_id=webhook_id,
            url=patch.url,
            conditions=None if conditions is None else _kept(conditions),
            enabled=None if patch.enabled is None else int(patch.enabled),
            now=clock.now(),
        )
        if row is None:
            raise _missing(webhook_id)
        return webhook(row)

    async def delete(self, webhook_id: str, /) -> None:
        _check(webhook_id)
        key = {"tenant": self._tenant, "webhook_id": webhook_id}

        async def unit(tx: Tx) -> int:
            gone = await tx.run(DELETE, **key)
            await tx.run(FORGET, **key)
            return gone

        if not await self._db.write(unit):
            raise _missing(webhook_id)

    async def deliveries(
        self, webhook_id: str, query: DeliveryQuery = DeliveryQuery(), /
    ) -> Page[Delivery]:
        check_window(query.limit, 0)
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        await self.get(webhook_id)
        found = await self._db.all(
            DELIVERIES,
            tenant=self._tenant,
            webhook_id=webhook_id,
            state=query.state,
            at=at,
            id=last,
            limit=query.limit + 1,
        )
        items = [delivery(row) for row in found]
        return page_of(items, query.limit, lambda item: (item.created_at, item.delivery_id))

    async def retry(self, webhook_id: str, delivery_id: str, /) -> Delivery:
        if ids.is_key(webhook_id) and ids.is_key(delivery_id):
            row = await self._db.one(
                RETRY,
                tenant=self._tenant,
                webhook_id=webhook_id,
                delivery_id=delivery_id,
                now=clock.now(),
            )
            if row is not None:
                return delivery(row)
        raise NotFound(f"Delivery {delivery_id} of webhook {webhook_id} not found")

    async def test(self, webhook_id: str, /) -> Delivery:
        await self.get(webhook_id)
        event, now = ids.new_id("evt"), clock.now()
        body = wire_webhooks.payload(event, "webhook.test", now, webhook_id, {})
        key = {"tenant": self._tenant, "webhook_id": webhook_id}

        async def unit(tx: Tx) -> Row:
            row = (webhook_id, event, "webhook.test", None, body)
            await tx.many(ADD, [row], tenant=self._tenant, now=now)
            return certain(await tx.one(DELIVERY, **key, delivery_id=event), "it was inserted")

        return delivery(await self._db.write(unit))


def webhook(row: Row, secret: str | None = None) -> Webhook:
    """Columns `webhook` of webhooks.sql."""
    conditions = wire_webhooks.conditions_in(opaque.loads(row[2]))
    fields = (row[0], row[1], conditions, bool(row[3]), *row[4:9], secret)
    return Webhook(*fields)


def delivery(row: Row) -> Delivery:
    """Columns `delivery` of webhooks.sql."""
    return Delivery(*row)


def _kept(conditions: Conditions) -> JsonText:
    return opaque.dumps(wire_webhooks.conditions_out(conditions))


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _check(webhook_id: str) -> None:
    if not ids.is_key(webhook_id):
        raise _missing(webhook_id)


def _missing(webhook_id: str) -> NotFound:
    return NotFound(f"Webhook {webhook_id} not found")
