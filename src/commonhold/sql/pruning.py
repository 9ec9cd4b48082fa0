"""The beginnings of the audit log are taken away: the one place where rows of it are removed.

Triggers that refuse to are lifted by who owns the tables, in the transaction that ends with them in
place again, so that nobody else ever finds them gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from commonhold.errors import Conflict, Unavailable
from commonhold.model.audit import AuditEvent
from commonhold.model.months import month_name
from commonhold.model.seal import Cut
from commonhold.sql.audit import add_events
from commonhold.sql.database import Database, Tx
from commonhold.sql.partitions import become_owner
from commonhold.sql.statement import statement

ADD_CUTS = statement("add_audit_cuts")
PRUNE_EVENTS = statement("prune_audit_events")
PRUNE_LINKS = statement("prune_audit_links")

PRUNED = ("audit_event", "audit_seal")
LOCK_TIMEOUT = "10s"
"""How long the log waits for who reads it; whoever comes meanwhile waits behind."""

_IS_HIDDEN = "SELECT current_user::text WHERE row_security_active('audit_event')"
_GUARDS = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name IN "
    "('audit_event_is_not_removed', 'audit_seal_is_not_removed')"
)
_MONTHS = """
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_event'::regclass AND c.relname ~ '^audit_event_[0-9]{6}$'
    AND c.relname < $1
"""
_STAYS = """
SELECT EXISTS (
    SELECT 1 FROM {} e
    LEFT JOIN (SELECT tenant, max(seq) AS seq FROM audit_cut GROUP BY tenant) c USING (tenant)
    WHERE c.seq IS NULL OR e.seq > c.seq
)
"""


class SqlPruner:
    """`contract.audit.AuditPruner` on a database, across tenants."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def check(self) -> None:
        if self._db.has_partitions:
            await self._db.write(_own)

    async def prune(self, cuts: Sequence[Cut], told: Sequence[AuditEvent], /) -> None:
        take = _on_postgres if self._db.has_partitions else _on_sqlite
        await self._db.write(lambda tx: take(tx, cuts, told))


async def _on_sqlite(tx: Tx, cuts: Sequence[Cut], told: Sequence[AuditEvent]) -> None:
    guards = await tx.query(_GUARDS)
    await tx.script("".join(f"DROP TRIGGER {name};\n" for name, _ in guards))
    await tx.many(ADD_CUTS, [astuple(cut) for cut in cuts])
    await _take(tx, cuts, told)
    await tx.script("".join(f"{text};\n" for _, text in guards))


async def _on_postgres(tx: Tx, cuts: Sequence[Cut], told: Sequence[AuditEvent]) -> None:
    await _own(tx)
    # At once and first: who seals reads one of them before it writes to the other.
    await tx.script(
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';"
        f"LOCK TABLE {', '.join(PRUNED)} IN ACCESS EXCLUSIVE MODE"
    )
    for table in PRUNED:
        await tx.script(f"ALTER TABLE ONLY {table} DISABLE TRIGGER {table}_is_kept")
    await tx.many(ADD_CUTS, [astuple(cut) for cut in cuts])
    await _drop_months(tx, cuts)
    await _take(tx, cuts, told)
    for table in PRUNED:
        await tx.script(f"ALTER TABLE ONLY {table} ENABLE TRIGGER {table}_is_kept")


async def _take(tx: Tx, cuts: Sequence[Cut], told: Sequence[AuditEvent]) -> None:
    for cut, event in zip(cuts, told, strict=True):
        await tx.run(PRUNE_EVENTS, tenant=cut.tenant, before=cut.pruned_before, upto=cut.seq)
        if await tx.run(PRUNE_LINKS, tenant=cut.tenant, upto=cut.n) != event.count:
            raise Conflict("The audit log changed meanwhile, and nothing was pruned. Try again.")
    await add_events(tx, told)


async def _own(tx: Tx) -> None:
    """Be who owns the log, and sees all of it."""
    await become_owner(tx, PRUNED[0])
    for (role,) in await tx.query(_IS_HIDDEN):
        raise Unavailable(
            f"Row-level security hides events from the role {role}: ALTER ROLE {role} BYPASSRLS."
        )


async def _drop_months(tx: Tx, cuts: Sequence[Cut]) -> None:
    """Drop the partitions of which no event stays; of the others rows are deleted, one by one."""
    before = max(cut.pruned_before for cut in cuts)
    first_to_stay = f"audit_event_{month_name(before).replace('-', '')}"
    for (month,) in await tx.query(_MONTHS, first_to_stay):
        if not (await tx.query(_STAYS.format(month)))[0][0]:
            await tx.script(f"DROP TABLE {month}")
