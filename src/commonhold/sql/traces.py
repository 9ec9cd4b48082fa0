"""Traces over SQL: parts and spans by author, and a summary derived from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from commonhold.errors import NotFound
from commonhold.model import clock, ids, opaque
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.model.trace import (
    Span,
    SpanFacts,
    Trace,
    TraceQuery,
    TraceSummary,
    facts_of,
    summarise,
)
from commonhold.sql import rows
from commonhold.sql.database import FEW, Database, Row, Tx
from commonhold.sql.scope import stamp
from commonhold.sql.statement import statement

START = statement("start_trace")
TOUCH = statement("touch_trace")
PUT_PART = statement("put_part")
PUT_SPANS = statement("put_spans")
DERIVE = statement("derive_trace")
GET = statement("get_trace")
GET_SPANS = statement("get_spans")
LIST = statement("list_traces")


class SqlTraces:
    """`contract.traces.Traces` on a database."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._db = database
        self._tenant = scope.tenant
        self._agent = scope.author.agent
        self._stamp = stamp(scope)

    async def put(self, trace: Trace, /) -> None:
        trace = _last_of_each(trace)
        facts = facts_of(trace)
        cells = [_cells(span, fact) for span, fact in zip(trace.spans, facts, strict=True)]
        part = self._part(trace)
        summary = self._summary(summarise(trace, facts, self._agent))

        async def start(tx: Tx) -> Row | None:
            return await tx.compound(START, cells, **{**part, **summary})

        async def merge(tx: Tx) -> None:
            await tx.run(
                TOUCH, **self._key(trace.trace_id), started_at=trace.started_at, now=part["now"]
            )
            await tx.many(
                PUT_SPANS, cells, **self._key(trace.trace_id), **self._stamp, now=part["now"]
            )
            await tx.run(PUT_PART, **part)
            await tx.run(DERIVE, **self._key(trace.trace_id))

        if await self._db.optimistic(start) is None:
            await self._db.write(merge)

    async def find(self, trace_id: str, /) -> Trace | None:
        if not ids.is_key(trace_id):
            return None
        row = await self._db.one(GET, **self._key(trace_id))
        if row is None:
            return None
        summary = rows.summary(row)
        read = self._db.few if summary.span_count < FEW else self._db.all
        found = await read(GET_SPANS, **self._key(trace_id))
        return Trace(
            trace_id=trace_id,
            started_at=summary.started_at,
            ended_at=summary.ended_at,
            model=summary.model,
            session_id=summary.session_id,
            status=summary.status,
            spans=tuple([rows.span(item) for item in found]),
        )

    async def get(self, trace_id: str, /) -> Trace:
        found = await self.find(trace_id)
        if found is None:
            raise NotFound(f"Trace {trace_id} not found")
        return found

    async def list(self, query: TraceQuery = TraceQuery(), /) -> Page[TraceSummary]:
        check_window(query.limit, query.offset)
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        read = self._db.few if query.limit < FEW and _is_indexed(query) else self._db.all
        found = await read(
            LIST,
            tenant=self._tenant,
            session_id=query.session_id,
            status=query.status,
            since=query.since,
            until=query.until,
            at=at,
            id=last,
            limit=query.limit + 1,
            offset=query.offset or None,
        )
        summaries = [rows.summary(row) for row in found]
        return page_of(summaries, query.limit, lambda item: (item.started_at, item.trace_id))

    def _key(self, trace_id: str) -> dict[str, str]:
        return {"tenant": self._tenant, "trace_id": trace_id}

    def _part(self, trace: Trace) -> dict[str, Any]:
        return {
            **self._key(trace.trace_id),
            **self._stamp,
            "part_started_at": trace.started_at,
            "part_ended_at": trace.ended_at,
            "part_status": trace.status,
            "model": trace.model,
            "session_id": trace.session_id,
            "now": clock.now(),
        }

    def _summary(self, summary: TraceSummary) -> dict[str, Any]:
        duration = summary.duration_ms
        return {
            "started_at": summary.started_at,
            "ended_at": summary.ended_at,
            "status": summary.status,
            "duration_ns": None if duration is None else round(duration * 1e6),
            "span_count": summary.span_count,
            "error_count": summary.error_count,
            "tool_calls": summary.tool_calls,
            "prompt_tokens": summary.prompt_tokens,
            "completion_tokens": summary.completion_tokens,
        }


def _is_indexed(query: TraceQuery) -> bool:
    """Whether an index leads to the page, so that the limit bounds the work."""
    return query.status is None and not query.offset


def _last_of_each(trace: Trace) -> Trace:
    """Spans by id, the last one of a repeated id, where the first one stood."""
    by_id: dict[str, Span] = {span.span_id: span for span in trace.spans}
    if len(by_id) == len(trace.spans):
        return trace
    return replace(trace, spans=tuple(by_id.values()))


def _cells(span: Span, fact: SpanFacts) -> Sequence[Any]:
    """Bulk columns of `start_trace` and `put_spans`, in their order."""
    return (
        span.span_id,
        span.parent_span_id,
        span.name,
        fact.kind,
        span.status,
        fact.start_ns,
        fact.end_ns,
        span.start_time,
        span.end_time,
        fact.prompt_tokens,
        fact.completion_tokens,
        opaque.trim(span.attributes),
        opaque.trim(span.events),
    )
