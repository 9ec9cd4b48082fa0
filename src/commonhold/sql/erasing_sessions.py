"""Sessions of a user go, with what is about them; in those of others, what the user wrote goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from commonhold.model.clock import Micros
from commonhold.model.erasure import Counts, blanked, blanked_event, label_of
from commonhold.model.session import parse_message
from commonhold.sql.database import Row, Tx
from commonhold.sql.erasing import AT_ONCE, NOTHING, Done, Whose
from commonhold.sql.erasing_feedback import blank_of_session
from commonhold.sql.erasing_traces import OF_SESSION as TRACES_OF_SESSION
from commonhold.sql.erasing_traces import blank_whole
from commonhold.sql.statement import Statement, statement

OWN = statement("next_user_session")
LABELLED = statement("next_labelled_session")
FORKS = statement("next_forks")
SHARED = statement("next_shared_session")
LOCK = statement("lock_session")
MESSAGES = statement("user_messages")
LINE = statement("line_of_forks")
INHERITED = statement("inherited_messages")
BLANK = statement("blank_messages")
DROP_WORDS = statement("drop_message_words")
RENEW = statement("renew_session")
FORGET = statement("forget_participant")
DROP = statement("drop_participant")
EVENTS = statement("user_events")
BLANK_EVENTS = statement("blank_events")
DELETE = statement("delete_session")
DELETE_MESSAGES = statement("delete_messages")
DELETE_REQUESTS = statement("delete_requests")
DELETE_OTHERS: tuple[Statement, ...] = (
    *(statement("delete_words"), statement("delete_labels"), DELETE_REQUESTS),
    *(statement("delete_events"), statement("delete_participants")),
)

DEEPEST = 10_000
"""Forks of forks that are followed from one session in one step."""


async def remove_sessions(tx: Tx, whose: Whose, now: Micros) -> Done | None:
    """Do a piece of removing the user's next session."""
    found = await tx.one(OWN, **whose)
    if found is None:
        found = await tx.one(LABELLED, label=label_of(whose["user"]), **whose)
    return None if found is None else await _remove(tx, whose, found[0], now)


async def _remove(tx: Tx, whose: Whose, session_id: str, now: Micros) -> Done:
    """Do a piece of removing a session: its last fork first, and of each what is about it first.

    What is not finished is found again by its session, which goes last.
    """
    session_id = await _last_fork(tx, whose, session_id)
    key = {"tenant": whose["tenant"], "session_id": session_id}
    if said := await blank_of_session(tx, **key):
        return Done(Counts(blanked_feedback=said))
    traces = await tx.all(TRACES_OF_SESSION, **whose, session_id=session_id, limit=AT_ONCE)
    if traces:
        return Done(await blank_whole(tx, whose, traces, now))
    if (done := await _blank_inherited(tx, key, now)) is not None:
        return done
    return await _delete(tx, key)


async def _blank_inherited(tx: Tx, key: Mapping[str, str], now: Micros) -> Done | None:
    """Blank some of what nobody in particular said in a session, where a fork of others has it."""
    for (fork,) in await tx.all(LINE, **key, limit=DEEPEST):
        if found := await tx.all(INHERITED, **key, fork_id=fork, limit=AT_ONCE):
            return await _blank(tx, {**key, "session_id": fork}, found, now)
    return None


async def _delete(tx: Tx, key: Mapping[str, str]) -> Done:
    # The session first: it is what writers lock.
    gone = await tx.one(DELETE, **key, owned_by=None)
    for each in DELETE_OTHERS:
        await tx.run(each, **key)
    messages = await tx.run(DELETE_MESSAGES, **key)
    counts = Counts(sessions=int(gone is not None), messages=messages)
    return Done(counts, (key["session_id"],))


async def _last_fork(tx: Tx, whose: Whose, session_id: str) -> str:
    """The end of a line of forks: each of them is found by the one that it was made of."""
    seen = {session_id}
    for _ in range(DEEPEST):
        forks = [row[0] for row in await tx.all(FORKS, **whose, session_id=session_id)]
        # Lineage is what callers say it is, and may go in a circle.
        fork = next((each for each in forks if each not in seen), None)
        if fork is None:
            break
        session_id = fork
        seen.add(session_id)
    return session_id


async def blank_shared(tx: Tx, whose: Whose, now: Micros) -> Done | None:
    """Blank some of what the user wrote in a session of somebody else."""
    found = await tx.one(SHARED, **whose)
    if found is None:
        return None
    key = {"tenant": whose["tenant"], "session_id": found[0]}
    await tx.one(LOCK, **key)
    written = await tx.all(MESSAGES, **key, user=whose["user"], limit=AT_ONCE)
    if not written:
        await _forget(tx, key, whose["user"])
        return Done()
    return await _blank(tx, key, written, now)


async def _blank(tx: Tx, key: Mapping[str, str], written: Sequence[Row], now: Micros) -> Done:
    """Blank messages of a session, by sequence and content."""
    rows = [(seq, *_emptied(content)) for seq, content in written]
    await tx.many(BLANK, rows, **key)
    await tx.many(DROP_WORDS, [(row[0],) for row in rows], **key)
    await tx.run(RENEW, **key, now=now)
    return Done(Counts(blanked_messages=len(rows)), (key["session_id"],))


async def _forget(tx: Tx, key: Mapping[str, str], user: str) -> None:
    """Nothing that the user wrote is left in a session: nor are there traces of the user itself."""
    await tx.run(DELETE_REQUESTS, **key)  # digests of what was asked for
    await tx.run(FORGET, **key, user=user)
    await tx.run(DROP, **key, user=user)


async def blank_events(tx: Tx, whose: Whose, _now: Micros) -> Done | None:
    """Blank some events of the user in sessions of others."""
    found = await tx.all(EVENTS, **whose, limit=AT_ONCE)
    if not found:
        return None
    rows = [(session_id, seq, blanked_event(data)) for session_id, seq, data in found]
    await tx.many(BLANK_EVENTS, rows, tenant=whose["tenant"])
    return Done(NOTHING, tuple(sorted({row[0] for row in rows})))


def _emptied(content: str) -> tuple[str, str, bytes]:
    """Columns of a message that says nothing."""
    message = parse_message(blanked(content), 0)
    return message.content, message.key, message.digest
