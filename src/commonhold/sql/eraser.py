"""An erasure from its first step to its last: each is one transaction, which also counts it.

What a step is done with is not found again, so there is no cursor but the stage, and whoever goes
on after a crash begins where it ended. A claim keeps others away for a time; the transaction of a
step looks whether it still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from commonhold.errors import Conflict
from commonhold.model import clock, opaque
from commonhold.model.clock import Clock, Micros
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.erasing import AT_ONCE, Done, Step, Whose
from commonhold.sql.erasing_feedback import blank_judgements, remove_feedback
from commonhold.sql.erasing_sessions import (
    blank_events,
    blank_shared,
    remove_sessions,
)
from commonhold.sql.erasing_traces import blank_own, blank_whole
from commonhold.sql.span_index import SpanIndex
from commonhold.sql.statement import statement

CLAIM = statement("claim_erasure")
HOLD = statement("hold_erasure")
ADVANCE = statement("advance_erasure")
RELEASE = statement("release_erasure")
TRACES = statement("user_traces")
WRITTEN_FOR = statement("traces_written_for")
NOBODYS = statement("nobodys_session")
ADOPT = statement("adopt_session")

CLAIM_US = 10_000_000
"""How long a claim holds when its owner has crashed, in microseconds; each step renews it."""

WORDS = ("message_words", "span_words", "feedback_words")
"""Full-text indexes of SQLite."""

PAGES = 500
"""Pages of such an index that are merged in one transaction."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An erasure that is ours until a time, and what is to be done next."""

    erasure_id: str
    whose: Whose
    held: Micros
    stage: str


Ring = Callable[[str, str], None]
"""Tells who follows a session, by its tenant and its id, that it has changed."""


class Eraser:
    """Carries erasures on, step by step."""

    def __init__(
        self, database: Database, index: SpanIndex, ring: Ring, now: Clock = clock.now
    ) -> None:
        self._db = database
        self._index = index
        self._ring = ring
        self._now = now

    async def claim(self, tenant: str | None = None, erasure_id: str | None = None) -> Claim | None:
        """The erasure that waits longest for somebody, or the one named, if it does."""
        now = self._now()
        held = Micros(now + CLAIM_US)
        named = {"tenant": tenant, "erasure_id": erasure_id}
        database = self._db if tenant is None else self._db.within(tenant)
        row = await database.one(CLAIM, now=now, until=held, **named)
        if row is None:
            return None
        its_tenant, its_id, user, stage, started_at = row
        return Claim(its_id, Whose(tenant=its_tenant, user=user, before=started_at), held, stage)

    async def step(self, claim: Claim) -> Claim | None:
        """Do one piece; None when it was the last, or when the claim is somebody else's."""
        if claim.stage in WITH_SPANS:  # what is being indexed would come back by the words it had
            await self._index.catch_up()
        now = self._now()
        until = Micros(max(now + CLAIM_US, claim.held + 1))

        async def unit(tx: Tx) -> tuple[str, Done]:
            return await self._step(tx, claim, now, until)

        try:
            stage, done = await self._db.within(claim.whose["tenant"]).write(unit)
        except _Lost:
            return None
        for session_id in done.sessions:
            self._ring(claim.whose["tenant"], session_id)
        return None if stage == DONE else replace(claim, held=until, stage=stage)

    async def release(self, claim: Claim) -> None:
        """Let others go on."""
        own = self._db.within(claim.whose["tenant"])
        await own.run(RELEASE, **_key(claim), held=claim.held)

    async def _step(self, tx: Tx, claim: Claim, now: Micros, until: Micros) -> tuple[str, Done]:
        key = _key(claim)
        if await tx.one(HOLD, **key, held=claim.held) is None:
            raise _Lost
        stage = claim.stage
        done = await self._do(stage, tx, claim.whose, now)
        if done is None:
            stage = STAGES[STAGES.index(stage) + 1]
        done = done or Done()
        finished_at = now if stage == DONE else None
        told = {"stage": stage, "now": now, "until": until, "finished_at": finished_at}
        await tx.run(ADVANCE, **key, **asdict(done.counts), **told)
        return stage, done

    async def _do(self, stage: str, tx: Tx, whose: Whose, now: Micros) -> Done | None:
        if stage == "words":  # the other database forgets words with their rows
            return None if self._db.has_neighbours else await _merge_words(tx)
        return await STEPS[stage](tx, whose, now)


class _Lost(Conflict):
    """Somebody else goes on with this erasure."""


def _key(claim: Claim) -> dict[str, Any]:
    return {"tenant": claim.whose["tenant"], "erasure_id": claim.erasure_id}


async def _blank_traces(tx: Tx, whose: Whose, now: Micros) -> Done | None:
    """Blank some of the user's traces, after removing the sessions that are the user's by them."""
    found = await tx.all(TRACES, **whose, limit=AT_ONCE)
    for session_id, named in _agents_by_session(found).items():
        row = await tx.one(NOBODYS, **whose, session_id=session_id)
        if row is not None and row[0] in named:
            # By its traces it would not be found again once they are blank.
            await tx.run(ADOPT, **whose, session_id=session_id)
    if (done := await remove_sessions(tx, whose, now)) is not None:
        return done
    return Done(await blank_whole(tx, whose, found, now)) if found else None


def _agents_by_session(found: Sequence[Row]) -> Mapping[str, set[str]]:
    """Who took part in the traces of each session; an agent without a name did in all of them."""
    agents: dict[str, set[str]] = {}
    for _, _, _, session_id, told in found:
        if session_id is not None:
            agents.setdefault(session_id, {""}).update(opaque.loads(told))
    return agents


async def _blank_written_for(tx: Tx, whose: Whose, now: Micros) -> Done | None:
    """Blank some traces to which something was written for the user.

    One that names nobody else is the user's as a whole; of another's, what was written goes.
    """
    key = {"tenant": whose["tenant"], "user": whose["user"]}
    found = await tx.all(WRITTEN_FOR, **key, limit=AT_ONCE)
    if not found:
        return None
    own = [row for row in found if row[3] in ("", whose["user"])]
    blank = blank_whole if own else blank_own
    return Done(await blank(tx, whose, own or found, now))


async def _merge_words(tx: Tx) -> Done | None:
    """Let the index forget words that were removed: it keeps them until it is merged."""
    for each in WORDS:
        before = await _changes(tx)
        await tx.query(f"INSERT INTO {each} ({each}, rank) VALUES ('merge', -{PAGES})")  # noqa: S608
        if await _changes(tx) - before > 1:
            return Done()
    return None


async def _changes(tx: Tx) -> int:
    return int((await tx.query("SELECT total_changes()"))[0][0])


STEPS: Mapping[str, Step] = {
    "sessions": remove_sessions,
    "shared": blank_shared,
    "events": blank_events,
    "feedback": remove_feedback,
    "judgements": blank_judgements,
    "traces": _blank_traces,
    "written": _blank_written_for,
}
WITH_SPANS = ("sessions", "traces", "written")
DONE = "done"
STAGES = (*STEPS, "words", DONE)
"""In their order."""
