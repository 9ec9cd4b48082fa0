"""One PUT of a message list: recognised as an extension when it is one, merged when it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from commonhold.errors import StaleVersion
from commonhold.model import clock, opaque
from commonhold.model.merge import LiveMessage, Placed, Plan, chain, extend_chain, plan_put
from commonhold.model.prefix import Prefix
from commonhold.model.scope import Scope
from commonhold.model.session import NewMessage, PutMode, Written, parse_message
from commonhold.sql.database import Row, Tx
from commonhold.sql.documents import taken
from commonhold.sql.leases import check_turn, ended, guard
from commonhold.sql.readers import Readers
from commonhold.sql.scope import session_key, stamp
from commonhold.sql.statement import statement

GET_HEAD = statement("get_head")
LOCK = statement("lock_session")
GET_LIVE = statement("get_live")
EXTEND = statement("extend_session")
START = statement("start_session")
INSERT = statement("insert_messages")
SUPERSEDE = statement("supersede_messages")
MOVE = statement("move_messages")
ADVANCE = statement("advance_session")
REMEMBER_CHAIN = statement("remember_chain")
INDEX_WORDS = statement("index_words")
NOTE_PARTICIPANT = statement("note_participant")
RECORD_EVENT = statement("record_event")


class Head(NamedTuple):
    """What must be known of a log to recognise that a list only extends it.

    `link` is stored with the log; `prefix` is what this process remembers of the same messages.
    """

    version: int
    length: int
    link: bytes | None
    prefix: Prefix | None = None


class Terms(NamedTuple):
    """Under what conditions a list is to be saved."""

    mode: PutMode
    if_match: int | None
    lease: int | None


class Put:
    """The work of one PUT: parsed once, however often its unit is run."""

    def __init__(
        self,
        *,
        scope: Scope,
        session_id: str,
        texts: Sequence[str],
        terms: Terms,
        readers: Readers,
        known: Head | None = None,
    ) -> None:
        self._scope = scope
        self._key = session_key(scope, session_id)
        self._session_id = session_id
        self._texts = texts
        is_exact = terms.mode == "replace" or terms.if_match is not None
        self._mode: PutMode = "replace" if is_exact else "merge"
        self._if_match = terms.if_match
        self._readers = readers
        self._known = known
        self._lease = terms.lease
        self.head: Head | None = None
        self._stamp = stamp(scope)
        self._parsed: dict[int, NewMessage] = {}

    @cached_property
    def _links(self) -> list[bytes]:
        return chain(self._texts)

    @property
    def may_extend(self) -> bool:
        """Whether the quick path can apply at all."""
        return self._mode == "merge"

    async def extend(self, tx: Tx) -> Written | None:
        """Append the tail when the list begins with exactly the live history.

        Reads one row at most and no stored message. None when the list is something else, or
        when somebody else wrote in between.
        """
        if self._known is not None and self._known.length < len(self._texts):
            written = await self._append_to(tx, self._known)
            if written is not None:
                return written
        row = await tx.one(GET_HEAD, **self._key)
        if row is None:
            return await self._start(tx)
        check_turn(self._lease, row[3:6], clock.now())
        return await self._append_to(tx, Head(*row[:3]))

    async def _append_to(self, tx: Tx, head: Head) -> Written | None:
        version, count, link = head[:3]
        prefix = self._prefix(head)
        if link is None or prefix is None:
            return None
        tail = self._messages(count)
        if not tail:
            self.head = head._replace(prefix=prefix)
            return Written(self._session_id, version, count)
        now, texts = clock.now(), self._texts[count:]
        grown = extend_chain(link, texts)
        row = await tx.compound(
            EXTEND,
            numbered(tail),
            **self._key,
            **self._stamp,
            **guard(self._lease, now),
            version=version,
            seen=link,
            added=len(tail),
            chain=grown,
            now=now,
        )
        if row is None:
            return None
        self._settle(behind=False)
        self.head = Head(row[0], row[1], grown, prefix.grown(texts))
        return self._written(row, len(tail))

    def _prefix(self, head: Head) -> Prefix | None:
        """The live history of `head`, when the list begins with exactly that."""
        if head.link is None or head.length > len(self._texts):
            return None
        seen, known = self._texts[: head.length], self._known
        if known is not None and known.prefix is not None and known[1:3] == head[1:3]:
            return known.prefix if known.prefix.is_of(seen) else None
        return Prefix.of(seen) if self._links[head.length] == head.link else None

    async def merge(self, tx: Tx) -> Written:
        """Match the list against the live log under the session's lock, and write the difference."""
        messages = self._messages(0)  # a list that cannot be kept is refused whatever is there
        head = await tx.one(LOCK, **self._key)
        if head is None:
            started = await self._start(tx)
            if started is not None:
                return started
            head = await tx.one(LOCK, **self._key)
            if head is None:
                raise taken(self._session_id)
        version, count, head_seq, _, holder = head[:5]
        check_turn(self._lease, head[5:8], clock.now())
        if self._if_match is not None and self._if_match != version:
            raise StaleVersion(current=version)
        live = [LiveMessage(*row) for row in await tx.all(GET_LIVE, **self._key)]
        writer = self._scope.author.agent
        tenant = self._scope.tenant
        plan = plan_put(
            live,
            messages,
            head_seq=head_seq,
            mode=self._mode,
            may_supersede=lambda row: row.agent == writer or (writer != "" and holder == writer),
            in_doubt=self._readers.in_doubt(tenant, self._session_id, version),
        )
        self._settle(behind=plan.is_behind)
        if plan.is_empty:
            if plan.is_exact:
                await tx.run(REMEMBER_CHAIN, **self._key, version=version, chain=self._links[-1])
            return Written(self._session_id, version, count, kept=plan.kept)
        return await self._apply(tx, plan, version + 1, count, head_seq, head[8])

    async def _apply(
        self, tx: Tx, plan: Plan, version: int, count: int, head_seq: int, session_at: int
    ) -> Written:
        now = clock.now()
        at = {"version": version, "now": now}
        await tx.many(SUPERSEDE, [(seq,) for seq in plan.supersede], **self._key, **at)
        await tx.many(MOVE, plan.moved, **self._key)
        if plan.insert:
            await write_placed(
                tx, plan.insert, {**self._key, **self._stamp, **at}, session_at=session_at
            )
        count += len(plan.insert) - len(plan.supersede)
        head_seq += len(plan.insert)
        if plan.supersede:
            head_seq += 1
            data = opaque.dumps({"superseded": len(plan.supersede), "added": len(plan.insert)})
            event = {"seq": head_seq, "kind": "supersede", "data": data, "now": now}
            await tx.run(RECORD_EVENT, **self._key, **self._stamp, **event)
        await tx.run(
            ADVANCE,
            **self._key,
            **at,
            message_count=count,
            head_seq=head_seq,
            chain=self._links[-1] if plan.is_exact else None,
        )
        return Written(
            self._session_id,
            version,
            count,
            first_seq=plan.insert[0].seq if plan.insert else None,
            last_seq=plan.insert[-1].seq if plan.insert else None,
            superseded=len(plan.supersede),
            kept=plan.kept,
        )

    async def _start(self, tx: Tx) -> Written | None:
        """Create the session with the whole list; None when somebody else just did."""
        messages = self._messages(0)
        if self._if_match:
            raise StaleVersion("There is no such session yet; its version is 0.", current=0)
        if self._lease is not None:
            raise ended(self._lease)
        row = await tx.compound(
            START,
            numbered(messages),
            **self._key,
            **self._stamp,
            added=len(messages),
            chain=self._links[-1],
            now=clock.now(),
        )
        if row is None:
            return None
        self._settle(behind=False)
        self.head = Head(row[0], row[1], self._links[-1], Prefix.of(self._texts))
        return self._written(row, len(messages))

    def _settle(self, *, behind: bool) -> None:
        self._readers.settle(self._scope.tenant, self._session_id, behind=behind)

    def _messages(self, first: int) -> list[NewMessage]:
        for index in range(first, len(self._texts)):
            if index not in self._parsed:
                self._parsed[index] = parse_message(self._texts[index], index)
        return [self._parsed[index] for index in range(first, len(self._texts))]

    def _written(self, row: Row, added: int) -> Written:
        version, count, head_seq = row[:3]
        first = head_seq - added + 1 if added else None
        return Written(self._session_id, version, count, first, head_seq if added else None)


def numbered(messages: Sequence[NewMessage]) -> list[tuple[Any, ...]]:
    return [(n, *_cells(message)) for n, message in enumerate(messages, 1)]


def _placed(placed: Sequence[Placed]) -> list[tuple[Any, ...]]:
    return [(item.seq, item.place, *_cells(item.message)) for item in placed]


def _cells(message: NewMessage) -> tuple[Any, ...]:
    return (
        message.message_id,
        message.key,
        message.role,
        message.content,
        message.digest,
        message.tools,
        message.words,
    )


async def write_placed(
    tx: Tx, placed: Sequence[Placed], args: Mapping[str, Any], *, session_at: int
) -> None:
    """Write messages where they belong, and what they and their author are found by."""
    await tx.many(INSERT, _placed(placed), **args)
    words = [(item.seq, item.message.words) for item in placed if item.message.words]
    await tx.many(INDEX_WORDS, words, **args)
    seqs = [item.seq for item in placed]
    await tx.run(
        NOTE_PARTICIPANT,
        **args,
        created_at=session_at,
        added=len(seqs),
        first_seq=min(seqs),
        last_seq=max(seqs),
    )
