"""How traces are written: one bulk write for all requests that wait, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from commonhold.errors import Conflict, Unavailable
from commonhold.model import clock, opaque
from commonhold.model.clock import Micros
from commonhold.model.gist import decode_gist
from commonhold.model.scope import Scope
from commonhold.model.summary import LogFacts, Part, SpanFacts, summarise
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.judgement_writes import JudgementWriter, Raced
from commonhold.sql.made import Made, made
from commonhold.sql.scope import Stamp, author_of
from commonhold.sql.seen import News, Seen
from commonhold.sql.spans import Batch
from commonhold.sql.statement import Statement, statement

LOCK = statement("lock_traces")
BEGIN = statement("begin_traces")
DERIVE = statement("derive_traces")
PUT_PARTS = statement("put_parts")
ADD_SPANS = statement("add_spans")
PUT_SPANS = statement("put_spans")
PUT_LOGS = statement("put_logs")
PUT_EMITTERS = statement("put_emitters")
READ_FACTS = statement("read_facts")
READ_PARTS = statement("read_parts")
READ_LOGS = statement("read_log_gists")
ADD_LABELS = statement("add_labels")
ADD_SHARES = statement("add_shares")
PUT_LABELS = statement("put_labels")
DROP_LABELS = statement("drop_labels")
PUT_SHARES = statement("put_shares")
DROP_SHARES = statement("drop_shares")
SEE_AGENTS = statement("see_agents")
ADD_JOB = statement("add_job")

TRIES = 5
DAY = 86_400_000_000
"""Microseconds of a day."""


class _Raced(Conflict):
    """Somebody else began one of the traces meanwhile."""


@dataclass(frozen=True, slots=True)
class Writing:
    """On whose behalf a batch is written, when, and what is to be done about it later."""

    tenant: str
    stamp: Stamp
    now: Micros
    jobs: Sequence[str]
    news: News
    judge: JudgementWriter

    @property
    def day(self) -> int:
        """Days since 1970: the partition of traces that begin now."""
        return self.now // DAY


async def write(database: Database, seen: Seen, tenant: str, author: Stamp, batch: Batch) -> None:
    """Write a batch in one transaction.

    Raises:
        Unavailable: others began the same traces again and again.
    """
    judge = JudgementWriter(database, Scope(tenant, author_of(author)))
    for _ in range(TRIES):
        now = clock.now()
        news = seen.news(tenant, batch, now)
        writing = Writing(tenant, author, now, seen.jobs, news, judge)
        try:
            await database.write(partial(_write, writing=writing, batch=batch))
        except (_Raced, Raced):
            continue
        seen.keep(tenant, news, now)
        return
    raise Unavailable("Others write to the same traces. Nothing was written; try again.")


async def _write(tx: Tx, writing: Writing, batch: Batch) -> None:
    tenant, ids = writing.tenant, batch.trace_ids
    found = await tx.all(LOCK, tenant=tenant, listed=opaque.dumps(ids))
    known = {row[0]: row for row in found}
    author = author_of(writing.stamp)
    new = [batch.made_of(trace_id, author) for trace_id in ids if trace_id not in known]
    if await _begin(tx, writing, new) < len(new):
        raise _Raced
    await _put(tx, writing, batch, {trace_id: row[1] for trace_id, row in known.items()})
    await _find_by(tx, tenant, new, (ADD_LABELS, ADD_SHARES))
    if known:
        await derive(tx, tenant, writing.now, known)
    if batch.scores:  # last, when what they are about is there
        await writing.judge.put_in(tx, batch.scores)


async def _begin(tx: Tx, writing: Writing, new: Sequence[Made]) -> int:
    rows = [each.cells for each in new]
    return await tx.many(BEGIN, rows, tenant=writing.tenant, day=writing.day, now=writing.now)


async def _put(tx: Tx, writing: Writing, batch: Batch, days: Mapping[str, int]) -> None:
    """The rows that the batch holds, each with its author, and what is to be done about them."""
    stamped: dict[str, Any] = {"tenant": writing.tenant, **writing.stamp}
    await tx.many(PUT_EMITTERS, writing.news.emitters, tenant=writing.tenant)
    await tx.many(SEE_AGENTS, writing.news.agents, tenant=writing.tenant)
    await tx.many(PUT_PARTS, [*map(_part, batch.parts.items())], now=writing.now, **stamped)
    old, new = _spans(batch, days)
    await tx.many(ADD_SPANS, new, day=writing.day, **stamped)
    await tx.many(PUT_SPANS, old, **stamped)
    logs = [cells for items in batch.logs.values() for _, cells in items.values()]
    await tx.many(PUT_LOGS, logs, **stamped)
    await _plan(tx, writing, batch, days)


def _spans(
    batch: Batch, days: Mapping[str, int]
) -> tuple[list[Sequence[Any]], list[Sequence[Any]]]:
    """Rows of traces that were there, with their day, some of which may be too; and all others."""
    old: list[Sequence[Any]] = []
    new: list[Sequence[Any]] = []
    for trace_id, items in batch.spans.items():
        day = days.get(trace_id)
        if day is None:
            new += items.values()
        else:
            old += [(day, *cells) for cells in items.values()]
    return old, new


def _part(item: tuple[str, Part]) -> Sequence[Any]:
    trace_id, part = item
    return (trace_id, part.started_at, part.ended_at, part.model, part.session_id, part.status)


async def derive(tx: Tx, tenant: str, now: Micros, known: Mapping[str, Row]) -> None:
    """Make traces that were there before again, out of all that is there now.

    `known` are their rows of `lock_traces`, by id.
    """
    derived = await _all_of(tx, tenant, known)
    await tx.many(DERIVE, [each.cells for each in derived], tenant=tenant, now=now)
    # What a trace was found by at another time, or is no longer found by, goes.
    moved = [
        known[each.trace_id] for each in derived if each.place != tuple(known[each.trace_id][2:5])
    ]
    labels = [(name, row[2], row[0]) for row in moved for name in opaque.loads(row[3])]
    agents = [(name, row[2], row[0]) for row in moved for name in opaque.loads(row[4])]
    await tx.many(DROP_LABELS, labels, tenant=tenant)
    await tx.many(DROP_SHARES, agents, tenant=tenant)
    await _find_by(tx, tenant, derived, (PUT_LABELS, PUT_SHARES))


async def _all_of(tx: Tx, tenant: str, known: Mapping[str, Row]) -> list[Made]:
    spans: dict[str, list[SpanFacts]] = {trace_id: [] for trace_id in known}
    parts: dict[str, list[Part]] = {trace_id: [] for trace_id in known}
    logs: dict[str, list[LogFacts]] = {trace_id: [] for trace_id in known}
    users: dict[str, set[str]] = {trace_id: set() for trace_id in known}
    for day, ids in _by_day(known).items():
        args = {"tenant": tenant, "day": day, "listed": opaque.dumps(ids)}
        for row in await tx.all(READ_FACTS, **args):
            spans[row[0]].append(_facts(row))
            users[row[0]].add(row[9])
    listed = opaque.dumps(list(known))
    for row in await tx.all(READ_PARTS, tenant=tenant, listed=listed):
        parts[row[0]].append(Part(*row[1:7]))
        users[row[0]].add(row[7])
    for row in await tx.all(READ_LOGS, tenant=tenant, listed=listed):
        logs[row[0]].append(LogFacts(row[1], decode_gist(row[2])))
    return [
        made(summarise(each, spans[each], parts[each], logs[each], users[each])) for each in known
    ]


def _by_day(known: Mapping[str, Row]) -> Mapping[int, Sequence[str]]:
    days: dict[int, list[str]] = {}
    for trace_id, row in known.items():
        days.setdefault(row[1], []).append(trace_id)
    return days


def _facts(row: Row) -> SpanFacts:
    gist = decode_gist(row[8])
    failed = row[6] == "error" or gist.is_error
    cells: Sequence[Any] = (*row[1:6], failed, row[7], gist)
    return SpanFacts(*cells)


async def _find_by(
    tx: Tx, tenant: str, traces: Iterable[Made], put: tuple[Statement, Statement]
) -> None:
    """What traces are found by, and the shares of their agents."""
    labels: list[Sequence[Any]] = []
    shares: list[Sequence[Any]] = []
    for each in traces:
        labels += [(label, each.started_at, each.trace_id) for label in each.labels]
        shares += each.shares
    put_labels, put_shares = put
    await tx.many(put_labels, labels, tenant=tenant)
    await tx.many(put_shares, shares, tenant=tenant)


async def _plan(tx: Tx, writing: Writing, batch: Batch, days: Mapping[str, int]) -> None:
    """What is to be done about the spans later, in the transaction that writes them."""
    by_day: dict[int, dict[str, list[str]]] = {}
    for trace_id, items in batch.spans.items():
        day = days.get(trace_id, writing.day)
        by_day.setdefault(day, {})[trace_id] = list(items)
    for day, spans in by_day.items():
        for kind in writing.jobs:
            told = {"kind": kind, "day": day, "spans": opaque.dumps(spans)}
            await tx.run(ADD_JOB, tenant=writing.tenant, now=writing.now, **told)
