"""Sessions over SQL. What a PUT does is decided by `commonhold.model.merge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commonhold.errors import Conflict, FieldError, NotFound, OutOfRange
from commonhold.model import clock, ids, opaque
from commonhold.model.opaque import EMPTY_LIST, JsonText
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.model.session import (
    History,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    SessionQuery,
    Written,
    check_mode,
)
from commonhold.sql import rows
from commonhold.sql.database import FEW, Database, Row, Tx, certain
from commonhold.sql.puts import Head, Put
from commonhold.sql.readers import Readers
from commonhold.sql.recall import Recall
from commonhold.sql.scope import stamp
from commonhold.sql.statement import Statement, statement

CREATE = statement("create_session")
GET = statement("get_session")
LOCK = statement("lock_session")
HISTORY = statement("get_history")
MESSAGES = statement("list_messages")
PLACE_OF = statement("place_of")
COPY = statement("copy_messages")
SUPERSEDE_AFTER = statement("supersede_after")
ADVANCE = statement("advance_session")
RECORD_EVENT = statement("record_event")
GET_COST = statement("get_cost")
SWAP_COST = statement("swap_cost")
GET_STATE = statement("get_state")
SWAP_STATE = statement("swap_state")
LIST = statement("list_sessions")
DELETE = statement("delete_session")
DELETE_MESSAGES = statement("delete_messages")
DELETE_EVENTS = statement("delete_events")

MAX_COUNT = 2**31 - 1

SWAPS = 8
"""Optimistic merges of one document before the session is locked instead."""


class Memory:
    """What one process remembers of sessions, shared by every binding of its database."""

    def __init__(self) -> None:
        self.readers = Readers()
        self.heads: Recall[Head] = Recall()
        self.documents: dict[str, Recall[str]] = {"cost_data": Recall(), "state": Recall()}


class SqlSessions:
    """`contract.sessions.Sessions` on a database."""

    def __init__(self, database: Database, scope: Scope, memory: Memory) -> None:
        self._db = database
        self._memory = memory
        self._tenant = scope.tenant
        self._scope = scope
        self._stamp = stamp(scope)

    async def create(self, new: NewSession = NewSession(), /) -> Session:
        session_id = new.session_id or ids.new_id("sess")
        scope_active = new.permission_scope_active
        state = {} if scope_active is None else {"permission_scope_active": scope_active}
        row = await self._db.one(
            CREATE,
            **self._key(session_id),
            **self._stamp,
            title=new.title,
            metadata=new.metadata,
            parent_session_id=new.parent_session_id,
            forked_at_message_id=new.forked_at_message_id,
            chain=b"",
            state=opaque.dumps(state),
            now=clock.now(),
        )
        if row is None:
            raise Conflict(f"Session {session_id} already exists. Choose another id, or use it.")
        return rows.session(row)

    async def find(self, session_id: str, /) -> Session | None:
        if not ids.is_key(session_id):
            return None
        row = await self._db.one(GET, **self._key(session_id))
        return None if row is None else rows.session(row)

    async def get(self, session_id: str, /) -> Session:
        found = await self.find(session_id)
        if found is None:
            raise missing(session_id)
        return found

    async def history(self, session_id: str, /) -> History:
        _check_key(session_id)
        key = self._key(session_id)
        row = await self._db.one(HISTORY, **key, most=self._db.few_rows)
        if row is not None and row[1] > self._db.few_rows:
            found = await self._db.all(HISTORY, **key, most=MAX_COUNT)
            row = found[0] if found else None
        self._memory.readers.note(self._tenant, session_id, 0 if row is None else row[0])
        if row is None:
            raise missing(session_id)
        version, _, body = row
        return History(session_id, version, EMPTY_LIST if body is None else JsonText(f"[{body}]"))

    async def messages(
        self, session_id: str, query: MessageQuery = MessageQuery(), /
    ) -> Page[Message]:
        _check_key(session_id)
        check_window(query.limit, query.after)
        await self.get(session_id)
        found = await self._db.all(
            MESSAGES,
            **self._key(session_id),
            after=query.after,
            live_after=None if query.include_superseded else query.after,
            limit=query.limit + 1,
        )
        items = tuple(rows.message(row) for row in found[: query.limit])
        more = len(found) > query.limit
        return Page(items, str(items[-1].seq) if more else None)

    async def put(
        self,
        session_id: str,
        messages: Sequence[str],
        /,
        *,
        mode: PutMode = "merge",
        if_match: int | None = None,
    ) -> Written:
        ids.check_key(session_id, "session_id")
        check_mode(mode)
        put = Put(
            scope=self._scope,
            session_id=session_id,
            texts=messages,
            mode=mode,
            if_match=if_match,
            readers=self._memory.readers,
            known=self._memory.heads.get((self._tenant, session_id)),
        )
        written = await self._db.optimistic(put.extend) if put.may_extend else None
        if written is None:
            written = await self._db.write(put.merge)
        if put.head is None:
            self._memory.heads.forget((self._tenant, session_id))
        else:
            self._memory.heads.keep((self._tenant, session_id), put.head)
        return written

    async def cost(self, session_id: str, /) -> JsonText:
        return await self._document(GET_COST, session_id)

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._patch_document(GET_COST, SWAP_COST, session_id, patch, "cost_data")

    async def state(self, session_id: str, /) -> JsonText:
        return await self._document(GET_STATE, session_id)

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._patch_document(GET_STATE, SWAP_STATE, session_id, patch, "state")

    async def fork(self, session_id: str, /, *, at: int | None = None) -> Session:
        _check_key(session_id)
        into = ids.new_id("sess")

        async def unit(tx: Tx) -> Row:
            head = await self._lock(tx, session_id)
            count = head[1] if at is None else at
            _check_index(count, head[1], "from_message_index")
            place, message_id = await self._place(tx, session_id, count)
            now = clock.now()
            created = await tx.one(
                CREATE,
                **self._key(into),
                **self._stamp,
                title=None,
                metadata="{}",
                parent_session_id=session_id,
                forked_at_message_id=message_id,
                chain=None,
                state="{}",
                now=now,
            )
            certain(created, "a fresh id is free")
            await tx.run(COPY, **self._key(session_id), into_id=into, place=place)
            data = opaque.dumps({"from": session_id, "at": count})
            await self._event(tx, into, count + 1, "fork", data, now)
            await self._advance(tx, into, count, count + 1, 1, now)
            return certain(await tx.one(GET, **self._key(into)), "it was just written")

        return rows.session(await self._db.write(unit))

    async def revert(self, session_id: str, /, *, to: int) -> Written:
        _check_key(session_id)

        async def unit(tx: Tx) -> Written:
            head = await self._lock(tx, session_id)
            version, count, head_seq, owner = head[0] + 1, head[1], head[2] + 1, head[4]
            _check_index(to, count, "to_message_index")
            if to == count:
                return Written(session_id, head[0], count)
            place, _ = await self._place(tx, session_id, to)
            now = clock.now()
            writer = self._stamp["owner_agent"]
            superseded = await tx.run(
                SUPERSEDE_AFTER,
                **self._key(session_id),
                place=place,
                version=version,
                only_of=None if writer and writer == owner else writer,
                now=now,
            )
            kept = count - to - superseded
            if not superseded:
                return Written(session_id, head[0], count, kept=kept)
            data = opaque.dumps({"to": to, "superseded": superseded, "kept": kept})
            await self._event(tx, session_id, head_seq, "revert", data, now)
            await self._advance(tx, session_id, to + kept, head_seq, version, now)
            return Written(session_id, version, to + kept, superseded=superseded, kept=kept)

        return await self._db.write(unit)

    async def list(self, query: SessionQuery = SessionQuery(), /) -> Page[Session]:
        check_window(query.limit, query.offset)
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        read = self._db.few if query.limit < FEW and not query.offset else self._db.all
        found = await read(
            LIST,
            tenant=self._tenant,
            agent=query.agent,
            user=query.user,
            parent=query.parent,
            since=query.since,
            until=query.until,
            at=at,
            id=last,
            limit=query.limit + 1,
            offset=query.offset or None,
        )
        sessions = [rows.session(row) for row in found]
        return page_of(sessions, query.limit, lambda item: (item.created_at, item.session_id))

    async def delete(self, session_id: str, /) -> None:
        _check_key(session_id)

        async def unit(tx: Tx) -> int:
            deleted = await tx.run(DELETE, **self._key(session_id))
            if deleted:
                await tx.run(DELETE_MESSAGES, **self._key(session_id))
                await tx.run(DELETE_EVENTS, **self._key(session_id))
            return deleted

        if not await self._db.write(unit):
            raise missing(session_id)

    def _key(self, session_id: str) -> dict[str, str]:
        return {"tenant": self._tenant, "session_id": session_id}

    async def _document(self, read: Statement, session_id: str) -> JsonText:
        _check_key(session_id)
        row = await self._db.one(read, **self._key(session_id))
        if row is None:
            raise missing(session_id)
        return JsonText(row[0])

    async def _patch_document(
        self,
        read: Statement,
        swap: Statement,
        session_id: str,
        patch: Mapping[str, Any] | str,
        field: str,
    ) -> JsonText:
        """Merge by compare-and-swap on the text, and under a lock when others keep winning."""
        _check_key(session_id)
        text = opaque.object_text(patch, field)
        memory, key = self._memory.documents[field], (self._tenant, session_id)
        known = memory.get(key)

        async def attempt(tx: Tx) -> JsonText | None:
            if known is not None and (merged := await self._swap(tx, swap, key, known, text)):
                return merged
            row = await tx.one(read, **self._key(session_id))
            if row is None:
                raise missing(session_id)
            return await self._swap(tx, swap, key, row[0], text)

        async def locked(tx: Tx) -> JsonText:
            await self._lock(tx, session_id)
            merged = await attempt(tx)
            if merged is None:
                raise Conflict(f"{field} changed under its lock. Try again.")
            return merged

        for _ in range(SWAPS):
            merged = await self._db.optimistic(attempt)
            if merged is not None:
                break
        else:
            merged = await self._db.write(locked)
        memory.keep(key, merged)
        return merged

    async def _swap(
        self, tx: Tx, swap: Statement, key: tuple[str, str], old: str, patch: str
    ) -> JsonText | None:
        """Write the merge of `old` and `patch` if the stored text is still `old`."""
        new = opaque.merge(old, patch)
        done = await tx.one(swap, **self._key(key[1]), old=old, new=new, now=clock.now())
        return None if done is None else new

    async def _lock(self, tx: Tx, session_id: str) -> Row:
        row = await tx.one(LOCK, **self._key(session_id))
        if row is None:
            raise missing(session_id)
        return row

    async def _place(self, tx: Tx, session_id: str, count: int) -> tuple[int, str | None]:
        """The place of the last of the first `count` live messages, and its id."""
        if count == 0:
            return -1, None
        row = await tx.one(PLACE_OF, **self._key(session_id), skip=count - 1)
        place, message_id = certain(row, "the count was checked under the lock")
        return place, message_id

    async def _event(
        self, tx: Tx, session_id: str, seq: int, kind: str, data: str, now: int
    ) -> None:
        await tx.run(
            RECORD_EVENT,
            **self._key(session_id),
            **self._stamp,
            seq=seq,
            kind=kind,
            data=data,
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


def missing(session_id: str) -> NotFound:
    """The error for a session that is not there, in the words old clients know."""
    return NotFound(f"Session {session_id} not found")


def _check_key(session_id: str) -> None:
    """An id that could not be stored names nothing."""
    if not ids.is_key(session_id):
        raise missing(session_id)


def _check_index(value: int, count: int, field: str) -> None:
    if not 0 <= value <= count:
        rule = f"must be from 0 to {count}, the number of live messages"
        raise OutOfRange(f"{field} {rule}.", errors=[FieldError((field,), rule)])
