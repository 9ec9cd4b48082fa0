"""Traces over SQL: spans by author, and a summary derived from all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from commonhold.errors import NotFound
from commonhold.model import clock, ids, opaque
from commonhold.model.native_otel import stored_spans
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request, Resource
from commonhold.model.otel import Scope as Instrumentation
from commonhold.model.page import DEFAULT_LIMIT, check_window
from commonhold.model.scope import Delegation, Scope
from commonhold.model.trace import Trace
from commonhold.otlp.encode import to_otlp_json
from commonhold.sql import ingest, rows, spans
from commonhold.sql.database import FEW, Database, Row
from commonhold.sql.gather import Gather
from commonhold.sql.meter import DailyLimits, Meter
from commonhold.sql.otel_rows import emitter_of, otel_span
from commonhold.sql.reading import InProcess, Reading
from commonhold.sql.scope import Stamp, stamp
from commonhold.sql.seen import Seen
from commonhold.sql.span_index import SpanIndex
from commonhold.sql.spans import Batch
from commonhold.sql.statement import statement
from commonhold.sql.trace_lists import TraceLists

GET = statement("get_trace")
GET_SPANS = statement("get_spans")
GET_LOGS = statement("get_logs")
GET_EMITTERS = statement("get_emitters")
OF_SESSION = statement("list_session_traces")

INDEX, FORWARD = "index", "forward"
_DAY = 24
"""The column of `get_trace` after its summary."""

Authored = tuple[str, str, str, str, Delegation]
"""Tenant and stamp of a batch: only batches of one author are written together."""


class TraceMemory:
    """What one process shares of trace storage among every binding of its database."""

    def __init__(
        self,
        database: Database,
        jobs: Sequence[str] = (INDEX,),
        reading: Reading | None = None,
        limits: DailyLimits | None = None,
    ) -> None:
        self._db = database
        self.reading = reading or InProcess()
        self._seen = Seen(jobs)
        self.gather: Gather[Authored] = Gather(self._write, database.writers)
        self.index = SpanIndex(database)
        self.meter = Meter(database, limits) if limits else None

    async def _write(self, key: Authored, batch: Batch) -> None:
        tenant, agent, user, actor, delegation = key
        author = Stamp(owner_agent=agent, owner_user=user, actor=actor, delegation=delegation)
        await ingest.write(self._db.within(tenant), self._seen, tenant, author, batch)


class SqlTraces(TraceLists):
    """`contract.traces.Traces` on a database."""

    def __init__(self, database: Database, scope: Scope, memory: TraceMemory) -> None:
        super().__init__(database, scope, memory.index)
        self._memory = memory
        self._sender = scope.author
        author = stamp(scope)
        self._author: Authored = (
            *(scope.tenant, author["owner_agent"], author["owner_user"]),
            *(author["actor"], author["delegation"]),
        )

    async def put(self, trace: Trace, /) -> None:
        self._check()
        await self._submit(spans.of_trace(trace, self._sender, clock.now()))

    async def record(self, spans_: Sequence[OtelSpan], /) -> None:
        self._check()
        if spans_:
            await self._submit(spans.of_spans(spans_, self._sender, clock.now()))

    async def take(self, request: Request, /) -> Rejected:
        self._check()
        batch, rejected = await self._memory.reading.read(request, self._sender, clock.now())
        if batch.size:
            await self._submit(batch, len(request.body))
        return rejected

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        self._check()
        if logs:
            await self._submit(spans.of_logs(logs, clock.now()))

    def _check(self) -> None:
        """See that this agent may send more today.

        Raises:
            QuotaExceeded: it may not.
        """
        if self._memory.meter is not None:
            self._memory.meter.check(self._tenant, self._sender.agent)

    async def _submit(self, batch: Batch, size: int | None = None) -> None:
        """Write a batch that came as `size` bytes, or as many as its texts have."""
        await self._memory.gather.submit(self._author, batch)
        if self._memory.meter is not None:
            sent = batch.chars if size is None else size
            self._memory.meter.add(self._tenant, self._sender.agent, batch.size, sent)

    async def find(self, trace_id: str, /) -> Trace | None:
        row = await self._row(trace_id)
        return None if row is None else await self._whole(row)

    async def get(self, trace_id: str, /) -> Trace:
        found = await self.find(trace_id)
        if found is None:
            raise NotFound(f"Trace {trace_id} not found")
        return found

    async def otlp(self, trace_id: str, /) -> JsonText:
        row = await self._row(trace_id)
        if row is None:
            raise NotFound(f"Trace {trace_id} not found")
        found = await self._spans(row)
        emitters = await self._emitters([item[14] for item in found if item[14] is not None])
        sent = [otel_span(item, emitters) for item in found if item[14] is not None]
        native = [rows.span(item) for item in found if item[14] is None]
        return to_otlp_json(
            [*sent, *stored_spans(rows.whole(rows.summary(row[:_DAY]), (), ()), native)]
        )

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        check_window(limit, 0)
        found = await self._of_session(session_id, after_trace_id, limit)
        return tuple([await self.get(trace_id) for trace_id in found])

    async def _row(self, trace_id: str) -> Row | None:
        if not ids.is_key(trace_id):
            return None
        return await self._db.one(
            GET, tenant=self._tenant, trace_id=trace_id, part_label=self._part
        )

    async def _whole(self, row: Row) -> Trace:
        summary = rows.summary(row[:_DAY])
        found = await self._spans(row)
        logs = await self._db.few(GET_LOGS, tenant=self._tenant, trace_id=summary.trace_id)
        return rows.whole(summary, [rows.span(item) for item in found], logs)

    async def _spans(self, row: Row) -> Sequence[Row]:
        read = self._db.few if row[7] < FEW else self._db.all
        return await read(GET_SPANS, tenant=self._tenant, day=row[_DAY], trace_id=row[0])

    async def _emitters(
        self, digests: Sequence[str]
    ) -> Mapping[str, tuple[Resource, Instrumentation]]:
        listed = opaque.dumps(sorted(set(digests)))
        found = await self._db.few(GET_EMITTERS, tenant=self._tenant, listed=listed)
        return {digest: emitter_of(content) for digest, content in found}
