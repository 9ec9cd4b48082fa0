"""What a service answers about webhooks."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from commonhold.model.webhook import DeliveryState, Event


class WebhookShape(Struct):
    """A webhook."""

    webhook_id: str
    url: str
    conditions: dict[str, Any]
    enabled: bool
    created_by: str
    created_at: str
    updated_at: str
    disabled_because: str | None = None
    fired_at: str | None = None
    secret: str | None = None


class DeliveryShape(Struct):
    """A delivery."""

    delivery_id: str
    webhook_id: str
    event: Event
    score_id: str | None
    state: DeliveryState
    attempts: int
    due_at: str
    created_at: str
    updated_at: str
    status: int | None = None
    error: str | None = None
