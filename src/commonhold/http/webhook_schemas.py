"""The shapes of answers about webhooks, for OpenAPI."""

from __future__ import annotations

from msgspec import Struct

from commonhold.http.schema_types import Time
from commonhold.http.webhook_bodies import ConditionsBody
from commonhold.model.webhook import DeliveryState, Event


class Webhook(Struct):
    """A webhook. `fired_at` says since when its ratio has been bad."""

    webhook_id: str
    url: str
    conditions: ConditionsBody
    enabled: bool
    disabled_because: str | None
    fired_at: Time | None
    created_by: str
    created_at: Time
    updated_at: Time


class MadeWebhook(Webhook):
    """A new webhook with its secret, which is told this once."""

    secret: str


class Delivery(Struct):
    """An event on its way. `status` and `error` are of the last attempt."""

    delivery_id: str
    webhook_id: str
    event: Event
    score_id: str | None
    state: DeliveryState
    attempts: int
    status: int | None
    error: str | None
    due_at: Time
    created_at: Time
    updated_at: Time
