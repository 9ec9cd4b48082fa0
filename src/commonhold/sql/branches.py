"""Branches of a session: forks, reverts, and repairs of what a crash left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from commonhold.errors import FieldError, OutOfRange
from commonhold.model import clock, ids, opaque
from commonhold.model.clock import Micros
from commonhold.model.merge import LiveMessage, place
from commonhold.model.once import used_before
from commonhold.model.repair import REASON, ClosedCall, close, open_by_message
from commonhold.model.session import NewMessage, Session, Written, parse_message
from commonhold.model.turns import Closing, Repaired, check_words
from commonhold.sql import rows
from commonhold.sql.database import Row, Tx, certain
from commonhold.sql.documents import check_stored
from commonhold.sql.leases import check_turn
from commonhold.sql.logs import SessionLogs
from commonhold.sql.puts import write_placed
from commonhold.sql.repeats import Repeat
from commonhold.sql.statement import statement

CREATE = statement("create_session")
WHOLE = statement("get_session_whole")
PLACE_OF = statement("place_of")
COPY = statement("copy_messages")
COPY_WORDS = statement("copy_words")
COPY_PARTICIPANTS = statement("copy_participants")
SUPERSEDE_AFTER = statement("supersede_after")
MARKED = statement("get_marked")
GET_LIVE = statement("get_live")
MOVE = statement("move_messages")
LIST_EVENTS = statement("list_events")


class SessionBranches(SessionLogs):
    """Fork, revert and repair."""

    async def fork(
        self, session_id: str, /, *, at: int | None = None, key: str | None = None
    ) -> Session:
        check_stored(session_id)
        once = self._once(key, "fork", session_id)
        into = ids.new_id("sess") if once is None else once.session_id

        async def unit(tx: Tx) -> Row:
            head = await self._lock(tx, session_id)
            made = None if once is None else await self._forked_before(tx, into, session_id, at)
            if made is not None:
                return made
            count = head[1] if at is None else at
            _check_index(count, head[1], "from_message_index")
            end, message_id = await self._place_of(tx, session_id, count)
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
            copy = {**self._key(session_id), "into_id": into, "place": end, "now": now}
            for each in (COPY, COPY_WORDS, COPY_PARTICIPANTS):
                await tx.run(each, **copy)
            data: dict[str, object] = {"from": session_id, "at": count}
            await self._event(tx, into, count + 1, "fork", data, now)
            await self._advance(tx, into, count, count + 1, 1, now)
            return certain(await tx.one(WHOLE, **self._key(into)), "it was just written")

        return rows.session(await self._db.write(unit))

    async def _forked_before(self, tx: Tx, into: str, parent: str, at: int | None) -> Row | None:
        """The fork that an earlier attempt made: one that its own log says is this author's."""
        row = await tx.one(WHOLE, **self._key(into))
        if row is None:
            return None
        made, author = rows.session(row), self._scope.author
        events = await tx.all(LIST_EVENTS, **self._key(into), after=0, limit=1)
        told = opaque.loads(events[0][3]) if events else {}
        is_same = told.get("from") == parent and at in (None, told.get("at"))
        if not is_same or (made.agent, made.user) != (author.agent, author.user):
            raise used_before()
        return row

    async def revert(
        self, session_id: str, /, *, to: int, lease: int | None = None, key: str | None = None
    ) -> Written:
        check_stored(session_id)
        repeat = Repeat(self._once(key, "revert", session_id), self._key(session_id), to)

        async def unit(tx: Tx) -> Written:
            now = clock.now()
            head = await self._lock(tx, session_id)
            if (first := await repeat.answer(tx)) is not None:
                return Written(**first)
            check_turn(lease, head[5:8], now)
            written = await self._revert(tx, session_id, head, to, now)
            await repeat.remember(tx, asdict(written), now)
            return written

        written = await self._db.write(unit)
        self._ring(session_id)
        return written

    async def _revert(self, tx: Tx, session_id: str, head: Row, to: int, now: Micros) -> Written:
        version, count, head_seq, holder = head[0] + 1, head[1], head[2] + 1, head[4]
        _check_index(to, count, "to_message_index")
        if to == count:
            return Written(session_id, head[0], count)
        end, _ = await self._place_of(tx, session_id, to)
        writer = self._stamp["owner_agent"]
        superseded = await tx.run(
            SUPERSEDE_AFTER,
            **self._key(session_id),
            place=end,
            version=version,
            only_of=None if writer and writer == holder else writer,
            now=now,
        )
        kept = count - to - superseded
        if not superseded:
            return Written(session_id, head[0], count, kept=kept)
        data: dict[str, object] = {"to": to, "superseded": superseded, "kept": kept}
        await self._event(tx, session_id, head_seq, "revert", data, now)
        await self._advance(tx, session_id, to + kept, head_seq, version, now)
        return Written(session_id, version, to + kept, superseded=superseded, kept=kept)

    async def repair(
        self,
        session_id: str,
        /,
        *,
        reason: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Repaired:
        check_stored(session_id)
        check_words(reason, "reason")
        repeat = Repeat(self._once(key, "repair", session_id), self._key(session_id), reason)

        async def unit(tx: Tx) -> tuple[Repaired, bool]:
            now = clock.now()
            head = await self._lock(tx, session_id)
            if (first := await repeat.answer(tx)) is not None:
                return _repaired(first), False
            check_turn(lease, head[5:8], now)
            repaired = await self._repair(tx, session_id, head, reason or REASON, now)
            if (
                repaired.closed
            ):  # agents repair before every turn, and there is mostly nothing to do
                await repeat.remember(tx, asdict(repaired), now)
            return repaired, bool(repaired.closed)

        repaired, has_closed = await self._db.write(unit)
        if has_closed:
            # Whoever saves the whole list next has not seen what now stands in the middle of it.
            self._memory.readers.settle(self._tenant, session_id, behind=True)
        self._ring(session_id)
        return repaired

    async def _repair(
        self, tx: Tx, session_id: str, head: Row, reason: str, now: Micros
    ) -> Repaired:
        marked = await tx.all(MARKED, **self._key(session_id))
        waiting = open_by_message([opaque.loads(row[1]) for row in marked])
        answers = {
            marked[index][0]: _answers(marked[index][2], calls, reason)
            for index, calls in waiting.items()
        }
        left = _left(marked, waiting, answers)
        if not any(answers.values()):
            return Repaired(session_id, head[0], head[1], (), left)
        closed = await self._write_answers(tx, session_id, head, answers, now)
        count = head[1] + sum(map(len, answers.values()))
        return Repaired(session_id, head[0] + 1, count, closed, left)

    async def _write_answers(
        self, tx: Tx, session_id: str, head: Row, answers: Mapping[int, _Answers], now: int
    ) -> tuple[Closing, ...]:
        """Put answers right behind the messages that wait for them; the calls they close."""
        version, seq = head[0] + 1, head[2]
        live = [LiveMessage(*row) for row in await tx.all(GET_LIVE, **self._key(session_id))]
        order: list[LiveMessage | NewMessage] = []
        for row in live:
            order += [row, *(message for message, _ in answers.get(row.seq, ()))]
        placed, moved = place(order, seq)
        args = {**self._key(session_id), **self._stamp, "version": version, "now": now}
        await tx.many(MOVE, moved, **args)
        await write_placed(tx, placed, args, session_at=head[8])
        seqs = {each.message.message_id: each.seq for each in placed}
        closed = tuple(
            Closing(call.call_id, call.name, seqs[message.message_id], message.message_id)
            for each in answers.values()
            for message, calls in each
            for call in calls
        )
        seq += len(placed) + 1
        data: dict[str, object] = {"closed": [call.call_id for call in closed]}
        await self._event(tx, session_id, seq, "repair", data, now)
        await self._advance(tx, session_id, head[1] + len(placed), seq, version, now)
        return closed

    async def _place_of(self, tx: Tx, session_id: str, count: int) -> tuple[int, str | None]:
        """The place of the last of the first `count` live messages, and its id."""
        if count == 0:
            return -1, None
        row = await tx.one(PLACE_OF, **self._key(session_id), skip=count - 1)
        place, message_id = certain(row, "the count was checked under the lock")
        return place, message_id


_Answers = list[tuple[NewMessage, tuple[ClosedCall, ...]]]


def _answers(content: str, calls: Sequence[str], reason: str) -> _Answers:
    """The messages that answer open calls of a message."""
    made = close(opaque.loads(content), calls, reason)
    return [(parse_message(text, 0), closed) for text, closed in made]


def _repaired(answer: Mapping[str, Any]) -> Repaired:
    closed = tuple(Closing(**each) for each in answer["closed"])
    return Repaired(
        **{**answer, "closed": closed, "open_tool_calls": tuple(answer["open_tool_calls"])}
    )


def _left(
    marked: Sequence[Row],
    waiting: Mapping[int, Sequence[str]],
    answers: Mapping[int, _Answers],
) -> tuple[str, ...]:
    """Open calls for which there is no answer."""
    left: list[str] = []
    for index, calls in waiting.items():
        made = answers[marked[index][0]]
        closed = {call.call_id for _, each in made for call in each}
        left += [call_id for call_id in calls if call_id not in closed]
    return tuple(left)


def _check_index(value: int, count: int, field: str) -> None:
    if not 0 <= value <= count:
        rule = f"must be from 0 to {count}, the number of live messages"
        raise OutOfRange(f"{field} {rule}.", errors=[FieldError((field,), rule)])
