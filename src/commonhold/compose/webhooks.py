"""Webhooks of a service: over a database that opens late, and the chore that delivers."""

from __future__ import annotations

from collections.abc import Mapping

from commonhold.client.pinned import PinnedPoster
from commonhold.compose.storage import LateBackend
from commonhold.contract.webhooks import Webhooks
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.scope import Scope
from commonhold.service.webhook_targets import Targets
from commonhold.service.webhooks import CheckedWebhooks, Courier
from commonhold.settings import Settings
from commonhold.sql import SqlBackend
from commonhold.sql.webhook_outbox import SqlOutbox

IDLE_S = 1.0
"""How often it is looked for scores and for what is due, in seconds, when there was none."""

TIDY_S = 10.0
"""How often ratios are looked at that were bad, what is old is forgotten, and the rest counted, in
seconds."""

KEPT_US = 30 * 86_400_000_000
"""How long what was delivered or given up can be seen, in microseconds."""


class WebhookDesk:
    """What a service knows of webhooks. `stats` are its numbers for `/metrics`."""

    def __init__(self, late: LateBackend, settings: Settings) -> None:
        self._late = late
        self._workers = settings.workers
        self._targets = Targets(settings.webhook_allow.split())
        self._poster = PinnedPoster()
        self._outbox: SqlOutbox | None = None
        self._courier: Courier | None = None
        self._pending = 0
        self._tidied_at = -TIDY_S

    def of(self, scope: Scope) -> Webhooks:
        """The webhooks that a scope sees.

        Raises:
            Unavailable: the database is not open.
        """
        return CheckedWebhooks(self._late.opened().bind(scope).webhooks, self._targets)

    async def step(self, backend: SqlBackend) -> float:
        """Make events, and send what is due; in how many seconds to come again."""
        outbox, courier = self._opened(backend)
        seen = await outbox.evaluate()
        await courier.start()
        if clock.monotonic() - self._tidied_at > TIDY_S:
            await outbox.rearm()
            await outbox.prune(Micros(clock.now() - KEPT_US))
            self._pending = await outbox.pending()
            self._tidied_at = clock.monotonic()
        return 0.0 if seen else IDLE_S

    def stats(self) -> Mapping[str, float]:
        """Deliveries that arrived, attempts that failed, deliveries given up, and those under way.

        Workers are added up, so each tells its share of what is under way.
        """
        courier = self._courier
        sent = (0, 0, 0) if courier is None else (courier.delivered, courier.failed, courier.dead)
        return {
            "webhook_deliveries_delivered_total": sent[0],
            "webhook_attempts_failed_total": sent[1],
            "webhook_deliveries_dead_total": sent[2],
            "webhook_deliveries_pending": self._pending / self._workers,
        }

    async def aclose(self) -> None:
        """Stop sending."""
        if self._courier is not None:
            await self._courier.aclose()
        self._targets.close()
        await self._poster.aclose()

    def _opened(self, backend: SqlBackend) -> tuple[SqlOutbox, Courier]:
        if self._outbox is None or self._courier is None:
            self._outbox = SqlOutbox(backend.database)
            self._courier = Courier(self._outbox, self._targets, self._poster.post)
        return self._outbox, self._courier
