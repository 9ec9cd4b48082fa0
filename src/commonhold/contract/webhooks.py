"""Webhooks: what a service keeps of them, and the outbox it delivers from.

They are the service's own affair and not a surface of `Stores`: an agent that keeps its feedback in
a file of its own has nobody who would deliver. Why: docs/decisions/0015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from commonhold.model.clock import Micros
from commonhold.model.page import Page
from commonhold.model.webhook import (
    Address,
    Batch,
    Delivery,
    DeliveryQuery,
    NewWebhook,
    Outcome,
    Webhook,
    WebhookPatch,
)


class Webhooks(Protocol):
    """The webhooks of one tenant.

    W1. A secret is told once, by `create`.
    W2. From the commit of a score on, an event that it makes is never lost, and is sent at least
        once; attempts carry the same id and the same bytes.
    W3. A score makes one event for one webhook however often it is looked at, and one more each
        time its value is changed to one that matches.
    W4. What cannot be delivered stays, as `dead`, and can be sent again.
    W5. Of a webhook that is not enabled nothing is evaluated; what was pending waits.
    """

    async def create(self, new: NewWebhook, /) -> Webhook:
        """Keep a new webhook, and make its secret.

        Raises:
            InvalidRequest: its URL must not be reached from here.
            Conflict: there are a hundred already.
        """

    async def list(self) -> tuple[Webhook, ...]:
        """All of them, oldest first."""

    async def get(self, webhook_id: str, /) -> Webhook:
        """One of them.

        Raises:
            NotFound: there is none of this id.
        """

    async def patch(self, webhook_id: str, patch: WebhookPatch, /) -> Webhook:
        """Change what is given.

        Raises:
            NotFound: there is none of this id.
            InvalidRequest: its URL must not be reached from here.
        """

    async def delete(self, webhook_id: str, /) -> None:
        """Remove it, and all that is or was to be delivered.

        Raises:
            NotFound: there is none of this id.
        """

    async def deliveries(
        self, webhook_id: str, query: DeliveryQuery = DeliveryQuery(), /
    ) -> Page[Delivery]:
        """What was sent, or is to be, newest first.

        Raises:
            NotFound: there is no webhook of this id.
        """

    async def retry(self, webhook_id: str, delivery_id: str, /) -> Delivery:
        """Send it at once, with all its attempts before it again.

        Raises:
            NotFound: there is no such delivery.
        """

    async def test(self, webhook_id: str, /) -> Delivery:
        """Send an event that says nothing, to see whether it arrives.

        Raises:
            NotFound: there is no webhook of this id.
        """


@runtime_checkable
class KeepsWebhooks(Protocol):
    """A backend that keeps webhooks too."""

    @property
    def webhooks(self) -> Webhooks:
        """Those of the scope it is bound to."""


class Outbox(Protocol):
    """What is to be delivered, of all tenants, by whichever process comes first."""

    async def evaluate(self) -> int:
        """Make events of scores that were written; how many scores were looked at."""

    async def rearm(self) -> None:
        """Let ratios that have become well again tell when they fall the next time."""

    async def waiting(self, limit: int, /) -> Sequence[Address]:
        """Webhooks that have something to send and are nobody's; who waited longest first."""

    async def claim(self, address: Address, until: Micros, /) -> Batch | None:
        """What is due there, ours until a time; None where it is somebody else's, or nothing is."""

    async def settle(self, address: Address, outcomes: Sequence[Outcome], /) -> None:
        """Keep what came of a batch, and let go of the webhook."""

    async def pending(self) -> int:
        """How many deliveries are under way."""

    async def prune(self, before: Micros, /) -> int:
        """Forget what ended before a time, some of it; how many that were."""
