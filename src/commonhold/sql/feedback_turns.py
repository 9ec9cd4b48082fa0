"""What feedback is about: found when it is written, or as soon as what it is about has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from commonhold.model import clock, opaque
from commonhold.model.binding import State, spellings, trace_key
from commonhold.model.feedback import ANONYMOUS
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.statement import statement

TRACE = statement("find_named_trace")
TURN = statement("find_turn")
FIRST = statement("first_due")
TAKE = statement("take_due")
END = statement("end_due")
TARGET = statement("get_target")
VOTE = statement("find_vote")
BIND = statement("bind_feedback")
SUPERSEDE = statement("supersede_feedback")

AT_ONCE = 64
"""Records that are bound in one transaction: few, so that others wait only shortly."""

MOST_STEPS = 16
"""Transactions that a read waits for; what is due then is left to upkeep."""


class Target(NamedTuple):
    """What a record says that it is about, and who brought it."""

    session_id: str | None
    turn_index: int | None
    message_id: str | None
    trace_id: str | None
    span_id: str | None
    response_id: str | None
    model_id: str | None
    author: str

    @property
    def is_of_turn(self) -> bool:
        """Whether a turn is named by its number or by a message in it."""
        return self.message_id is not None or self.is_numbered

    @property
    def is_numbered(self) -> bool:
        """Whether a turn is named by its number."""
        return self.session_id is not None and self.turn_index is not None


class Voter(NamedTuple):
    """Whose vote a record is, and of what kind."""

    author: str
    user_id: str
    name: str
    source: str
    identifier: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """Where a record stands: columns of `feedback`, and its target in the one form that counts."""

    state: State = "none"
    turn_session: str | None = None
    turn_no: int | None = None
    question_seq: int | None = None
    turn_seq: int | None = None
    turn_message: str | None = None
    turn_trace: str | None = None
    trace_key: str | None = None
    bound_agent: str = ""
    bound_model: str | None = None
    awaits_trace: str | None = None
    awaits_turn: str | None = None
    awaits_run: str | None = None
    target: Sequence[str | int] = field(default=())

    @property
    def columns(self) -> dict[str, Any]:
        """As arguments of a statement."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "target"}


class _Trace(NamedTuple):
    """The trace that a record names: columns of `find_named_trace`."""

    trace_id: str
    session_id: str | None
    started_at: int
    model: str | None
    agents: str
    root: str | None


class _Turn(NamedTuple):
    """A turn: columns of `find_turn`."""

    question_seq: int
    number: int
    seq: int
    message_id: str
    agent: str
    trace_id: str | None
    model: str | None
    agents: str | None


async def find(tx: Tx | Database, tenant: str, target: Target) -> Found:
    """What is there of what a record is about."""
    trace = await _trace(tx, tenant, target.trace_id)
    session_id = target.session_id or (trace.session_id if trace else None)
    turn = await _turn(tx, tenant, target, session_id, trace)
    return _found(target, session_id, trace, turn)


async def _trace(tx: Tx | Database, tenant: str, trace_id: str | None) -> _Trace | None:
    if trace_id is None:
        return None
    row = await tx.one(TRACE, tenant=tenant, listed=opaque.dumps(spellings(trace_id)))
    return None if row is None else _Trace(*row)


async def _turn(
    tx: Tx | Database, tenant: str, target: Target, session_id: str | None, trace: _Trace | None
) -> _Turn | None:
    if session_id is None or not (target.is_of_turn or trace):
        return None
    by: dict[str, Any] = {"message_id": None, "turn_index": None, "began": None}
    if target.message_id is not None:
        by["message_id"] = target.message_id
    elif target.turn_index is not None:
        by["turn_index"] = target.turn_index
    elif trace is not None:
        by["began"] = trace.started_at
    row = await tx.one(TURN, tenant=tenant, session_id=session_id, **by)
    return None if row is None else _Turn(*row)


def _found(
    target: Target, session_id: str | None, trace: _Trace | None, turn: _Turn | None
) -> Found:
    trace_id = trace.trace_id if trace else turn.trace_id if turn else None
    model = trace.model if trace else turn.model if turn else None
    told = trace_id or target.trace_id
    return Found(
        state=_state(target, trace, turn),
        turn_session=session_id,
        turn_no=turn.number if turn else None,
        question_seq=turn.question_seq if turn else None,
        turn_seq=turn.seq if turn else None,
        turn_message=turn.message_id if turn else None,
        turn_trace=trace_id,
        trace_key=trace_key(told) if told else None,
        bound_agent=_agent(trace, turn) or target.author,
        bound_model=model or target.model_id,
        **_awaits(target, session_id, trace, turn),
        target=_canonical(target, session_id, turn),
    )


