"""Judgements are written in the transaction of the spans and log records they came with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from commonhold.errors import Conflict
from commonhold.model import clock, opaque
from commonhold.model.feedback import ANONYMOUS
from commonhold.model.scope import Scope
from commonhold.model.score import NewScore, Score
from commonhold.model.words import words_in
from commonhold.sql import rows
from commonhold.sql.database import Database, Tx
from commonhold.sql.feedback_turns import Found, Target, Voter, find, vote_key
from commonhold.sql.feedback_writes import FIELDS, INDEX, FeedbackWriter, counted_by, is_same
from commonhold.sql.statement import statement

KNOWN = statement("list_named_scores")
VOTES = statement("list_votes")
SUPERSEDE = statement("supersede_votes")
PUT = statement("put_judgements")

_SAID = (
    *("score_id", "name", "data_type", "value_num", "label", "comment", "source", "source_id"),
    *("identifier", "metadata", "error", "trace_id", "span_id", "session_id", "response_id"),
)


class Raced(Conflict):
    """Somebody else wrote one of the records meanwhile."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A judgement, what it is about, and what it has in common with those it takes the place of."""

    new: NewScore
    found: Found
    key: str | None

    @property
    def score_id(self) -> str:
        """Its id, which a judgement always has."""
        return self.new.score_id or ""


class JudgementWriter(FeedbackWriter):
    """Writes judgements of one author. They are nobody's vote: each stands for itself.

    Only one with an identifier takes the place of the one before. That one stays under its id, so
    that it is known when it comes again.
    """

    def __init__(self, database: Database, scope: Scope) -> None:
        super().__init__(database, scope)
        self._user_id = ANONYMOUS
        self._agent = scope.author.agent

    async def put_in(self, tx: Tx, scores: Mapping[str, NewScore]) -> None:
        """Keep what is new, and follow what was changed; another author's stays as it is.

        Raises:
            Raced: somebody else wrote one of them meanwhile.
        """
        listed = opaque.dumps(list(scores))
        found = await tx.all(KNOWN, tenant=self._tenant, listed=listed)
        known = {score.score_id: score for score in map(rows.score, found)}
        await self._add(tx, [new for new in scores.values() if new.score_id not in known])
        for new in scores.values():
            before = known.get(new.score_id or "")
            if before is not None and self._is_changed(before, new):
                await self._put(tx, new)

    def _is_changed(self, before: Score, new: NewScore) -> bool:
        is_ours = (before.author, before.user_id) == (self._agent, self._user_id)
        return is_ours and not is_same(before, {name: getattr(new, name) for name in FIELDS})

    async def _add(self, tx: Tx, new: Sequence[NewScore]) -> None:
        """Keep new ones, in as many statements for many as for one."""
        placed = await self._placed(tx, new)
        last = {each.key: each.score_id for each in placed if each.key is not None}
        listed = opaque.dumps(sorted(last))
        held = await tx.all(VOTES, tenant=self._tenant, listed=listed) if last else ()
        await tx.many(SUPERSEDE, [(row[1], last[row[0]]) for row in held], tenant=self._tenant)
        # In the order of what they are counted by, so that two writers do not wait for each other.
        cells = [_cells(each, last) for each in sorted(placed, key=_order)]
        now, stamped = clock.now(), {"tenant": self._tenant, **self._stamp}
        if await tx.many(PUT, cells, user_id=self._user_id, now=now, **stamped) < len(cells):
            raise Raced
        told = [(each.score_id, words_in(each.comment)) for each in new if each.comment]
        await tx.many(INDEX, [each for each in told if each[1]], tenant=self._tenant)

    async def _placed(self, tx: Tx, new: Sequence[NewScore]) -> Sequence[_Placed]:
        """Judgements with what they are about, of which many are about the spans of one trace."""
        known: dict[tuple[str | None, str | None], Found] = {}
        placed = []
        for each in new:
            about = (each.trace_id, each.session_id)
            if about not in known:
                known[about] = await find(tx, self._tenant, _target(each, self._agent))
            found = known[about]
            if each.span_id is not None:
                found = replace(found, target=("span", found.trace_key or "", each.span_id))
            placed.append(_Placed(each, found, self._key(each, found)))
        return placed

    def _key(self, new: NewScore, found: Found) -> str | None:
        voter = Voter(self._agent, self._user_id, new.name, new.source, new.identifier)
        return vote_key(voter, found.target)


def _target(new: NewScore, author: str) -> Target:
    """What a judgement is about, but for the span."""
    return Target(new.session_id, None, None, new.trace_id, None, None, None, author)


def _order(placed: _Placed) -> tuple[str, ...]:
    return counted_by(placed.new)


def _cells(placed: _Placed, last: Mapping[str, str]) -> Sequence[Any]:
    """A row of `put_judgements`; of several that are one, the last stands and awaits the rest."""
    said = [getattr(placed.new, name) for name in _SAID]
    by = placed.score_id if placed.key is None else last[placed.key]
    if by == placed.score_id:
        return (*said, placed.key, None, *placed.found.columns.values())
    found = replace(placed.found, awaits_trace=None, awaits_turn=None, awaits_run=None)
    return (*said, None, by, *found.columns.values())
