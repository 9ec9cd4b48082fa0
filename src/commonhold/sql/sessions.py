"""Sessions over SQL. What a PUT does is decided by `commonhold.model.merge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commonhold.errors import Conflict, FieldError, OutOfRange
from commonhold.model import clock, ids, opaque
from commonhold.model.opaque import EMPTY_LIST, JsonText
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.scope import Scope
from commonhold.model.session import (
    Appended,
    History,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    SessionQuery,
    Written,
    check_mode,
    parse_append,
)
from commonhold.sql import rows
from commonhold.sql.appends import Append
from commonhold.sql.database import FEW, Database, Row, Tx, certain
from commonhold.sql.documents import check_stored, cost_data, eventually, missing, state
from commonhold.sql.puts import Head, Put
from commonhold.sql.readers import Readers
from commonhold.sql.recall import Recall
from commonhold.sql.scope import stamp
from commonhold.sql.statement import statement

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
LIST = statement("list_sessions")
DELETE = statement("delete_session")
DELETE_MESSAGES = statement("delete_messages")
DELETE_EVENTS = statement("delete_events")

MAX_COUNT = 2**31 - 1


class Memory:
    """What one process remembers of sessions, shared by every binding of its database."""

    def __init__(self) -> None:
        self.readers = Readers()
        self.heads: Recall[Head] = Recall()
        self.costs: Recall[str] = Recall()
        self.states: Recall[str] = Recall()


class SqlSessions:
    """`contract.sessions.Sessions` on a database."""

    def __init__(self, database: Database, scope: Scope, memory: Memory) -> None:
        self._db = database
        self._memory = memory
        self._tenant = scope.tenant
        self._scope = scope
        self._stamp = stamp(scope)
        self._cost = cost_data(database, scope.tenant, memory.costs)
        self._state = state(database, scope.tenant, memory.states)

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
        check_stored(session_id)
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
        check_stored(session_id)
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

    async def append(
        self,
        session_id: str,
        messages: Sequence[str],
        /,
        *,
        if_match: int | None = None,
        create: bool = True,
        key: str | None = None,
    ) -> Appended:
        ids.check_key(session_id, "session_id")
        heads, place = self._memory.heads, (self._tenant, session_id)
        work = Append(
            self._scope,
            session_id,
            parse_append(messages, key),
            if_match=if_match,
            create=create,
            known=heads.get(place),
        )
        appended = await eventually(self._db, work.quickly, work.locked)
        if work.head is not None:
            heads.keep(place, work.head)
        return appended

    async def cost(self, session_id: str, /) -> JsonText:
        return await self._cost.get(session_id)

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._cost.patch(session_id, patch)

    async def state(self, session_id: str, /) -> JsonText:
        return await self._state.get(session_id)

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._state.patch(session_id, patch)

    async def fork(self, session_id: str, /, *, at: int | None = None) -> Session:
        check_stored(session_id)
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
        check_stored(session_id)

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
        check_stored(session_id)

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


def _check_index(value: int, count: int, field: str) -> None:
    if not 0 <= value <= count:
        rule = f"must be from 0 to {count}, the number of live messages"
        raise OutOfRange(f"{field} {rule}.", errors=[FieldError((field,), rule)])