def _state(target: Target, trace: _Trace | None, turn: _Turn | None) -> State:
    if target.is_of_turn:
        return "bound" if turn else "pending"
    if target.trace_id is not None:
        return "bound" if turn or trace else "pending"
    return "none"


def _agent(trace: _Trace | None, turn: _Turn | None) -> str:
    """Who wrote the answer, else whose the trace is."""
    if turn and turn.agent:
        return turn.agent
    if trace and trace.root:
        return trace.root
    agents = trace.agents if trace else turn.agents if turn else None
    names = opaque.loads(agents) if agents else []
    return str(names[0]) if names else ""


def _awaits(
    target: Target, session_id: str | None, trace: _Trace | None, turn: _Turn | None
) -> dict[str, str | None]:
    """What may still come and say more."""
    is_trace_whole = trace is not None and trace.session_id is not None and trace.model is not None
    wants_turn = target.is_of_turn or target.trace_id is not None
    has_no_trace = target.trace_id is None and turn is not None and turn.trace_id is None
    named = target.trace_id
    return {
        "awaits_trace": trace_key(named) if named is not None and not is_trace_whole else None,
        "awaits_turn": session_id if wants_turn and turn is None else None,
        "awaits_run": session_id if has_no_trace else None,
    }


def _canonical(target: Target, session_id: str | None, turn: _Turn | None) -> tuple[str | int, ...]:
    """The same for all spellings of one target; empty where nothing is named."""
    named = trace_key(target.trace_id) if target.trace_id is not None else ""
    if target.span_id is not None:
        return ("span", named, target.span_id)
    if turn is not None and session_id is not None:
        return ("turn", session_id, turn.question_seq)
    if target.message_id is not None:
        return ("message", session_id or named, target.message_id)
    if target.session_id is not None and target.turn_index is not None:
        return ("index", target.session_id, target.turn_index)
    for kind, value in (
        ("trace", named),
        ("response", target.response_id),
        ("session", session_id),
    ):
        if value:
            return (kind, value)
    return ()


def vote_key(voter: Voter, target: Sequence[str | int]) -> str | None:
    """What two records have in common that are one vote; None where each stands for itself."""
    parts: list[object]
    if voter.identifier is not None:
        parts = ["identifier", voter.author, voter.name, voter.identifier, *target]
    elif voter.user_id != ANONYMOUS and target:
        parts = ["user", voter.user_id, voter.name, voter.source, *target]
    else:
        return None
    return sha256(opaque.dumps(parts).encode()).hexdigest()


class Turns:
    """Binds the records of a database whose targets have come."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def catch_up(self, tenant: str) -> None:
        """Bind what is due by now, so that what is read next is as the platform knows it."""
        for _ in range(MOST_STEPS):
            now = clock.now()
            if not await self._db.few(FIRST, tenant=tenant, now=now):
                return
            await self._db.write(partial(_step, now, tenant))

    async def step(self) -> int:
        """Bind some of what is due, of any tenant; how many were looked at."""
        return await self._db.write(partial(_step, clock.now(), None))


async def _step(now: int, tenant: str | None, tx: Tx) -> int:
    due = await tx.all(TAKE, now=now, tenant=tenant, limit=AT_ONCE)
    await tx.many(END, [tuple(row) for row in due])
    for of, feedback_id in sorted({(row[1], row[2]) for row in due}):
        await _bind(tx, of, feedback_id)
    return len(due)


async def _bind(tx: Tx, tenant: str, feedback_id: str) -> None:
    """Look again for what a record is about."""
    key = {"tenant": tenant, "feedback_id": feedback_id}
    row = await tx.one(TARGET, **key)
    if row is None or row[13] is not None:
        return
    target = Target(*row[:8])
    found = await find(tx, tenant, target)
    # An old vote, or one of nobody in particular, has no key and gets none.
    wanted = vote_key(Voter(*row[7:12]), found.target) if row[12] is not None else None
    other = await _other(tx, tenant, wanted, row[12])
    if other is None:
        await tx.run(BIND, **key, **found.columns, vote_key=wanted, superseded_by=None)
    elif (row[14], feedback_id) > (other[1], other[0]):
        await tx.run(SUPERSEDE, tenant=tenant, feedback_id=other[0], by=feedback_id)
        await tx.run(BIND, **key, **found.columns, vote_key=wanted, superseded_by=None)
    else:
        await tx.run(BIND, **key, **found.columns, vote_key=None, superseded_by=None)
        await tx.run(SUPERSEDE, **key, by=other[0])


async def _other(tx: Tx, tenant: str, wanted: str | None, current: str | None) -> Row | None:
    """Another record that holds the vote already."""
    if wanted is None or wanted == current:
        return None
    return await tx.one(VOTE, tenant=tenant, vote_key=wanted)
