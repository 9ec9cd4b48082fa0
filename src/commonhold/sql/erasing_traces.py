"""Traces of a user keep their structure, times, tokens and cost, and say nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from commonhold.model import ids, opaque
from commonhold.model.clock import Micros
from commonhold.model.erasure import Counts
from commonhold.model.gist import decode_gist, encode_gist
from commonhold.otlp.structure import structural, without_user
from commonhold.otlp.values import attributes_text
from commonhold.sql.database import Row, Tx
from commonhold.sql.erasing import AT_ONCE, Whose
from commonhold.sql.erasing_feedback import blank_of_traces
from commonhold.sql.ingest import LOCK, derive
from commonhold.sql.meanings import attributes_in
from commonhold.sql.otel_rows import emitter_of
from commonhold.sql.spans import emitter_text
from commonhold.sql.statement import statement

OF_SESSION = statement("traces_of_session")
SPANS = statement("spans_to_blank")
BLANK_SPANS = statement("blank_spans")
DROP_WORDS = statement("drop_span_words")
LOGS = statement("logs_to_blank")
BLANK_LOGS = statement("blank_logs")
BLANK_PARTS = statement("blank_parts")
EMITTERS = statement("get_emitters")
CHANGE_EMITTER = statement("change_emitter")

_KEPT = ("kind", "status_code", "flags", "dropped_attributes", "dropped_events", "dropped_links")


async def blank_whole(tx: Tx, whose: Whose, found: Sequence[Row], now: Micros) -> Counts:
    """Blank the first of some traces, as rows that begin with id, day and number of spans."""
    few = _few(found)
    if said := await blank_of_traces(tx, whose["tenant"], [row[0] for row in few]):
        return Counts(blanked_feedback=said)
    return await _Blanking(tx, whose, now, None).of(few)


async def blank_own(tx: Tx, whose: Whose, found: Sequence[Row], now: Micros) -> Counts:
    """Blank what was written for the user to traces of somebody else."""
    return await _Blanking(tx, whose, now, whose["user"]).of(_few(found))


def _few(found: Sequence[Row]) -> Sequence[Row]:
    """The first traces that have few spans together; one at least."""
    few, spans = 0, 0
    for row in found:
        spans += row[2]
        if few and spans > AT_ONCE:
            break
        few += 1
    return found[:few]


class _Blanking:
    """Blanks traces, or only what was written to them for one user, in one transaction."""

    def __init__(self, tx: Tx, whose: Whose, now: Micros, only: str | None) -> None:
        self._tx = tx
        self._tenant = whose["tenant"]
        self._user = whose["user"]
        self._now = now
        self._only = only

    async def of(self, traces: Sequence[Row]) -> Counts:
        """Blank these; their summaries are made again of what is left."""
        listed = opaque.dumps(sorted(row[0] for row in traces))
        locked = await self._tx.all(LOCK, tenant=self._tenant, listed=listed)
        known = {row[0]: row for row in locked}
        spans = logs = 0
        emitters: set[str] = set()
        for day, some in _by_day(known).items():
            spans += await self._spans(day, opaque.dumps(some), emitters)
        logs = await self._logs(listed, emitters)
        await self._tx.run(BLANK_PARTS, tenant=self._tenant, listed=listed, user=self._only)
        await self._emitters(emitters)
        await derive(self._tx, self._tenant, self._now, known)
        return Counts(traces=len(known), spans=spans, logs=logs)

    async def _spans(self, day: int, listed: str, emitters: set[str]) -> int:
        key: dict[str, Any] = {"tenant": self._tenant, "day": day}
        found = await self._tx.all(SPANS, **key, listed=listed, user=self._only)
        emitters.update(row[4] for row in found if row[4] is not None)
        rows = [_blank_span(row) for row in found]
        await self._tx.many(BLANK_SPANS, rows, **key, events=opaque.EMPTY_LIST)
        await self._tx.many(DROP_WORDS, [row[:2] for row in rows], **key)
        return len(rows)

    async def _logs(self, listed: str, emitters: set[str]) -> int:
        found = await self._tx.all(LOGS, tenant=self._tenant, listed=listed, user=self._only)
        emitters.update(row[3] for row in found if row[3] is not None)
        rows = [(row[0], row[1], ids.new_id("log"), _blank_gist(row[2])) for row in found]
        return await self._tx.many(BLANK_LOGS, rows, tenant=self._tenant)

    async def _emitters(self, digests: Iterable[str]) -> None:
        """A process may have said of itself whose it is."""
        listed = opaque.dumps(sorted(digests))
        for digest, told in await self._tx.all(EMITTERS, tenant=self._tenant, listed=listed):
            content = _without_user(told, self._user)
            if content != told:
                args = {"tenant": self._tenant, "emitter": digest, "content": content}
                await self._tx.run(CHANGE_EMITTER, **args)


def _by_day(known: Mapping[str, Row]) -> Mapping[int, Sequence[str]]:
    days: dict[int, list[str]] = {}
    for trace_id, row in known.items():
        days.setdefault(row[1], []).append(trace_id)
    return days


def _blank_span(row: Row) -> tuple[str, str, str, str | None, str]:
    trace_id, span_id, gist, otel, _, attributes = row
    kept = attributes_text(structural(attributes_in(attributes)))
    return trace_id, span_id, _blank_gist(gist), None if otel is None else _blank_otel(otel), kept


def _blank_gist(gist: str) -> str:
    told = msgspec.structs.replace(decode_gist(gist), session_id=None, user_id=None, tags=())
    return encode_gist(told).decode()


def _blank_otel(otel: str) -> str:
    """How a span was sent, without what was said about its end and its links."""
    told = opaque.loads(otel)
    kept = {name: told[name] for name in _KEPT if name in told}
    links = [{**link, "trace_state": "", "attributes": {}} for link in told.get("links", ())]
    return opaque.dumps({**kept, "links": links} if links else kept)


def _without_user(content: str, user: str) -> str:
    resource, scope = emitter_of(content)
    return emitter_text(
        msgspec.structs.replace(resource, attributes=without_user(user, resource.attributes)),
        msgspec.structs.replace(scope, attributes=without_user(user, scope.attributes)),
    )
