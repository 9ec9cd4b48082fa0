"""The chores of a service over a database: indexing, days to come, spans to send on, webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from commonhold.client.otlp import OtlpBackend, open_collector
from commonhold.compose.audit import AuditDesk
from commonhold.compose.erasures import ErasureDesk
from commonhold.compose.storage import LateBackend
from commonhold.compose.webhooks import WebhookDesk
from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.service.upkeep import Chore, Upkeep
from commonhold.settings import Settings
from commonhold.sql import SqlBackend
from commonhold.sql.feedback_turns import Turns
from commonhold.sql.forwarding import Forwarder
from commonhold.sql.partitions import make_ahead, until_tomorrow_s

USAGE_S = 2.0
"""How often it is written down what agents sent, in seconds, where that is limited."""

IDLE_S = 1.0
"""How often it is looked for work, in seconds, when there was none."""

BUSY_SHARE = 19.0
"""While writers are never idle, indexing rests so many times as long as it works; else less."""

_HOUR_S = 3600.0


class Chores:
    """What a service does beside serving. `stats` are its numbers for `/metrics`."""

    def __init__(self, late: LateBackend, settings: Settings) -> None:
        self._late = late
        self.webhooks = WebhookDesk(late, settings)
        self.audit = AuditDesk(settings, late)
        self.erasures = ErasureDesk(late)
        self._collector = _collector(settings)
        self._forwarder: Forwarder | None = None
        self.upkeep = Upkeep(self._all(settings))

    def stats(self) -> Mapping[str, float]:
        """What webhooks did, how many spans were sent on, and how many were refused."""
        if self._collector is None:
            return self.webhooks.stats()
        sent, refused = (
            (0, 0) if self._forwarder is None else (self._forwarder.sent, self._forwarder.refused)
        )
        spans = {"spans_forwarded_total": sent, "spans_refused_total": refused}
        return {**self.webhooks.stats(), **spans}

    async def aclose(self) -> None:
        """Stop, and close what only they use."""
        await self.upkeep.aclose()
        await self.audit.aclose()
        with suppress(CommonholdError):  # what it loses, agents may send once more
            await _write_usage(self._late.opened())
        await self.webhooks.aclose()
        if self._collector is not None:
            await self._collector.aclose()

    def _all(self, settings: Settings) -> Mapping[str, Chore]:
        chores = {
            "indexing": self._once_open(_Indexing().step),
            "partitions": self._once_open(_partitions),
        }
        chores["feedback"] = self._once_open(_bind_feedback)
        chores["webhooks"] = self._once_open(self.webhooks.step)
        chores.update(self.audit.chores())
        chores["erasures"] = self._once_open(self.erasures.step)
        if settings.limit_spans_per_day or settings.limit_trace_bytes_per_day:
            chores["usage"] = self._once_open(_write_usage)
        if self._collector is not None:
            chores["forwarding"] = self._once_open(self._forward)
        return chores

    def _once_open(self, chore: Callable[[SqlBackend], Awaitable[float]]) -> Chore:
        async def run() -> float:
            return await chore(self._late.opened()) if self._late.is_open else IDLE_S

        return run

    async def _forward(self, backend: SqlBackend) -> float:
        if self._forwarder is None and self._collector is not None:
            self._forwarder = Forwarder(backend.database, self._collector.traces.record)
        done = 0 if self._forwarder is None else await self._forwarder.step()
        return 0.0 if done else IDLE_S


def _collector(settings: Settings) -> OtlpBackend | None:
    return open_collector(f"otlp+{settings.traces_forward}") if settings.traces_forward else None


class _Indexing:
    """Indexes; the busier the writers were since the last time, the longer it rests."""

    def __init__(self) -> None:
        self._ended_at = clock.monotonic()
        self._busy_s = 0.0

    async def step(self, backend: SqlBackend) -> float:
        started = clock.monotonic()
        done = await backend.trace_memory.index.step()
        share = self._share(backend.trace_memory.gather.busy_s)
        spent_s = self._ended_at - started
        return spent_s * (1 + (BUSY_SHARE - 1) * share) if done else IDLE_S

    def _share(self, busy_s: float) -> float:
        """The part of the time since it was asked last in which writers were busy."""
        now = clock.monotonic()
        passed, worked = now - self._ended_at, busy_s - self._busy_s
        self._ended_at, self._busy_s = now, busy_s
        return min(worked / passed, 1.0) if passed else 0.0


async def _bind_feedback(backend: SqlBackend) -> float:
    started = clock.monotonic()
    done = await Turns(backend.database).step()
    return clock.monotonic() - started if done else IDLE_S


async def _partitions(backend: SqlBackend) -> float:
    await make_ahead(backend.database)
    return min(until_tomorrow_s(), _HOUR_S)


async def _write_usage(backend: SqlBackend) -> float:
    meter = backend.trace_memory.meter
    if meter is not None:
        await meter.flush()
    return USAGE_S
