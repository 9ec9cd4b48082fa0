"""The routes of webhooks. Only a service has them: an agent's own router has nobody to deliver."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from commonhold.contract.webhooks import Webhooks
from commonhold.http import schemas, webhook_schemas
from commonhold.http.call import Answer, Call, reply
from commonhold.http.decode import decode
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import CURSOR, choice, clamped
from commonhold.http.webhook_bodies import (
    NewWebhookBody,
    WebhookPatchBody,
    new_webhook,
    webhook_patch,
)
from commonhold.model import wire_webhooks
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT
from commonhold.model.scope import Scope
from commonhold.model.webhook import DELIVERY_STATES, DeliveryQuery

WebhooksOf = Callable[[Scope], Webhooks]
"""The webhooks that a scope may see."""

_NEW = msgspec.json.Decoder(NewWebhookBody)
_PATCH = msgspec.json.Decoder(WebhookPatchBody)


class _Routes:
    """The endpoints, for whoever a request comes from."""

    def __init__(self, webhooks: WebhooksOf) -> None:
        self._webhooks = webhooks

    async def create_webhook(self, call: Call) -> Answer:
        new = new_webhook(decode(_NEW, call))
        made = await self._of(call).create(new)
        call.made = made.webhook_id
        return reply(wire_webhooks.webhook_out(made), 201)

    async def list_webhooks(self, call: Call) -> Answer:
        found = await self._of(call).list()
        return reply([wire_webhooks.webhook_out(each) for each in found])

    async def get_webhook(self, call: Call) -> Answer:
        return reply(wire_webhooks.webhook_out(await self._of(call).get(call.key)))

    async def patch_webhook(self, call: Call) -> Answer:
        patch = webhook_patch(decode(_PATCH, call))
        return reply(wire_webhooks.webhook_out(await self._of(call).patch(call.key, patch)))

    async def delete_webhook(self, call: Call) -> Answer:
        await self._of(call).delete(call.key)
        return reply({"deleted": True})

    async def list_deliveries(self, call: Call) -> Answer:
        page = await self._of(call).deliveries(call.key, DeliveryQuery(**call.args))
        items = [wire_webhooks.delivery_out(each) for each in page.items]
        return reply(items, extra=next_page(call, page.cursor))

    async def retry_delivery(self, call: Call) -> Answer:
        found = await self._of(call).retry(call.key, call.part)
        return reply(wire_webhooks.delivery_out(found))

    async def test_webhook(self, call: Call) -> Answer:
        return reply(wire_webhooks.delivery_out(await self._of(call).test(call.key)), 201)

    def _of(self, call: Call) -> Webhooks:
        caller = call.grants.principal
        return self._webhooks(Scope(caller.tenant, caller.stamp))


_ALL = "/v1/webhooks"
_ONE = "/v1/webhooks/{webhook_id}"
_TAG = "webhooks"
_WEBHOOK = webhook_schemas.Webhook
_DELIVERY = webhook_schemas.Delivery
_PAGE = (
    choice("state", "Only deliveries in this state.", {state: state for state in DELIVERY_STATES}),
    clamped("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
    CURSOR,
)


def webhook_operations(webhooks: WebhooksOf) -> tuple[Operation, ...]:
    """Everything below `/v1/webhooks`."""
    routes = _Routes(webhooks)
    return (*_about_all(routes), *_about_one(routes), *_about_deliveries(routes))


def _about_all(routes: _Routes) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            _ALL,
            routes.create_webhook,
            {201: Reply("Kept.", (webhook_schemas.MadeWebhook,))},
            "Be told of scores",
            _TAG,
            action="webhooks.manage",
            errors=(409,),
            body=Body((NewWebhookBody,)),
            doc="The answer has the secret that events are signed with. No other answer has it.",
        ),
        Operation(
            "GET",
            _ALL,
            routes.list_webhooks,
            {200: Reply("Oldest first.", (list[_WEBHOOK],))},
            "Who is told of scores",
            _TAG,
            action="webhooks.manage",
        ),
    )


def _about_one(routes: _Routes) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            _ONE,
            routes.get_webhook,
            {200: Reply("The webhook.", (_WEBHOOK,))},
            "A webhook",
            _TAG,
            action="webhooks.manage",
            errors=(404,),
        ),
        Operation(
            "PATCH",
            _ONE,
            routes.patch_webhook,
            {200: Reply("The webhook as it is now.", (_WEBHOOK,))},
            "Change a webhook",
            _TAG,
            action="webhooks.manage",
            errors=(404,),
            body=Body((WebhookPatchBody,)),
        ),
        Operation(
            "DELETE",
            _ONE,
            routes.delete_webhook,
            {200: Reply("It is gone, with its deliveries.", (schemas.Gone,))},
            "Remove a webhook",
            _TAG,
            action="webhooks.manage",
            errors=(404,),
        ),
    )


def _about_deliveries(routes: _Routes) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            f"{_ONE}/deliveries",
            routes.list_deliveries,
            {200: Reply("Newest first.", (list[_DELIVERY],), headers=("Link",))},
            "What was sent to a webhook, or is to be",
            _TAG,
            action="webhooks.manage",
            errors=(404,),
            query=_PAGE,
        ),
        Operation(
            "POST",
            f"{_ONE}/deliveries/{{delivery_id}}/retry",
            routes.retry_delivery,
            {200: Reply("It is sent soon.", (_DELIVERY,))},
            "Send once more",
            _TAG,
            action="webhooks.manage",
            errors=(404,),
        ),
        Operation(
            "POST",
            f"{_ONE}/test",
            routes.test_webhook,
            {201: Reply("It is sent soon.", (_DELIVERY,))},
            "Send an event that says nothing",
            _TAG,
            action="webhooks.manage",
            errors=(404,),
        ),
    )
