"""The audit log of one process: what is written at once, and what may wait for a moment."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice

from commonhold.auth.principal import Principal
from commonhold.contract.audit import Audit, AuditLog
from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.model.audit import AuditEvent
from commonhold.model.clock import Clock
from commonhold.service.audit_samples import Kind, Samples

QUEUED = 10_000
"""Events that wait at most; what comes then is counted, and the count is written."""

BATCH = 500
"""Events written at once."""

IDLE_S = 1.0
"""How often waiting events are written, in seconds: what a crash may lose."""

_log = logging.getLogger("commonhold.audit")


class AuditTrail:
    """`contract.audit.Audit`: a bounded queue, for a log that may not be open yet."""

    def __init__(self, log: Callable[[], AuditLog], now: Clock = clock.now) -> None:
        self._log = log
        self._now = now
        self._queue: deque[AuditEvent] = deque()
        self._samples = Samples(now)
        self._lost = 0
        self._writing: asyncio.Task[None] | None = None

    async def record(self, event: AuditEvent, /) -> None:
        await self._log().add([event])

    def note(self, event: AuditEvent, /) -> None:
        if len(self._queue) < QUEUED:
            self._queue.append(event.cut())
        else:
            self._lost += 1

    def sample(self, kind: Kind, event: AuditEvent) -> None:
        """Keep an event soon, if it is among the first of its kind in this minute; else count it."""
        if self._samples.takes(kind, event):
            self.note(event)

    async def step(self) -> float:
        """Write what waits; in how many seconds to come again."""
        for counted in self._samples.ended():
            self.note(counted)
        await self._write()
        return 0.0 if self._queue else IDLE_S

    async def aclose(self) -> None:
        """Write everything that waits."""
        for counted in self._samples.all():
            self.note(counted)
        try:
            while self._queue or self._lost or self._writing:
                await self._write()
        except CommonholdError as error:
            told = "%d audit events were not written: %s"
            _log.error(told, len(self._queue) + self._lost, error.detail)

    async def _write(self) -> None:
        """Write a batch. One that is under way is waited for: it must not be written twice."""
        if self._writing is None:
            if not self._queue and not self._lost:
                return
            self._writing = asyncio.create_task(self._write_batch())
        task = self._writing
        try:
            await asyncio.shield(task)
        finally:
            if task.done():
                self._writing = None

    async def _write_batch(self) -> None:
        batch, lost = list(islice(self._queue, BATCH)), self._lost
        told = [*batch, self._loss(lost)] if lost else batch
        await self._log().add(told)
        self._lost -= lost
        for _ in batch:
            self._queue.popleft()

    def _loss(self, lost: int) -> AuditEvent:
        return AuditEvent(at=self._now(), operation="audit.lost", decision="noted", count=lost)


async def tell(
    audit: Audit | None,
    caller: Principal,
    operation: str,
    resource: tuple[str, str],
    *,
    reason: str = "",
) -> None:
    """Write that a caller changed a resource, by its kind and id, where there is an `audit` to tell.

    `reason` is the word for what was done, where the operation leaves that open.

    Raises:
        Unavailable: it could not be written.
    """
    if audit is not None:
        event = AuditEvent(
            at=clock.now(),
            operation=operation,
            decision="allowed",
            tenant=caller.tenant,
            actor=caller.actor,
            resource_type=resource[0],
            resource_id=resource[1],
            reason=reason,
        )
        await audit.record(event)
