"""Webhooks and what is sent to them, as they look on the wire, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from commonhold.model import opaque
from commonhold.model.clock import Micros, from_rfc3339, to_rfc3339
from commonhold.model.opaque import JsonText
from commonhold.model.score import Score
from commonhold.model.webhook import Conditions, Delivery, Event, Ratio, Webhook
from commonhold.model.wire import Wire, time_in, time_out
from commonhold.model.wire_scores import score_out

_PLAIN = ("delivery_id", "webhook_id", "event", "score_id", "state", "attempts", "status", "error")
_TIMES = ("due_at", "created_at", "updated_at")


def conditions_out(conditions: Conditions) -> Wire:
    """Those conditions that are given."""
    return {name: value for name, value in asdict(conditions).items() if value is not None}


def conditions_in(body: Mapping[str, Any]) -> Conditions:
    """Conditions out of a body of the right shape.

    Raises:
        InvalidRequest: they make no sense.
    """
    ratio = body.get("ratio")
    given: dict[str, Any] = {name: body.get(name) for name in Conditions.__slots__}
    return Conditions(**given | {"ratio": None if ratio is None else Ratio(**ratio)})


def webhook_out(webhook: Webhook) -> Wire:
    """A webhook; its secret only where it was just made."""
    told: Wire = {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "conditions": conditions_out(webhook.conditions),
        "enabled": webhook.enabled,
        "disabled_because": webhook.disabled_because,
        "fired_at": time_out(webhook.fired_at),
        "created_by": webhook.created_by,
        "created_at": to_rfc3339(webhook.created_at),
        "updated_at": to_rfc3339(webhook.updated_at),
    }
    return told if webhook.secret is None else {**told, "secret": webhook.secret}


def webhook_in(body: Mapping[str, Any]) -> Webhook:
    """A webhook out of a body."""
    return Webhook(
        webhook_id=body["webhook_id"],
        url=body["url"],
        conditions=conditions_in(body["conditions"]),
        enabled=body["enabled"],
        created_by=body["created_by"],
        created_at=from_rfc3339(body["created_at"]),
        updated_at=from_rfc3339(body["updated_at"]),
        disabled_because=body.get("disabled_because"),
        fired_at=time_in(body.get("fired_at")),
        secret=body.get("secret"),
    )


def delivery_out(delivery: Delivery) -> Wire:
    """A delivery."""
    told: Wire = {name: getattr(delivery, name) for name in _PLAIN}
    return told | {name: to_rfc3339(getattr(delivery, name)) for name in _TIMES}


def delivery_in(body: Mapping[str, Any]) -> Delivery:
    """A delivery out of a body."""
    times = {name: from_rfc3339(body[name]) for name in _TIMES}
    return Delivery(**{name: body.get(name) for name in _PLAIN}, **times)  # type: ignore[arg-type]


def payload(
    event_id: str, event: Event, at: Micros, webhook_id: str, data: Mapping[str, Any]
) -> JsonText:
    """What is sent: the same bytes at every attempt."""
    return opaque.dumps(
        {
            "id": event_id,
            "type": event,
            "timestamp": to_rfc3339(at),
            "webhook_id": webhook_id,
            "data": data,
        }
    )


def score_data(score: Score) -> Wire:
    """What is told of a score: all of it, as `GET /v1/scores/{id}` has it."""
    return {"score": score_out(score)}


def ratio_data(ratio: Ratio, up: int, down: int, at: Micros) -> Wire:
    """What is told of a ratio: what was counted, and what it was held against."""
    total = up + down
    return {
        "ratio": up / total if total else None,
        "thumbs_up": up,
        "thumbs_down": down,
        "until": to_rfc3339(at),
        **asdict(ratio),
    }
