"""Every call of the audit log."""

from __future__ import annotations

from dataclasses import astuple, replace

from commonhold.model import clock
from commonhold.model.audit import AuditEvent, AuditQuery
from commonhold.model.clock import Micros
from commonhold.model.seal import Cut, SealKey
from commonhold.sql import SqlBackend
from commonhold.sql.audit import SqlAudit
from commonhold.sql.pruning import ADD_CUTS, SqlPruner
from commonhold.testing.factories import NOON

KEY = SealKey(b"a key of seals of thirty-two bytes")


def event(n: int = 0) -> AuditEvent:
    """One of many."""
    who = f"agent:a{n % 5}"
    return AuditEvent(at=Micros(NOON + n), operation="keys.write", decision="denied", actor=who)


async def settle(backend: SqlBackend) -> None:
    """Events enough that no planner reads all of them for one, of two months, and sealed."""
    log, today = SqlAudit(backend.database), clock.now()
    await log.add([event(n) for n in range(2000)])
    await log.add([replace(event(n), at=Micros(today + n)) for n in range(2000)])
    while await log.seal(KEY, 1000):
        pass
    cuts = [Cut(f"t{n}", n, n, KEY.value, Micros(NOON), Micros(NOON)) for n in range(500)]
    await backend.database.write(lambda tx: tx.many(ADD_CUTS, [astuple(cut) for cut in cuts]))


async def visit(backend: SqlBackend) -> None:
    """Every call of the contract."""
    log = SqlAudit(backend.database)
    await log.add([event()])
    assert await log.seal(KEY, 10)
    first = await log.list("default", AuditQuery(limit=20))
    await log.list("default", AuditQuery(limit=20, cursor=first.cursor))
    since, until = Micros(NOON + 100), Micros(NOON + 900)
    await log.list("default", AuditQuery(since=since, until=until, operation="keys.write"))
    await log.list("default", AuditQuery(actor="agent:a1", decision="denied"))
    tip = await log.tip()
    assert await log.links_from(tip - 5, 10)
    assert await log.waiting(tip - 5, before=since) == 1  # the last that was added is an old one
    await prune(backend, log)
    assert len(await log.events_from(0, 10, upto=tip)) == 10


async def prune(backend: SqlBackend, log: SqlAudit) -> None:
    """Take the first few events away, and go on from there."""
    link = (await log.links_from(0, 5))[-1]
    cut = Cut(link.tenant, link.n, link.seq, link.mac, Micros(NOON + 9), clock.now()).sealed(KEY)
    pruner = SqlPruner(backend.database)
    await pruner.check()
    await pruner.prune([cut], [replace(event(), count=link.n)])
    assert cut in await log.cuts()
    await log.add([replace(event(), tenant="another")])
    assert await log.seal(KEY, 10)
