"""Committed spans on their way to somebody else, at least once.

The transaction that writes spans also writes that they are to be sent on (`span_job`), so a crash
loses none. A job is claimed for a time, sent outside of any transaction, and then ended; one whose
sender crashed is due again when its time is over.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from commonhold.errors import CommonholdError, Unavailable
from commonhold.model import clock, opaque
from commonhold.model.native_otel import stored_spans
from commonhold.model.otel import OtelSpan
from commonhold.model.trace import Span, Trace
from commonhold.sql import rows
from commonhold.sql.database import Database, Row
from commonhold.sql.otel_rows import emitter_of, otel_span
from commonhold.sql.statement import statement

CLAIM = statement("claim_jobs")
POSTPONE = statement("postpone_jobs")
END = statement("end_jobs")
READ = statement("read_spans")
PARTS = statement("read_parts")
EMITTERS = statement("get_emitters")

AT_ONCE = 4
"""Jobs of one request: each holds what one bulk write wrote."""

CLAIM_US = 60_000_000
LATER_US = 5_000_000
"""How long a claim holds, and when what could not be sent is tried again, in microseconds."""

_EMITTER = 14
"""The column of `read_spans` that spans which came as OTLP have."""

Send = Callable[[Sequence[OtelSpan]], Awaitable[None]]
_log = logging.getLogger("commonhold.sql")


class Forwarder:
    """Sends on what is committed. `sent` and `refused` count spans since the start."""

    def __init__(self, database: Database, send: Send) -> None:
        self._db = database
        self._send = send
        self.sent = 0
        self.refused = 0

    async def step(self) -> int:
        """Send the oldest jobs that are due; how many those were.

        Raises:
            Unavailable: the receiver does not take spans now; they are kept and sent later.
        """
        now = clock.now()
        args = {"kind": "forward", "limit": AT_ONCE, "now": now, "until": now + CLAIM_US}
        jobs = await self._db.write(lambda tx: tx.all(CLAIM, **args))
        if not jobs:
            return 0
        numbers = opaque.dumps([job[0] for job in jobs])
        try:
            await self._send_all(jobs)
        except Unavailable:
            await self._db.run(POSTPONE, numbers=numbers, until=clock.now() + LATER_US)
            raise
        await self._db.run(END, numbers=numbers)
        return len(jobs)

    async def _send_all(self, jobs: Sequence[Row]) -> None:
        for _, tenant, day, told in jobs:
            spans = await self._spans(tenant, day, opaque.loads(told))
            try:
                if spans:
                    await self._send(spans)
            except Unavailable:
                raise
            except CommonholdError as error:
                # It would be refused for ever: what comes after it must not wait for it.
                self.refused += len(spans)
                _log.error("%d spans were not taken and not kept: %s", len(spans), error.detail)
            else:
                self.sent += len(spans)

    async def _spans(
        self, tenant: str, day: int, wanted: Mapping[str, Sequence[str]]
    ) -> list[OtelSpan]:
        """Spans as they were sent, those of native posts as OpenTelemetry has them."""
        listed = opaque.dumps(list(wanted))
        found = await self._db.all(READ, tenant=tenant, day=day, listed=listed)
        mine = [row for row in found if row[1] in wanted[row[0]]]
        digests = sorted({row[_EMITTER] for row in mine if row[_EMITTER] is not None})
        known = await self._db.all(EMITTERS, tenant=tenant, listed=opaque.dumps(digests))
        emitters = {digest: emitter_of(content) for digest, content in known}
        sent = [otel_span(row, emitters) for row in mine if row[_EMITTER] is not None]
        native = [rows.span(row) for row in mine if row[_EMITTER] is None]
        return [*sent, *(await self._native(tenant, native) if native else ())]

    async def _native(self, tenant: str, spans: Sequence[Span]) -> list[OtelSpan]:
        """Native spans, whose traces say what they are about."""
        by_trace: dict[str, list[Span]] = {}
        for span in spans:
            by_trace.setdefault(span.trace_id, []).append(span)
        told = await self._db.all(PARTS, tenant=tenant, listed=opaque.dumps(list(by_trace)))
        traces = {
            row[0]: Trace(*row[0:1], *row[2:7]) for row in sorted(told, key=_start, reverse=True)
        }
        return [span for each, own in by_trace.items() for span in stored_spans(traces[each], own)]


def _start(row: Row) -> Any:
    """Of parts of one trace, the earliest speaks for it."""
    return row[2]
