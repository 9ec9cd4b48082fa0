"""What the parts of session storage share: a session's key, its lock, and the facts of its log."""

from __future__ import annotations

from commonhold.errors import Forbidden, NotFound
from commonhold.model import opaque
from commonhold.model.once import Once, Operation
from commonhold.model.scope import Scope
from commonhold.sql.bell import Bell
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.documents import missing
from commonhold.sql.puts import Head
from commonhold.sql.readers import Readers
from commonhold.sql.recall import Recall
from commonhold.sql.scope import SessionKey, session_key, stamp
from commonhold.sql.statement import statement

LOCK = statement("lock_session")
HEAD = statement("get_head")
ADVANCE = statement("advance_session")
RECORD_EVENT = statement("record_event")


class Memory:
    """What one process remembers of sessions, shared by every binding of its database."""

    def __init__(self, database: Database) -> None:
        self.readers = Readers()
        self.heads: Recall[Head] = Recall()
        self.costs: Recall[str] = Recall()
        self.states: Recall[str] = Recall()
        self.bell = Bell(database)

    def forget(self, tenant: str, session_id: str) -> None:
        """A session is another one than before, or gone: its followers are told."""
        self.heads.forget((tenant, session_id))
        self.bell.ring(tenant, session_id)


class SessionLogs:
    """The logs of one tenant's sessions, written as one author."""

    def __init__(self, database: Database, scope: Scope, memory: Memory) -> None:
        self._db = database
        self._memory = memory
        self._tenant = scope.tenant
        self._scope = scope
        self._stamp = stamp(scope)

    def _key(self, session_id: str) -> SessionKey:
        return session_key(self._scope, session_id)

    def _once(self, key: str | None, operation: Operation, session_id: str = "") -> Once | None:
        """The request that an idempotency key of this author stands for, if there is one."""
        if key is None:
            return None
        return Once.of(key, self._scope.author, operation, session_id)

    def _ring(self, session_id: str) -> None:
        """Tell who follows the session that something happened in it."""
        self._memory.bell.ring(self._tenant, session_id)

    async def _lock(self, tx: Tx, session_id: str) -> Row:
        row = await tx.one(LOCK, **self._key(session_id))
        if row is None:
            raise missing(session_id)
        return row

    async def _not_theirs(self, tx: Tx, session_id: str, does: str) -> NotFound | Forbidden:
        """The error where a session is not the caller's to change, or is not there."""
        if await tx.one(HEAD, **self._key(session_id)) is None:
            return missing(session_id)
        return Forbidden(f"Only the agent whose session this is {does} it, or an operator.")

    async def _event(
        self, tx: Tx, session_id: str, seq: int, kind: str, data: dict[str, object], now: int
    ) -> None:
        await tx.run(
            RECORD_EVENT,
            **self._key(session_id),
            **self._stamp,
            seq=seq,
            kind=kind,
            data=opaque.dumps(data),
            now=now,
        )

    async def _advance(
        self, tx: Tx, session_id: str, count: int, head_seq: int, version: int, now: int
    ) -> None:
        await tx.run(
            ADVANCE,
            **self._key(session_id),
            message_count=count,
            head_seq=head_seq,
            version=version,
            chain=None,
            now=now,
        )
