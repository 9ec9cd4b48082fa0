"""Whose turn it is, to whom a session is handed, and who took part in it."""

from __future__ import annotations

from dataclasses import asdict

from commonhold.model import clock, ids
from commonhold.model.clock import Micros
from commonhold.model.turns import (
    Handoff,
    Lease,
    Participant,
    check_handoff,
    check_holder,
    check_token,
    check_ttl,
)
from commonhold.sql import rows
from commonhold.sql.database import Row, Tx
from commonhold.sql.documents import check_stored, missing, taken
from commonhold.sql.leases import check_turn, ended, held
from commonhold.sql.logs import HEAD, SessionLogs
from commonhold.sql.repeats import Repeat
from commonhold.sql.statement import statement

CREATE = statement("create_session")
TAKE = statement("take_lease")
RENEW = statement("renew_lease")
END = statement("end_lease")
HAND_OVER = statement("hand_over")
PARTICIPANTS = statement("list_participants")

NOBODY = "anonymous"
"""Who holds a lease when neither a holder nor an agent is named."""


class SessionTurns(SessionLogs):
    """Leases, handoffs and participants."""

    async def lease(
        self,
        session_id: str,
        /,
        *,
        ttl_s: float,
        holder: str | None = None,
        token: int | None = None,
        wait_s: float = 0.0,
    ) -> Lease:
        ids.check_key(session_id, "session_id")
        check_ttl(ttl_s, wait_s)
        name = check_holder((self._stamp["owner_agent"] or NOBODY) if holder is None else holder)
        if token is not None:
            return await self._renew(session_id, ttl_s, token)
        deadline = clock.monotonic() + wait_s
        with self._memory.bell.watch(self._tenant, session_id) as watch:
            while True:
                lease, turn = await self._take(session_id, ttl_s, name)
                if lease is not None:
                    self._ring(session_id)
                    return lease
                left_s = deadline - clock.monotonic()
                if left_s <= 0:
                    raise held(*turn)
                until_free_s = max(0.001, (turn[1] - clock.now()) / 1e6)
                await watch.wait(min(left_s, until_free_s))

    async def release(self, session_id: str, /, *, token: int) -> None:
        check_stored(session_id)
        args = {**self._key(session_id), "token": check_token(token), "now": clock.now()}
        if not await self._db.run(END, **args):
            if await self._db.one(HEAD, **self._key(session_id)) is None:
                raise missing(session_id)
            raise ended(token)
        self._ring(session_id)

    async def handoff(
        self,
        session_id: str,
        to_agent: str,
        /,
        *,
        reason: str | None = None,
        brief: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Handoff:
        check_stored(session_id)
        check_handoff(to_agent, reason, brief)
        once = self._once(key, "handoff", session_id)
        repeat = Repeat(once, self._key(session_id), to_agent, reason, brief)

        async def unit(tx: Tx) -> Handoff:
            now = clock.now()
            head = await self._lock(tx, session_id)
            if (first := await repeat.answer(tx)) is not None:
                return Handoff(**first)
            check_turn(lease, head[5:8], now)
            seq, holder = head[2] + 1, head[4]
            told = {"from": holder or None, "to": to_agent, "reason": reason, "brief": brief}
            await self._event(tx, session_id, seq, "handoff", told, now)
            args = {"to_agent": to_agent, "seq": seq, "now": now}
            owned_by = self._scope.only.owned_by
            if not await tx.run(HAND_OVER, **self._key(session_id), **args, owned_by=owned_by):
                raise await self._not_theirs(tx, session_id, "hands on")
            handed = Handoff(session_id, seq, holder, to_agent, reason, brief, now)
            await repeat.remember(tx, asdict(handed), now)
            return handed

        handed = await self._db.write(unit)
        self._ring(session_id)
        return handed

    async def participants(self, session_id: str, /) -> tuple[Participant, ...]:
        check_stored(session_id)

        async def unit(tx: Tx) -> tuple[Participant, ...]:
            if await tx.one(HEAD, **self._key(session_id)) is None:
                raise missing(session_id)
            found = await tx.all(PARTICIPANTS, **self._key(session_id))
            return tuple(rows.participant(row) for row in found)

        return await self._db.read(unit)

    async def _renew(self, session_id: str, ttl_s: float, token: int) -> Lease:
        now = clock.now()
        until = _after(now, ttl_s)
        args = {"token": check_token(token), "now": now, "until": until}
        row = await self._db.one(RENEW, **self._key(session_id), **args)
        if row is None:
            raise ended(token)
        return Lease(session_id, row[0], row[1], until)

    async def _take(
        self, session_id: str, ttl_s: float, holder: str
    ) -> tuple[Lease | None, tuple[str | None, int]]:
        """The turn, if it is free; else who has it, and until when."""

        async def unit(tx: Tx) -> tuple[Lease | None, tuple[str | None, int]]:
            now = clock.now()
            until = _after(now, ttl_s)
            row = await self._take_free(tx, session_id, holder, until, now)
            if row is None:
                head = await tx.one(HEAD, **self._key(session_id))
                return None, (None, now) if head is None else (head[4], head[5])
            told: dict[str, object] = {"holder": holder, "token": row[0]}
            await self._event(tx, session_id, row[1], "lease", told, now)
            return Lease(session_id, row[0], holder, until), (holder, until)

        return await self._db.write(unit)

    async def _take_free(
        self, tx: Tx, session_id: str, holder: str, until: Micros, now: Micros
    ) -> Row | None:
        args = {**self._key(session_id), "holder": holder, "until": until, "now": now}
        row = await tx.one(TAKE, **args)
        if row is None and await tx.one(HEAD, **self._key(session_id)) is None:
            await tx.one(CREATE, **self._key(session_id), **self._stamp, **rows.unnamed(), now=now)
            row = await tx.one(TAKE, **args)
            if row is None and await tx.one(HEAD, **self._key(session_id)) is None:
                raise taken(session_id)
        return row


def _after(now: Micros, seconds: float) -> Micros:
    return Micros(now + round(seconds * 1e6))
