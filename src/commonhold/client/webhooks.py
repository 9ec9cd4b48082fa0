"""Webhooks kept by a service."""

from __future__ import annotations

from dataclasses import asdict as fields_of
from typing import Any

import msgspec
from msgspec.structs import asdict

from commonhold.client import answers
from commonhold.client.answers import page_of, read
from commonhold.client.call import Call, body_of, given, path_of, target
from commonhold.client.transport import Line
from commonhold.client.webhook_shapes import DeliveryShape, WebhookShape
from commonhold.errors import NotFound
from commonhold.model import ids, wire_webhooks
from commonhold.model.page import Page, check_window, decode_cursor
from commonhold.model.webhook import Delivery, DeliveryQuery, NewWebhook, Webhook, WebhookPatch

_WEBHOOK = msgspec.json.Decoder(WebhookShape)
_WEBHOOKS = msgspec.json.Decoder(list[WebhookShape])
_DELIVERY = msgspec.json.Decoder(DeliveryShape)
_DELIVERIES = msgspec.json.Decoder(list[DeliveryShape])
_ALL = "/v1/webhooks"


class HttpWebhooks:
    """`contract.webhooks.Webhooks` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, new: NewWebhook, /) -> Webhook:
        call = Call("POST", _ALL, body_of(_body(fields_of(new))), idempotent=False)
        return read(await self._line.send(call), _WEBHOOK, _webhook)

    async def list(self) -> tuple[Webhook, ...]:
        return page_of(await self._line.send(Call("GET", _ALL)), _WEBHOOKS, _webhook).items

    async def get(self, webhook_id: str, /) -> Webhook:
        call = Call("GET", path_of(_ALL, _checked(webhook_id)))
        return read(await self._line.send(call), _WEBHOOK, _webhook)

    async def patch(self, webhook_id: str, patch: WebhookPatch, /) -> Webhook:
        body = body_of(_body(given(fields_of(patch))))
        call = Call("PATCH", path_of(_ALL, _checked(webhook_id)), body)
        return read(await self._line.send(call), _WEBHOOK, _webhook)

    async def delete(self, webhook_id: str, /) -> None:
        call = Call("DELETE", path_of(_ALL, _checked(webhook_id)))
        answers.done(await self._line.send(call))

    async def deliveries(
        self, webhook_id: str, query: DeliveryQuery = DeliveryQuery(), /
    ) -> Page[Delivery]:
        check_window(query.limit, 0)
        if query.cursor:
            decode_cursor(query.cursor)
        path = path_of(_ALL, _checked(webhook_id), "deliveries")
        call = Call("GET", target(path, **fields_of(query)))
        return page_of(await self._line.send(call), _DELIVERIES, _delivery)

    async def retry(self, webhook_id: str, delivery_id: str, /) -> Delivery:
        part = path_of("deliveries", _checked(delivery_id), "retry")
        call = Call("POST", path_of(_ALL, _checked(webhook_id), part))
        return read(await self._line.send(call), _DELIVERY, _delivery)

    async def test(self, webhook_id: str, /) -> Delivery:
        call = Call("POST", path_of(_ALL, _checked(webhook_id), "test"), idempotent=False)
        return read(await self._line.send(call), _DELIVERY, _delivery)


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    if "conditions" in fields:
        fields["conditions"] = given(fields["conditions"])
    return fields


def _webhook(shape: WebhookShape) -> Webhook:
    return wire_webhooks.webhook_in(asdict(shape))


def _delivery(shape: DeliveryShape) -> Delivery:
    return wire_webhooks.delivery_in(asdict(shape))


def _checked(key: str) -> str:
    if not ids.is_key(key):
        raise NotFound(f"{key} not found")
    return key
