"""Judgements are written in the transaction of the spans and log records they came with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commonhold.model import opaque
from commonhold.model.feedback import ANONYMOUS
from commonhold.model.scope import Scope
from commonhold.model.score import NewScore, Score
from commonhold.sql import rows
from commonhold.sql.database import Database, Tx
from commonhold.sql.feedback_turns import SUPERSEDE, VOTE, Found
from commonhold.sql.feedback_writes import FIELDS, FeedbackWriter, counted_by, is_same
from commonhold.sql.statement import statement

KNOWN = statement("list_named_scores")


class JudgementWriter(FeedbackWriter):
    """Writes judgements of one author. They are nobody's vote, so that each of them stands."""

    def __init__(self, database: Database, scope: Scope) -> None:
        super().__init__(database, scope)
        self._user_id = ANONYMOUS

    async def put_in(self, tx: Tx, scores: Mapping[str, NewScore]) -> None:
        """Keep what is new, and follow what was changed; another author's stays as it is."""
        listed = opaque.dumps(list(scores))
        found = await tx.all(KNOWN, tenant=self._tenant, listed=listed)
        known = {score.score_id: score for score in map(rows.score, found)}
        for new in sorted(scores.values(), key=counted_by):
            before = known.get(new.score_id or "")
            if before is None or (self._is_ours(before) and not _says(before, new)):
                await self._put(tx, new)

    def _is_ours(self, score: Score) -> bool:
        return (score.author, score.user_id) == (self._stamp["owner_agent"], self._user_id)

    async def _create(self, tx: Tx, new: NewScore, args: dict[str, Any], found: Found) -> Score:
        # What it takes the place of stays under its id: when that comes again, it is known.
        key = self._vote_key(new, found)
        row = key and await tx.one(VOTE, tenant=self._tenant, vote_key=key)
        if row:
            told = {"tenant": self._tenant, "feedback_id": row[0]}
            await tx.run(SUPERSEDE, **told, by=new.score_id)
        return await super()._create(tx, new, args, found)


def _says(before: Score, new: NewScore) -> bool:
    return is_same(before, {name: getattr(new, name) for name in FIELDS})
