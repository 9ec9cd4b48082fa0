"""Feedback as it is written: one record, or many in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from commonhold.errors import Conflict, NotFound
from commonhold.model import clock, ids
from commonhold.model.feedback import ANONYMOUS
from commonhold.model.once import Once, used_before
from commonhold.model.scope import Scope
from commonhold.model.score import NewScore, Score, ScorePatch, changed, check_count
from commonhold.model.words import words_in
from commonhold.sql import rows
from commonhold.sql.database import Database, Tx, certain
from commonhold.sql.feedback_turns import BIND, TARGET, Found, Target, Voter, find, vote_key
from commonhold.sql.scope import stamp
from commonhold.sql.statement import statement

CREATE = statement("create_feedback")
REPLACE = statement("replace_feedback")
LOCK = statement("lock_feedback")
PATCH = statement("patch_feedback")
DELETE = statement("delete_feedback")
INDEX = statement("index_feedback")
UNINDEX = statement("drop_feedback_words")

FIELDS = (
    *("name", "data_type", "value_num", "label", "value_json", "comment", "correction", "source"),
    *("source_id", "identifier", "metadata", "environment", "config_id", "error", "trace_id"),
    *("span_id", "session_id", "message_id", "turn_index", "response_id", "model_id"),
    *("latency_ms", "agent_type"),
)
_COUNTED_BY = ("agent_type", "model_id", "name", "label", "source")


class FeedbackWriter:
    """Writes the feedback of one tenant as one author."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self._db = database
        self._author = scope.author
        self._tenant = scope.tenant
        self._only = {"owned_by": scope.only.owned_by, "of_user": scope.only.user}
        self._stamp = stamp(scope)
        self._user_id = scope.author.user or ANONYMOUS

    async def put_one(self, new: NewScore, *, is_keyed: bool = False) -> Score:
        """Keep one score; its id is that of an idempotency key, where it `is_keyed`.

        Raises:
            Conflict: a score of that id is another author's, or the key was used for another.
        """

        async def unit(tx: Tx) -> Score:
            return await self._put(tx, new, is_keyed=is_keyed)

        # One that has no words is one statement after what is only read.
        if not new.comment and not new.correction and new.score_id is None:
            with suppress(Conflict):  # others were faster: again, as often as it takes
                return await self._db.optimistic(unit)
        return await self._db.write(unit)

    async def put(self, new: Sequence[NewScore], key: str | None) -> tuple[Score, ...]:
        """Keep scores, all of them or none.

        Raises:
            Conflict: a score of that id is another author's, or the key was used for others.
            InvalidRequest: there are too many.
        """
        check_count(new)
        named = self._named(new, key)
        keyed = [one is not other for one, other in zip(named, new, strict=True)]
        if len(named) == 1:
            return (await self.put_one(named[0], is_keyed=keyed[0]),)
        # In the order of what they are counted by, so that two writers do not wait for each other.
        order = sorted(range(len(named)), key=lambda n: counted_by(named[n]))

        async def unit(tx: Tx) -> dict[int, Score]:
            return {n: await self._put(tx, named[n], is_keyed=keyed[n]) for n in order}

        kept = await self._db.write(unit) if named else {}
        return tuple([kept[n] for n in range(len(named))])

    async def change(self, feedback_id: str, patch: ScorePatch) -> Score | None:
        """Change a score; None when there is none.

        Raises:
            InvalidRequest: the value would not fit its data type.
        """

        async def unit(tx: Tx) -> Score | None:
            row = await tx.one(LOCK, tenant=self._tenant, feedback_id=feedback_id, **self._only)
            if row is None:
                return None
            told = changed(rows.score(row), patch)
            given = {name: getattr(patch, name) for name in patch.__slots__}
            is_valued = patch.value_num is not None
            return await self._patch(
                tx, feedback_id, **given, rating=told.rating if is_valued else None, thumbs=None
            )

        return await self._db.write(unit)

    async def change_thumb(
        self, feedback_id: str, rating: int | None, patch: ScorePatch
    ) -> Score | None:
        """Change a thumb; None when there is none."""
        given = {name: getattr(patch, name) for name in patch.__slots__}

        async def unit(tx: Tx) -> Score | None:
            return await self._patch(tx, feedback_id, **given, rating=rating, thumbs=1)

        says_nothing = patch.comment is None and patch.correction is None
        return await (self._db.optimistic if says_nothing else self._db.write)(unit)

    async def remove(self, feedback_id: str, *, thumbs: int | None) -> None:
        """Remove a record, or only a thumb.

        Raises:
            NotFound: there is none.
        """
        is_key = ids.is_key(feedback_id)
        args = {"tenant": self._tenant, "feedback_id": feedback_id, "thumbs": thumbs, **self._only}
        if not is_key or not await self._db.run(DELETE, **args):
            raise missing(feedback_id)

    async def _put(self, tx: Tx, new: NewScore, *, is_keyed: bool = False) -> Score:
        found = await find(tx, self._tenant, _target(new, self._stamp["owner_agent"]))
        voter = Voter(
            self._stamp["owner_agent"], self._user_id, new.name, new.source, new.identifier
        )
        args: dict[str, Any] = {name: getattr(new, name) for name in FIELDS}
        args |= {"tenant": self._tenant, "rating": new.rating, "now": clock.now()}
        score = None
        if is_keyed and new.score_id is not None:
            score = await self._repeated(tx, new.score_id, args)
            if score is not None:
                return score
        elif new.score_id is not None:
            score = await self._replaced(tx, new.score_id, args, found)
        if score is None:
            row = await tx.one(
                CREATE,
                feedback_id=new.score_id or ids.new_id("fb"),
                user_id=self._user_id,
                vote_key=vote_key(voter, found.target),
                **self._stamp,
                **args,
                **found.columns,
            )
            score = rows.score(certain(row, "an insert returns its row"))
        if new.comment or new.correction:
            await self._index(tx, score)
        return score

    async def _repeated(self, tx: Tx, score_id: str, args: dict[str, Any]) -> Score | None:
        """The score that a key was used for, as it is by now; None when it is new.

        Raises:
            Conflict: it never was what is asked for.
        """
        row = await tx.one(LOCK, tenant=self._tenant, feedback_id=score_id)
        if row is None:
            return None
        before = rows.score(row)
        # One that was changed since may have been: to put it back would undo the change.
        if before.updated_at == before.created_at and not is_same(before, args):
            raise used_before()
        return before

    async def _replaced(
        self, tx: Tx, score_id: str, args: dict[str, Any], found: Found
    ) -> Score | None:
        """The score of that id as it comes again; None when it comes for the first time."""
        row = await tx.one(LOCK, tenant=self._tenant, feedback_id=score_id)
        if row is None:
            return None
        before = rows.score(row)
        if (before.author, before.user_id) != (self._stamp["owner_agent"], self._user_id):
            raise Conflict(f"Score {score_id} is another author's. Use another id.")
        key = {"tenant": self._tenant, "feedback_id": score_id}
        if is_same(before, args):
            return before
        row = await tx.one(REPLACE, **{**args, **key})
        if before.superseded_by is None:
            # What it is about may be another thing now; its vote is the one that it was.
            columns = {**found.columns, "vote_key": await self._key_of(tx, score_id)}
            await tx.run(BIND, **key, **columns, superseded_by=None)
            row = await tx.one(LOCK, **key)
        return rows.score(certain(row, "it is locked"))

    async def _key_of(self, tx: Tx, score_id: str) -> str | None:
        row = await tx.one(TARGET, tenant=self._tenant, feedback_id=score_id)
        found: str | None = certain(row, "it is locked")[12]
        return found

    async def _patch(self, tx: Tx, feedback_id: str, **args: Any) -> Score | None:
        key = {"tenant": self._tenant, "feedback_id": feedback_id, **self._only}
        row = await tx.one(PATCH, **key, now=clock.now(), **args)
        if row is None:
            return None
        score = rows.score(row)
        if args["comment"] is not None or args["correction"] is not None:
            await self._index(tx, score)
        return score

    async def _index(self, tx: Tx, score: Score) -> None:
        """Let a record be found by what it says."""
        words = words_in(f"{score.comment or ''}\n{score.correction or ''}")
        if words:
            await tx.many(INDEX, [(score.score_id, words)], tenant=self._tenant)
        else:
            await tx.run(UNINDEX, tenant=self._tenant, feedback_id=score.score_id)

    def _named(self, new: Sequence[NewScore], key: str | None) -> Sequence[NewScore]:
        """With an idempotency key, each has an id that the key stands for."""
        if key is None:
            return new
        mark = Once.of(key, self._author, "score").mark
        return [
            each
            if each.score_id is not None
            else replace(each, score_id=f"fb_{mark}_{n}" if n else f"fb_{mark}")
            for n, each in enumerate(new)
        ]


def missing(feedback_id: str) -> NotFound:
    """The error for a record that is not there, in the words old clients know."""
    return NotFound(f"Feedback {feedback_id} not found")


def _target(new: NewScore, author: str) -> Target:
    return Target(
        new.session_id,
        new.turn_index,
        new.message_id,
        new.trace_id,
        new.span_id,
        new.response_id,
        new.model_id,
        author,
    )


def is_same(before: Score, args: Mapping[str, Any]) -> bool:
    """Whether a score that comes again says what it said."""
    return all(getattr(before, name) == args[name] for name in FIELDS)


def counted_by(new: NewScore) -> tuple[str, ...]:
    """The order in which the scores of one transaction are written."""
    return tuple([getattr(new, name) or "" for name in _COUNTED_BY])
