"""The two JSON documents of a session, and merges of them that cannot lose an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from commonhold.errors import Conflict, NotFound
from commonhold.model import clock, ids, opaque
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Scope
from commonhold.sql.database import Database, Tx, Unit
from commonhold.sql.recall import Recall
from commonhold.sql.scope import SessionKey, session_key
from commonhold.sql.statement import Statement, statement

V = TypeVar("V")

LOCK = statement("lock_session")
GET_COST = statement("get_cost")
SWAP_COST = statement("swap_cost")
GET_STATE = statement("get_state")
SWAP_STATE = statement("swap_state")

TRIES = 8
"""Optimistic attempts before the session is locked instead."""


class Document:
    """One JSON object of each session, merged by compare-and-swap on its text."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        field: str,
        statements: tuple[Statement, Statement],
        memory: Recall[str],
        *,
        merge: Callable[[str, str], JsonText] = opaque.merge,
        facts: Callable[[str], Mapping[str, Any]] = lambda _: {},
    ) -> None:
        self._merge = merge
        self._facts = facts
        self._db = database
        self._scope = scope
        self._field = field
        self._read, self._write = statements
        self._memory = memory

    async def get(self, session_id: str) -> JsonText:
        """The document.

        Raises:
            NotFound: no such session.
        """
        check_stored(session_id)
        row = await self._db.one(self._read, **session_key(self._scope, session_id))
        if row is None:
            raise missing(session_id)
        return JsonText(row[0])

    async def patch(self, session_id: str, patch: Mapping[str, Any] | str) -> JsonText:
        """Merge by top-level key, under a lock when others keep winning; the result.

        Raises:
            NotFound: no such session.
            InvalidRequest: the patch is not a JSON object.
        """
        check_stored(session_id)
        text = opaque.object_text(patch, self._field)
        place = (self._scope.tenant, session_id)
        key = session_key(self._scope, session_id)
        known = self._memory.get(place)

        async def attempt(tx: Tx) -> JsonText | None:
            if known is not None and (merged := await self._swap(tx, key, known, text)):
                return merged
            row = await tx.one(self._read, **key)
            if row is None:
                raise missing(session_id)
            return await self._swap(tx, key, row[0], text)

        async def locked(tx: Tx) -> JsonText:
            await tx.one(LOCK, **key)
            merged = await attempt(tx)
            if merged is None:
                raise Conflict(f"{self._field} changed under its lock. Try again.")
            return merged

        merged = await eventually(self._db, attempt, locked)
        self._memory.keep(place, merged)
        return merged

    async def _swap(self, tx: Tx, key: SessionKey, old: str, patch: str) -> JsonText | None:
        """Write the merge of `old` and `patch` if the stored text is still `old`."""
        new = self._merge(old, patch)
        done = await tx.one(
            self._write,
            **key,
            old=old,
            new=new,
            now=clock.now(),
            **self._facts(new),
        )
        return None if done is None else new


def cost_data(database: Database, scope: Scope, memory: Recall[str]) -> Document:
    """What the agent spent."""
    statements = (GET_COST, SWAP_COST)
    return Document(database, scope, "cost_data", statements, memory, merge=opaque.merge_counting)


def state(database: Database, scope: Scope, memory: Recall[str]) -> Document:
    """The agent's own state fields."""
    statements = (GET_STATE, SWAP_STATE)
    return Document(database, scope, "state", statements, memory, facts=_state_facts)


def _state_facts(text: str) -> Mapping[str, Any]:
    """Whether the agent waits for the user, as its state says."""
    return {"is_waiting": int(opaque.loads(text, "state").get("pending_question") is not None)}


async def eventually(database: Database, quick: Unit[V | None], locked: Unit[V]) -> V:
    """Try without a lock while others keep winning, then under it."""
    for _ in range(TRIES):
        done = await database.optimistic(quick)
        if done is not None:
            return done
    return await database.write(locked)


def missing(session_id: str) -> NotFound:
    """The error for a session that is not there, in the words old clients know."""
    return NotFound(f"Session {session_id} not found")


def taken(session_id: str) -> Conflict:
    """The error for an id that names a session which is not the caller's to see."""
    return Conflict(f"Session {session_id} cannot be made: the id is taken. Choose another one.")


def check_stored(session_id: str) -> None:
    """An id that could not be stored names nothing.

    Raises:
        NotFound: for such an id.
    """
    if not ids.is_key(session_id):
        raise missing(session_id)
