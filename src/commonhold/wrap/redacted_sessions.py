"""Sessions, redacted on their way in.

What is stored, digested, compared and searched is what came out of the stage. A request that is
sent again comes out the same, so it is recognised; so does a list that a client has read here, or
has itself kept, and saves again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from commonhold.contract.sessions import Sessions
from commonhold.model.opaque import JsonText
from commonhold.model.session import (
    MAX_TITLE,
    Appended,
    NewSession,
    PutMode,
    Session,
    Written,
)
from commonhold.model.turns import MAX_BRIEF, Handoff, Repaired
from commonhold.wrap.redaction import Stage

_NOTHING_CHOSEN = NewSession()


class RedactedSessions:
    """`contract.sessions.Sessions` whose writes are redacted; the rest is the store's own."""

    def __init__(self, inner: Sessions, stage: Stage) -> None:
        self._inner = inner
        self._stage = stage
        self.find, self.get, self.list = inner.find, inner.get, inner.list
        self.history, self.stream, self.messages = inner.history, inner.stream, inner.messages
        self.cost, self.state, self.usage = inner.cost, inner.state, inner.usage
        self.events, self.timeline = inner.events, inner.timeline
        self.participants = inner.participants
        # These write nothing that anyone has said.
        self.fork, self.revert, self.delete = inner.fork, inner.revert, inner.delete
        self.lease, self.release = inner.lease, inner.release

    async def create(
        self, new: NewSession = _NOTHING_CHOSEN, /, *, key: str | None = None
    ) -> Session:
        work = await self._stage.begin()
        told = replace(
            new,
            title=work.text(new.title, MAX_TITLE),
            metadata=work.json(new.metadata),
            permission_scope_active=work.text(new.permission_scope_active),
        )
        made = await self._inner.create(told, key=key)
        work.done()
        return made

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
        work = await self._stage.begin()
        told = work.messages(messages)
        written = await self._inner.put(session_id, told, mode=mode, if_match=if_match, lease=lease)
        work.done()
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
        work = await self._stage.begin()
        told = work.messages(messages)
        appended = await self._inner.append(
            session_id, told, if_match=if_match, create=create, key=key, lease=lease
        )
        work.done()
        return appended

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        work = await self._stage.begin()
        merged = await self._inner.patch_cost(session_id, work.patch(patch))
        work.done()
        return merged

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        work = await self._stage.begin()
        merged = await self._inner.patch_state(session_id, work.patch(patch))
        work.done()
        return merged

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
        work = await self._stage.begin()
        reason, brief = work.text(reason, MAX_BRIEF), work.text(brief, MAX_BRIEF)
        done = await self._inner.handoff(
            session_id, to_agent, reason=reason, brief=brief, lease=lease, key=key
        )
        work.done()
        return done

    async def repair(
        self,
        session_id: str,
        /,
        *,
        reason: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Repaired:
        work = await self._stage.begin()
        done = await self._inner.repair(
            session_id, reason=work.text(reason, MAX_BRIEF), lease=lease, key=key
        )
        work.done()
        return done
