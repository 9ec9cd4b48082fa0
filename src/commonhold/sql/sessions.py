"""Sessions over SQL. What a PUT does is decided by `commonhold.model.merge`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from commonhold import pricing
from commonhold.errors import Conflict
from commonhold.model import clock, ids, opaque
from commonhold.model.labels import labels_of
from commonhold.model.once import used_before
from commonhold.model.opaque import EMPTY_LIST, EMPTY_OBJECT, JsonText
from commonhold.model.page import Page, check_window
from commonhold.model.scope import Scope
from commonhold.model.session import (
    Appended,
    History,
    HistoryStream,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    Written,
    check_mode,
    parse_append,
)
from commonhold.model.turns import Removed
from commonhold.model.usage import Usage
from commonhold.model.words import words_in
from commonhold.sql import rows
from commonhold.sql.appends import Append
from commonhold.sql.branches import SessionBranches
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.documents import check_stored, cost_data, eventually, missing, state
from commonhold.sql.following import SessionFollowing
from commonhold.sql.listing import SessionLists
from commonhold.sql.logs import HEAD, Memory
from commonhold.sql.puts import Put, Terms
from commonhold.sql.statement import statement
from commonhold.sql.turns import SessionTurns

CREATE = statement("create_session")
GET = statement("get_session")
WHOLE = statement("get_session_whole")
HISTORY = statement("get_history")
MESSAGES = statement("list_messages")
MESSAGES_BACK = statement("list_messages_back")
PLACES = statement("get_places")
CONTENTS = statement("get_contents")
LABEL = statement("label_session")
INDEX_WORDS = statement("index_words")
DELETE = statement("delete_session")
DELETE_WORDS = statement("delete_words")
DELETE_LABELS = statement("delete_labels")
DELETE_REQUESTS = statement("delete_requests")
DELETE_COUNTED = {
    "messages": statement("delete_messages"),
    "events": statement("delete_events"),
    "participants": statement("delete_participants"),
}

MAX_COUNT = 2**31 - 1

CHUNK_ROWS = 500
CHUNK_CHARS = 1 << 20
"""How much of a long history is read at once."""


class SqlSessions(SessionLists, SessionBranches, SessionTurns, SessionFollowing):
    """`contract.sessions.Sessions` on a database."""

    def __init__(self, database: Database, scope: Scope, memory: Memory) -> None:
        super().__init__(database, scope, memory)
        self._cost = cost_data(database, scope, memory.costs)
        self._state = state(database, scope, memory.states)

    async def create(self, new: NewSession = NewSession(), /, *, key: str | None = None) -> Session:
        once = self._once(key, "create")
        made_id = ids.new_id("sess") if once is None else once.session_id
        session_id = new.session_id or made_id
        scope_active = new.permission_scope_active
        state = {} if scope_active is None else {"permission_scope_active": scope_active}
        chosen = {
            **self._key(session_id),
            **self._stamp,
            "title": new.title,
            "metadata": new.metadata,
            "parent_session_id": new.parent_session_id,
            "forked_at_message_id": new.forked_at_message_id,
            "chain": b"",
            "state": opaque.dumps(state),
            "now": clock.now(),
        }
        words, labels = words_in(new.title), labels_of(new.metadata)
        if not words and not labels:
            row = await self._db.one(CREATE, **chosen)
        else:
            row = await self._db.write(lambda tx: _create(tx, chosen, words, labels))
        if row is not None:
            return rows.session((*row, None))
        if new.session_id is not None:
            raise Conflict(f"Session {session_id} already exists. Choose another id, or use it.")
        return await self._made_before(session_id, new)

    async def _made_before(self, session_id: str, new: NewSession) -> Session:
        """The session that an earlier attempt made, if it is what this one asks for."""
        stored = await self._db.few(WHOLE, **self._key(session_id))
        if not stored:
            raise Conflict("The session was deleted at the same moment. Try again.")
        found, author = rows.session(stored[0]), self._scope.author
        # What it may do has become part of its state, which changes.
        asked = replace(new, session_id=found.session_id, permission_scope_active=None)
        there = NewSession(
            found.session_id,
            found.title,
            found.metadata,
            found.parent_session_id,
            found.forked_at_message_id,
        )
        if asked != there or (found.agent, found.user) != (author.agent, author.user):
            raise used_before()
        return found

    async def find(self, session_id: str, /) -> Session | None:
        if not ids.is_key(session_id):
            return None
        row = await self._db.one(GET, **self._key(session_id))
        return None if row is None else rows.session(row)

    async def get(self, session_id: str, /) -> Session:
        check_stored(session_id)
        found = await self._db.few(WHOLE, **self._key(session_id))
        if not found:
            raise missing(session_id)
        return rows.session(found[0])

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

    async def stream(self, session_id: str, /) -> HistoryStream:
        check_stored(session_id)
        key = self._key(session_id)

        async def unit(tx: Tx) -> tuple[Row | None, Sequence[Row]]:
            row = await tx.one(HISTORY, **key, most=self._db.few_rows)
            is_long = row is not None and row[1] > self._db.few_rows
            return row, await tx.all(PLACES, **key) if is_long else ()

        row = await self._db.one(HISTORY, **key, most=self._db.few_rows)
        places: Sequence[Row] = ()
        if row is not None and row[1] > self._db.few_rows:
            row, places = await self._db.read(unit)
        self._memory.readers.note(self._tenant, session_id, 0 if row is None else row[0])
        if row is None:
            raise missing(session_id)
        pieces = self._pieces(session_id, _chunks(places)) if places else _whole(row[2])
        return HistoryStream(session_id, row[0], row[1], pieces)

    async def _pieces(self, session_id: str, chunks: Iterable[list[int]]) -> AsyncIterator[str]:
        for seqs in chunks:
            args = {**self._key(session_id), "numbers": opaque.dumps(seqs)}
            ((count, text),) = await self._db.all(CONTENTS, **args)
            if count != len(seqs):
                raise Conflict(f"Session {session_id} was deleted while it was read.")
            yield text

    async def messages(
        self, session_id: str, query: MessageQuery = MessageQuery(), /
    ) -> Page[Message]:
        check_stored(session_id)
        check_window(query.size, query.after)
        if await self._db.one(HEAD, **self._key(session_id)) is None:
            raise missing(session_id)
        back = query.is_backward
        found = await self._db.all(
            MESSAGES_BACK if back else MESSAGES,
            **self._key(session_id),
            after=query.after,
            before=query.before,
            live_after=None if query.include_superseded else query.after,
            agent=query.agent,
            role=query.role,
            limit=query.size + 1,
        )
        items = [rows.message(row) for row in found[: query.size]]
        more = len(found) > query.size
        cursor = str(items[-1].seq) if more else None
        return Page(tuple(reversed(items) if back else items), cursor)

    async def put(
        self,
        session_id: str,
        messages: Sequence[str],
        /,
        *,
        mode: PutMode = "merge",
        if_match: int | None = None,
        lease: int | None = None,
    ) -> Written:
        ids.check_key(session_id, "session_id")
        check_mode(mode)
        put = Put(
            scope=self._scope,
            session_id=session_id,
            texts=messages,
            terms=Terms(mode, if_match, lease),
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
        self._ring(session_id)
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
        lease: int | None = None,
    ) -> Appended:
        ids.check_key(session_id, "session_id")
        heads, place = self._memory.heads, (self._tenant, session_id)
        work = Append(
            self._scope,
            session_id,
            parse_append(messages, self._once(key, "append", session_id)),
            if_match=if_match,
            create=create,
            known=heads.get(place),
            lease=lease,
        )
        appended = await eventually(self._db, work.quickly, work.locked)
        if work.head is not None:
            heads.keep(place, work.head)
        self._ring(session_id)
        return appended

    async def cost(self, session_id: str, /) -> JsonText:
        return await self._cost.get(session_id)

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._cost.patch(session_id, patch)

    async def state(self, session_id: str, /) -> JsonText:
        return await self._state.get(session_id)

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._state.patch(session_id, patch)

    async def usage(self, session_id: str, /) -> Usage:
        cost = await self._cost.get(session_id)
        # The price list is large, and read when it is first needed.
        return await asyncio.to_thread(pricing.usage, session_id, cost)

    async def delete(self, session_id: str, /) -> Removed:
        check_stored(session_id)
        key = self._key(session_id)

        async def unit(tx: Tx) -> Removed:
            row = await tx.one(DELETE, **key, owned_by=self._scope.only.owned_by)
            if row is None:
                raise await self._not_theirs(tx, session_id, "removes")
            for each in (DELETE_WORDS, DELETE_LABELS, DELETE_REQUESTS):
                await tx.run(each, **key)
            gone = {name: await tx.run(each, **key) for name, each in DELETE_COUNTED.items()}
            lease_until, state = row
            return Removed(
                gone["messages"],
                gone["events"],
                gone["participants"],
                lease=lease_until > clock.now(),
                state=state != EMPTY_OBJECT,
            )

        removed = await self._db.write(unit)
        self._memory.forget(self._tenant, session_id)
        return removed


async def _create(
    tx: Tx, chosen: dict[str, Any], words: str | None, labels: Sequence[str]
) -> Row | None:
    """A session, and what it is found by before it has messages."""
    row = await tx.one(CREATE, **chosen)
    if row is not None and words:
        await tx.many(INDEX_WORDS, [(0, words)], **chosen)
    if row is not None and labels:
        await tx.many(LABEL, [(label,) for label in labels], **chosen)
    return row


async def _whole(body: str | None) -> AsyncIterator[str]:
    if body is not None:
        yield body


def _chunks(places: Sequence[Row]) -> Iterator[list[int]]:
    """Sequences to be read at once: neither too many rows nor too much text."""
    chunk: list[int] = []
    size = 0
    for seq, length in places:
        if chunk and (len(chunk) == CHUNK_ROWS or size + length > CHUNK_CHARS):
            yield chunk
            chunk, size = [], 0
        chunk.append(seq)
        size += length
    if chunk:
        yield chunk
