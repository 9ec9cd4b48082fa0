"""One append: recognised as a retry when it is one, otherwise O(what is appended)."""

from __future__ import annotations

from collections.abc import Sequence

from commonhold.errors import Conflict, StaleVersion
from commonhold.model import clock, opaque
from commonhold.model.merge import extend_chain
from commonhold.model.prefix import Prefix
from commonhold.model.scope import Scope
from commonhold.model.session import Appended, NewMessage
from commonhold.sql.database import Row, Tx
from commonhold.sql.documents import missing, taken
from commonhold.sql.leases import check_turn, ended, guard
from commonhold.sql.puts import EXTEND, GET_HEAD, LOCK, START, Head, numbered
from commonhold.sql.scope import session_key, stamp
from commonhold.sql.statement import statement

FIND = statement("find_messages")


class Append:
    """The work of one append, run as often as others get in between."""

    def __init__(
        self,
        scope: Scope,
        session_id: str,
        messages: Sequence[NewMessage],
        *,
        if_match: int | None,
        create: bool,
        known: Head | None,
        lease: int | None = None,
    ) -> None:
        self._key = session_key(scope, session_id)
        self._session_id = session_id
        self._messages = messages
        self._if_match = if_match
        self._create = create
        self._known = known
        self._lease = lease
        self._stamp = stamp(scope)
        named = [message.message_id for message in messages if message.is_named]
        self._new_ids = opaque.dumps(named) if named else None
        self.head: Head | None = None

    async def quickly(self, tx: Tx) -> Appended | None:
        """Append to the log as this process knows it, or as it reads it; None when overtaken."""
        fits = self._known is not None and self._if_match in (None, self._known.version)
        if self._known is not None and fits and self._messages:
            row = await self._extend(tx, self._known, self._messages)
            if row is not None:
                return self._answer(row, self._messages)
        row = await tx.one(GET_HEAD, **self._key)
        if row is None:
            return await self._start(tx)
        return await self._onto(tx, Head(*row[:3]), row[3:6])

    async def locked(self, tx: Tx) -> Appended:
        """The same while nobody else can get in between."""
        row = await tx.one(LOCK, **self._key)
        if row is None:
            appended = await self._start(tx)
        else:
            appended = await self._onto(tx, Head(row[0], row[1], row[3]), row[5:8])
        if appended is None:
            raise taken(self._session_id)
        return appended

    async def _onto(self, tx: Tx, head: Head, turn: Row) -> Appended | None:
        stored = await self._stored(tx)
        if not self._messages:
            return self._first_answer(head, stored)
        missing = [item for item in self._messages if item.message_id not in stored]
        if not missing:
            return self._first_answer(head, stored)
        check_turn(self._lease, turn, clock.now())
        if self._if_match not in (None, head.version):
            raise StaleVersion(current=head.version)
        row = await self._extend(tx, head, missing)
        if row is None:
            return None
        answer = self._answer(row, missing)
        seqs = [row[1] for row in stored.values()]
        return Appended(
            self._session_id,
            answer.version,
            min([*seqs, answer.first_seq or 0]),
            answer.last_seq,
            tuple(item.message_id for item in self._messages),
        )

    async def _stored(self, tx: Tx) -> dict[str, Row]:
        """Rows of this append that an earlier attempt wrote, by message id."""
        if self._new_ids is None:
            return {}
        rows = await tx.all(FIND, **self._key, new_ids=self._new_ids)
        digests = {message.message_id: message.digest for message in self._messages}
        # A message that was taken out and put back has several rows: the first is the append's.
        same = [row for row in rows if row[2] == digests[row[0]]]
        stored = {row[0]: row for row in sorted(same, key=lambda row: row[1], reverse=True)}
        for message_id, *_ in rows:
            if message_id not in stored:
                raise Conflict(
                    f"Message {message_id} of this session has another content. "
                    "Give a new message a new id."
                )
        return stored

    def _first_answer(self, head: Head, stored: dict[str, Row]) -> Appended:
        seqs = [row[1] for row in stored.values()]
        return Appended(
            self._session_id,
            max((row[3] for row in stored.values()), default=head.version),
            min(seqs, default=None),
            max(seqs, default=None),
            tuple(message.message_id for message in self._messages),
        )

    async def _extend(self, tx: Tx, head: Head, messages: Sequence[NewMessage]) -> Row | None:
        texts = [message.content for message in messages]
        link = None if head.link is None else extend_chain(head.link, texts)
        now = clock.now()
        row = await tx.compound(
            EXTEND,
            numbered(messages),
            **self._key,
            **self._stamp,
            **guard(self._lease, now),
            version=head.version,
            seen=head.link,
            new_ids=self._new_ids if len(messages) == len(self._messages) else None,
            added=len(messages),
            chain=link,
            now=now,
        )
        if row is not None:
            grown = None if head.prefix is None else head.prefix.grown(texts)
            self.head = Head(row[0], row[1], link, grown)
        return row

    async def _start(self, tx: Tx) -> Appended | None:
        if not self._create:
            raise missing(self._session_id)
        if self._if_match:
            raise StaleVersion("There is no such session yet; its version is 0.", current=0)
        if self._lease is not None:
            raise ended(self._lease)
        link = extend_chain(b"", [message.content for message in self._messages])
        row = await tx.compound(
            START,
            numbered(self._messages),
            **self._key,
            **self._stamp,
            added=len(self._messages),
            chain=link,
            now=clock.now(),
        )
        if row is None:
            return None
        whole = Prefix.of([message.content for message in self._messages])
        self.head = Head(row[0], row[1], link, whole)
        return self._answer(row, self._messages)

    def _answer(self, row: Row, messages: Sequence[NewMessage]) -> Appended:
        version, _, head_seq = row[:3]
        return Appended(
            self._session_id,
            version,
            head_seq - len(messages) + 1 if messages else None,
            head_seq if messages else None,
            tuple(message.message_id for message in self._messages),
        )
