"""The outbox of webhooks: from scores that were written to events, and from these to receivers.

The transaction that writes a score also writes that it is to be looked at (`webhook_due`), so a
crash loses none. Looking at it turns it into deliveries, again in one transaction. These are sent
outside of any, by whoever has claimed the webhook: a claim ends by itself when its owner crashed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from commonhold.model import clock, ids, opaque, wire_webhooks
from commonhold.model.clock import Clock, Micros
from commonhold.model.score import Score
from commonhold.model.webhook import (
    SPAN_US,
    Address,
    Batch,
    Conditions,
    Letter,
    Outcome,
    Ratio,
    Webhook,
)
from commonhold.model.windows import pieces
from commonhold.sql import rows
from commonhold.sql.database import Database, Tx
from commonhold.sql.statement import statement
from commonhold.sql.webhooks import webhook

FIRST = statement("first_told")
TAKE = statement("take_told")
TAKEN = statement("end_told")
SCORES = statement("read_scores")
ENABLED = statement("lock_enabled_webhooks")
COUNT = statement("count_feedback")
ADD = statement("add_deliveries")
FIRE = statement("fire_webhook")
FIRED = statement("list_fired")
REARM = statement("rearm_webhook")
WAITING = statement("list_waiting")
CLAIM = statement("claim_webhook")
DUE = statement("due_deliveries")
END = statement("end_attempt")
RELEASE = statement("release_webhook")
PENDING = statement("count_pending")
PRUNE = statement("prune_deliveries")

AT_ONCE = 64
"""Scores that are looked at in one transaction: few, so that others wait only shortly."""

BATCH = 8
"""Deliveries of one receiver that are sent side by side."""

GONE = "The receiver answered 410: it wants no more."

_Event = tuple[str, str, str, str | None, str]
"""Columns of `add_deliveries`."""


class SqlOutbox:
    """`contract.webhooks.Outbox` on a database."""

    def __init__(self, database: Database, now: Clock = clock.now) -> None:
        self._db = database
        self._now = now

    async def evaluate(self) -> int:
        if await self._db.one(FIRST) is None:
            return 0
        now = self._now()
        return await self._db.write(lambda tx: _evaluate(tx, now))

    async def rearm(self) -> None:
        for tenant, webhook_id, told in await self._db.all(FIRED):
            conditions = wire_webhooks.conditions_in(opaque.loads(told))
            up, down = await _thumbs(self._db, tenant, conditions, self._now())
            if conditions.ratio is None or conditions.ratio.is_well(up, down):
                await self._db.run(REARM, tenant=tenant, webhook_id=webhook_id)

    async def waiting(self, limit: int, /) -> Sequence[Address]:
        found = await self._db.all(WAITING, now=self._now(), limit=limit)
        return [Address(*row) for row in found]

    async def claim(self, address: Address, until: Micros, /) -> Batch | None:
        key = {"tenant": address.tenant, "webhook_id": address.webhook_id, "now": self._now()}

        async def unit(tx: Tx) -> Batch | None:
            found = await tx.one(CLAIM, **key, until=until)
            if found is None:
                return None
            due = await tx.all(DUE, **key, limit=BATCH)
            if not due:
                await tx.run(RELEASE, **key, because=None)
                return None
            return Batch(address, found[0], found[1], [Letter(*row) for row in due])

        return await self._db.write(unit)

    async def settle(self, address: Address, outcomes: Sequence[Outcome], /) -> None:
        key = {"tenant": address.tenant, "webhook_id": address.webhook_id, "now": self._now()}
        is_gone = any(each.is_gone for each in outcomes)

        async def unit(tx: Tx) -> None:
            await tx.run(RELEASE, **key, because=GONE if is_gone else None)
            for each in outcomes:
                await tx.run(
                    END,
                    **key,
                    delivery_id=each.delivery_id,
                    state=each.state,
                    due_at=each.due_at,
                    status=each.status,
                    error=each.error,
                )

        await self._db.write(unit)

    async def pending(self) -> int:
        row = await self._db.one(PENDING)
        return 0 if row is None else int(row[0])

    async def prune(self, before: Micros, /) -> int:
        return await self._db.run(PRUNE, before=before)


async def _evaluate(tx: Tx, now: Micros) -> int:
    """Take scores, and make events of them for every webhook of their tenants."""
    by_tenant: dict[str, list[str]] = defaultdict(list)
    taken = await tx.all(TAKE, limit=AT_ONCE)
    for _, tenant, score_id in taken:
        by_tenant[tenant].append(score_id)
    await tx.run(TAKEN, numbers=opaque.dumps([row[0] for row in taken]))
    for tenant, score_ids in sorted(by_tenant.items()):  # so that no two wait for each other
        await _evaluate_tenant(tx, tenant, score_ids, now)
    return len(taken)


async def _evaluate_tenant(tx: Tx, tenant: str, score_ids: Iterable[str], now: Micros) -> None:
    hooks = [webhook(row) for row in await tx.all(ENABLED, tenant=tenant)]
    if not hooks:
        return
    listed = opaque.dumps(list(dict.fromkeys(score_ids)))
    scores = [rows.score(row) for row in await tx.all(SCORES, tenant=tenant, listed=listed)]
    events = [
        _of_score(hook, score, now)
        for hook in hooks
        for score in scores
        if hook.conditions.match(score)
    ]
    for hook in hooks:
        if hook.conditions.ratio is not None:
            events += await _of_ratio(tx, tenant, hook, hook.conditions.ratio, now)
    if events:
        await tx.many(ADD, events, tenant=tenant, now=now)


def _of_score(hook: Webhook, score: Score, now: Micros) -> _Event:
    """Its id is that of the score as it stands, so that looking twice tells once."""
    seen = f"{hook.webhook_id}/{score.score_id}/{score.updated_at}"
    event = f"evt_{sha256(seen.encode()).hexdigest()[:32]}"
    told = wire_webhooks.payload(
        event, "score.matched", now, hook.webhook_id, wire_webhooks.score_data(score)
    )
    return hook.webhook_id, event, "score.matched", score.score_id, told


async def _of_ratio(
    tx: Tx, tenant: str, hook: Webhook, ratio: Ratio, now: Micros
) -> Sequence[_Event]:
    """The event that a ratio has become bad, once."""
    key = {"tenant": tenant, "webhook_id": hook.webhook_id}
    up, down = await _thumbs(tx, tenant, hook.conditions, now)
    if hook.fired_at is not None:
        if ratio.is_well(up, down):
            await tx.run(REARM, **key)
        return ()
    if not ratio.is_bad(up, down) or await tx.one(FIRE, **key, now=now) is None:
        return ()
    event = ids.new_id("evt")
    data = wire_webhooks.ratio_data(ratio, up, down, now)
    told = wire_webhooks.payload(event, "ratio.crossed", now, hook.webhook_id, data)
    return [(hook.webhook_id, event, "ratio.crossed", None, told)]


async def _thumbs(
    at: Tx | Database, tenant: str, conditions: Conditions, now: Micros
) -> tuple[int, int]:
    """Thumbs up and down of the window that ends now: whole hours and days from what is counted."""
    ratio = conditions.ratio
    since = now + 1 - (0 if ratio is None else SPAN_US[ratio.window])
    cut = [piece._asdict() for piece in pieces(0, since, now + 1)]
    narrowed: Mapping[str, str | None] = conditions.narrowed
    found = await at.all(
        COUNT,
        tenant=tenant,
        pieces=opaque.dumps(cut),
        group_by="",
        width=1,
        shift=0,
        **narrowed,
    )
    return sum(row[3] for row in found), sum(row[4] for row in found)
