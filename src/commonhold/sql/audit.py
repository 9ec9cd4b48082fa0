"""The audit log over SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

from commonhold.errors import Conflict
from commonhold.model import clock
from commonhold.model.audit import AuditEvent, AuditQuery, Kept
from commonhold.model.clock import Micros
from commonhold.model.page import Page, decode_cursor, page_of
from commonhold.model.seal import Cut, Link, SealKey, link
from commonhold.sql.database import Database, Row, Tx, certain
from commonhold.sql.statement import statement

ADD = statement("add_audit_events")
LIST = statement("list_audit_events")
READ = statement("read_audit_events")
HORIZON = statement("read_audit_horizon")
TIP = statement("read_audit_tip")
HEAD = statement("last_audit_link")
LINKS = statement("read_audit_links")
ADD_LINKS = statement("add_audit_links")
WAITING = statement("count_audit_events")
CUTS = statement("list_audit_cuts")
LAST_CUT = statement("last_audit_cut")

APPEND_ONLY = ("audit_event", "audit_seal", "audit_cut")
"""Tables to which rows are only added: a role that serves needs INSERT and SELECT on them."""

_FAR = 2**63 - 1
_FIELDS = tuple(field.name for field in fields(AuditEvent))


class SqlAudit:
    """`contract.audit.AuditLog` on a database: a list is of one tenant, all else is across them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, events: Sequence[AuditEvent], /) -> None:
        await self._db.write(lambda tx: add_events(tx, events))

    async def list(self, tenant: str, query: AuditQuery, /) -> Page[Kept]:
        at, before = _place(query.cursor)
        found = await self._db.within(tenant).all(
            LIST,
            tenant=tenant,
            operation=query.operation,
            actor=query.actor,
            decision=query.decision,
            since=query.since,
            until=query.until,
            at=at,
            before=before,
            limit=query.limit + 1,
        )
        return page_of([_kept(row) for row in found], query.limit, _key)

    async def seal(self, key: SealKey, limit: int, /) -> Sequence[Link] | None:
        (horizon,) = certain(await self._db.one(HORIZON), "one row is always there")
        if horizon is None:
            return None
        try:
            return await self._db.write(lambda tx: _seal(tx, key, horizon, limit))
        except Conflict:  # another replica sealed them meanwhile
            return None

    async def tip(self) -> int:
        (seq,) = certain(await self._db.one(TIP), "one row is always there")
        return int(seq)

    async def events_from(
        self, after: int, limit: int, /, *, upto: int | None = None
    ) -> Sequence[Kept]:
        found = await self._db.all(READ, after=after, upto=upto, limit=limit)
        return [_kept(row) for row in found]

    async def waiting(self, after: int, /, *, before: Micros | None = None) -> int:
        found = await self._db.one(WAITING, after=after, before=before)
        (count,) = certain(found, "a count is always there")
        return int(count)

    async def cuts(self) -> Sequence[Cut]:
        return [_cut(row) for row in await self._db.all(CUTS)]

    async def links_from(self, after: int, limit: int, /) -> Sequence[Link]:
        return [_link(row) for row in await self._db.all(LINKS, after=after, limit=limit)]


async def add_events(tx: Tx, events: Sequence[AuditEvent]) -> None:
    """Keep events in the transaction of what they tell of, as its last statement."""
    await tx.many(ADD, [astuple(event.cut()) for event in events])


async def _seal(tx: Tx, key: SealKey, horizon: int, limit: int) -> Sequence[Link]:
    (tip,) = certain(await tx.one(TIP), "one row is always there")
    made: list[Link] = []
    heads: dict[str, Link | None] = {}
    for row in await tx.all(READ, after=tip, upto=horizon, limit=limit):
        kept = _kept(row)
        tenant = kept.event.tenant
        if tenant not in heads:
            heads[tenant] = await _head(tx, tenant)
        heads[tenant] = linked = link(key, kept, heads[tenant])
        made.append(linked)
    await tx.many(ADD_LINKS, [astuple(each) for each in made], now=clock.now())
    return made


async def _head(tx: Tx, tenant: str) -> Link | None:
    """The last link of a tenant; where all of its links were pruned, the cut has it."""
    if (head := await tx.one(HEAD, tenant=tenant)) is not None:
        return _link(head)
    last = await tx.one(LAST_CUT, tenant=tenant)
    return None if last is None else _cut(last).link()


def _kept(row: Row) -> Kept:
    return Kept(row[0], AuditEvent(**dict(zip(_FIELDS, row[1:], strict=True))))


def _link(row: Row) -> Link:
    return Link(row[0], row[1], row[2], row[3], bytes(row[4]))


def _cut(row: Row) -> Cut:
    tenant, n, seq, head, pruned_before, cut_at, key_id, mac = row
    return Cut(tenant, n, seq, bytes(head), pruned_before, cut_at, key_id, bytes(mac))


def _key(kept: Kept) -> tuple[int, str]:
    return kept.event.at, str(kept.seq)


def _place(cursor: str | None) -> tuple[int | None, int | None]:
    if cursor is None:
        return None, None
    at, seq = decode_cursor(cursor)
    return at, int(seq) if seq.isdecimal() and len(seq) < 19 else _FAR
