"""What the contract says of a shared log, in plain lists, for tests that compare a store with it.

Written from the docstrings of `commonhold.contract.sessions`, and from no line of the stores.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from commonhold.contract.stores import Backend
from commonhold.model.session import MessageQuery
from commonhold.model.timeline import TimelineQuery

ALL = 1000


@dataclass(frozen=True)
class Row:
    """A message that the log took, at its sequence."""

    seq: int
    message_id: str
    what: str
    agent: str
    is_live: bool = True


@dataclass(frozen=True)
class Log:
    """A session: its rows by sequence, its live history in order, and whose turn it is."""

    rows: tuple[Row, ...] = ()
    live: tuple[str, ...] = ()
    version: int = 0
    head: int = 0
    holder: str = ""
    token: int = 0
    until: int = 0

    @property
    def ids(self) -> set[str]:
        """Every id the log took."""
        return {row.message_id for row in self.rows}

    def owners(self, what: str) -> set[str]:
        """Whose live messages say this."""
        return {row.agent for row in self.rows if row.is_live and row.what == what}

    def is_for(self, agent: str, what: str) -> bool:
        """Whether an agent may take this out of the live history."""
        return agent == self.holder or self.owners(what) == {agent}

    def refusal(self, claim: int | None, now: int) -> str | None:
        """Why a write with this token, or with none, must not be taken."""
        if claim is None:
            return "LeaseHeld" if self.until > now else None
        return None if claim == self.token and self.until > now else "LeaseEnded"


def what_of(text: str) -> str:
    """What a message says, however its JSON is spelled."""
    return json.dumps(json.loads(text), sort_keys=True)


async def observe(backend: Backend, session_id: str, now: int) -> Log | None:
    """The log as the store shows it, after a look whether its parts agree with each other."""
    sessions = backend.sessions
    found = await sessions.find(session_id)
    if found is None:
        return None
    page = await sessions.messages(session_id, MessageQuery(limit=ALL, include_superseded=True))
    facts = await sessions.timeline(session_id, TimelineQuery(limit=ALL, kinds=("event",)))
    assert page.cursor is None
    rows = tuple(
        Row(row.seq, row.message_id, what_of(row.content), row.agent, row.superseded_at is None)
        for row in page.items
    )
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})
    events = [moment.item for moment in facts.items]
    seqs = [row.seq for row in rows] + [event.seq for event in events]  # type: ignore[union-attr]
    assert sorted(seqs) == list(range(1, found.head_seq + 1)), "a sequence twice, or a gap"
    live = await _live(backend, session_id)
    assert Counter(live) == Counter(row.what for row in rows if row.is_live)
    assert found.message_count == len(live)
    await _check_participants(backend, session_id, rows)
    until = found.lease_expires_at or 0
    return Log(
        rows,
        live,
        found.version,
        found.head_seq,
        found.holder,
        _token(events),
        until if until > now else 0,
    )


def _token(events: Sequence[Any]) -> int:
    """The newest fencing token: of the last lease, and one more for each handoff behind it."""
    token = 0
    for event in events:
        if event.kind == "lease":
            assert json.loads(event.data)["token"] > token
            token = json.loads(event.data)["token"]
        token += event.kind == "handoff"
    return token


async def _live(backend: Backend, session_id: str) -> tuple[str, ...]:
    """The live history, read in a way that leaves no trace of a reader."""
    stream = await backend.sessions.stream(session_id)
    inside = ",".join([piece async for piece in stream.pieces])
    return tuple(json.dumps(message, sort_keys=True) for message in json.loads(f"[{inside}]"))


async def _check_participants(backend: Backend, session_id: str, rows: Sequence[Row]) -> None:
    """They are who wrote, with as many messages as the log has of them."""
    told = await backend.sessions.participants(session_id)
    assert {each.agent: (each.message_count, each.first_seq, each.last_seq) for each in told} == {
        agent: (
            sum(row.agent == agent for row in rows),
            min(row.seq for row in rows if row.agent == agent),
            max(row.seq for row in rows if row.agent == agent),
        )
        for agent in {row.agent for row in rows}
    }


def appended(log: Log | None, agent: str, messages: Iterable[tuple[str, str]]) -> Log:
    """After an append of messages, given by id and text: those it had are not added again."""
    before = log or Log(holder=agent)
    new = [(name, text) for name, text in messages if name not in before.ids]
    if log is not None and not new:
        return log
    rows = [
        Row(before.head + n, name, what_of(text), agent) for n, (name, text) in enumerate(new, 1)
    ]
    return replace(
        before,
        rows=(*before.rows, *rows),
        live=(*before.live, *(row.what for row in rows)),
        version=before.version + 1,
        head=before.head + len(rows),
    )


def check_kept(before: Log, after: Log, agent: str, sent: Sequence[str]) -> None:
    """Nothing that was in the log is lost, and what is new came from this writer's list."""
    old, new = after.rows[: len(before.rows)], after.rows[len(before.rows) :]
    assert [replace(row, is_live=True) for row in old] == [
        replace(row, is_live=True) for row in before.rows
    ], "a message is missing from the log, or is another one now"
    assert not [row for row, was in zip(old, before.rows, strict=True) if row.is_live > was.is_live]
    assert all(row.seq > before.head and row.agent == agent and row.is_live for row in new)
    assert {row.what for row in new} <= set(sent)
    assert after.version >= before.version
    for row, was in zip(old, before.rows, strict=True):
        assert row.is_live or not was.is_live or agent in (was.agent, before.holder), (
            "somebody took a message of another out of the history"
        )


def check_put(before: Log, after: Log, agent: str, sent: Sequence[str], *, exactly: bool) -> None:
    """A PUT of `sent` was taken: merged, or exactly as far as it was the writer's to decide."""
    check_kept(before, after, agent, sent)
    assert is_within(sent, after.live), "what was acknowledged is not in the history, in order"
    if exactly:
        left = [what for what in before.live if what not in sent and before.is_for(agent, what)]
        assert not set(left) & set(after.live)
        return
    shared = [at for at, what in enumerate(before.live) if what in sent]
    if shared:
        behind = before.live[shared[-1] + 1 :]
        assert is_within(behind, after.live), "a PUT removed what its writer had not seen"
    if tuple(sent[: len(before.live)]) == before.live:
        assert after.live == tuple(sent)
        assert [row.is_live for row in before.rows] == [
            row.is_live for row in after.rows[: len(before.rows)]
        ]


def check_revert(before: Log, after: Log, agent: str, to: int) -> None:
    """The first `to` stay, and of the rest what belongs to others."""
    check_kept(before, after, agent, ())
    if all(len(before.owners(what)) == 1 for what in before.live):
        rest = [what for what in before.live[to:] if not before.is_for(agent, what)]
        assert after.live == (*before.live[:to], *rest)


def is_within(some: Sequence[str], of: Iterable[str]) -> bool:
    """Whether some are there in the same order, with anything in between."""
    rest = iter(of)
    return all(each in rest for each in some)
