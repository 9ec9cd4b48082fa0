"""Erasures over SQL."""

from __future__ import annotations

from typing import Any

from commonhold.errors import NotFound
from commonhold.model import clock, ids
from commonhold.model.erasure import COUNTED, Counts, Erasure, check_user, label_of, new_erasure_id
from commonhold.model.once import used_before
from commonhold.model.page import DEFAULT_LIMIT, Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.sql.database import Database, Row, Tx, certain
from commonhold.sql.eraser import STAGES, Claim, Eraser
from commonhold.sql.erasing import Whose
from commonhold.sql.statement import statement

CREATE = statement("create_erasure")
GET = statement("get_erasure")
RUNNING = statement("running_erasure")
LIST = statement("list_erasures")
SURVEY = statement("survey_user")

PATIENCE_S = 5.0
"""How long whoever asks for an erasure waits for its end, in seconds."""


class SqlErasures:
    """`contract.erasures.Erasures` on a database."""

    def __init__(
        self, database: Database, scope: Scope, eraser: Eraser, patience_s: float = PATIENCE_S
    ) -> None:
        self._db = database
        self._tenant = scope.tenant
        author = scope.author
        self._asker = author.user or author.agent or author.actor
        self._eraser = eraser
        self._patience_s = patience_s

    async def create(self, user: str, /, *, key: str | None = None) -> Erasure:
        check_user(user)
        erasure_id = new_erasure_id(self._asker, key)
        begun = await self._db.write(lambda tx: self._begin(tx, user, erasure_id))
        claim = await self._eraser.claim(self._tenant, begun.erasure_id)
        if claim is None:  # it is done, or somebody goes on with it
            return begun
        await self._go_on(claim)
        return await self.get(claim.erasure_id)

    async def survey(self, user: str, /) -> Erasure:
        now = clock.now()
        whose = Whose(tenant=self._tenant, user=check_user(user), before=now)
        row = certain(await self._db.one(SURVEY, **whose, label=label_of(user)), "it only counts")
        sessions, messages, feedback, traces, spans = row
        counts = Counts(
            sessions=sessions, messages=messages, feedback=feedback, traces=traces, spans=spans
        )
        return Erasure(user, self._asker, counts, now)

    async def get(self, erasure_id: str, /) -> Erasure:
        key = {"tenant": self._tenant, "erasure_id": erasure_id}
        row = await self._db.one(GET, **key) if ids.is_key(erasure_id) else None
        if row is None:
            raise NotFound(f"Erasure {erasure_id} not found")
        return _erasure(row)

    async def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str = "") -> Page[Erasure]:
        check_window(limit, 0)
        at, last = decode_cursor(cursor) if cursor else (None, None)
        rows = await self._db.all(LIST, tenant=self._tenant, at=at, id=last, limit=limit + 1)
        found = [_erasure(row) for row in rows]
        return page_of(found, limit, lambda each: (each.started_at, each.erasure_id or ""))

    async def _begin(self, tx: Tx, user: str, erasure_id: str) -> Erasure:
        """A new erasure, or the one that is the answer already."""
        key = {"tenant": self._tenant, "erasure_id": erasure_id}
        row = await tx.one(GET, **key) or await tx.one(RUNNING, tenant=self._tenant, user=user)
        if row is None:
            given: dict[str, Any] = {"user": user, "asked_by": self._asker, "now": clock.now()}
            row = await tx.one(CREATE, **key, **given, stage=STAGES[0])
        if row is None:  # somebody was faster with the same key
            row = certain(await tx.one(GET, **key), "its id is taken")
        found = _erasure(row)
        if found.user != user:
            raise used_before()
        return found

    async def _go_on(self, claim: Claim) -> None:
        """Do what can be done while somebody waits."""
        deadline = clock.monotonic() + self._patience_s
        left: Claim | None = claim
        while left is not None and clock.monotonic() < deadline:
            left = await self._eraser.step(left)
        if left is not None:
            await self._eraser.release(left)


def _erasure(row: Row) -> Erasure:
    erasure_id, user, asked_by, *counted, started_at, finished_at = row
    counts = Counts(**dict(zip(COUNTED, counted, strict=True)))
    return Erasure(user, asked_by, counts, started_at, erasure_id, finished_at)
