"""Sessions, as one caller may see and write them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from commonhold.contract.stores import Stores
from commonhold.errors import AgentOwned, Forbidden
from commonhold.model.opaque import JsonText
from commonhold.model.page import Page
from commonhold.model.session import (
    Appended,
    History,
    HistoryStream,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    SessionQuery,
    Written,
)
from commonhold.model.timeline import Moment, TimelineQuery
from commonhold.model.turns import Event, Handoff, Lease, Participant, Removed, Repaired
from commonhold.model.usage import Usage
from commonhold.wrap.reach import Reach

_NOTHING_CHOSEN = NewSession()
_FROM_THE_START = MessageQuery()
_NEWEST_SESSIONS = SessionQuery()
_WHOLE_TIMELINE = TimelineQuery()


class ScopedSessions:
    """`contract.sessions.Sessions` of one caller."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def create(
        self, new: NewSession = _NOTHING_CHOSEN, /, *, key: str | None = None
    ) -> Session:
        stores = self._reach.at("sessions.create")
        if self._reach.is_nobody and new.session_id is not None:
            raise Forbidden("Who is not signed in gets the id of a session from the service.")
        return await stores.sessions.create(new, key=key)

    async def find(self, session_id: str, /) -> Session | None:
        return await self._reach.at("sessions.summary", "user").sessions.find(session_id)

    async def get(self, session_id: str, /) -> Session:
        return await self._reach.at("sessions.summary", "user").sessions.get(session_id)

    async def history(self, session_id: str, /) -> History:
        return await self._reach.at("sessions.read", "user").sessions.history(session_id)

    async def stream(self, session_id: str, /) -> HistoryStream:
        return await self._reach.at("sessions.read", "user").sessions.stream(session_id)

    async def messages(
        self, session_id: str, query: MessageQuery = _FROM_THE_START, /
    ) -> Page[Message]:
        return await self._reach.at("sessions.read", "user").sessions.messages(session_id, query)

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
        stores = await self._for_writing("sessions.put", session_id)
        return await stores.sessions.put(
            session_id, messages, mode=mode, if_match=if_match, lease=lease
        )

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
        stores = await self._for_writing("sessions.append", session_id)
        create = create and not self._reach.is_nobody
        return await stores.sessions.append(
            session_id, messages, if_match=if_match, create=create, key=key, lease=lease
        )

    async def cost(self, session_id: str, /) -> JsonText:
        return await self._reach.at("sessions.summary", "user").sessions.cost(session_id)

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._reach.at("sessions.cost").sessions.patch_cost(session_id, patch)

    async def state(self, session_id: str, /) -> JsonText:
        return await self._reach.at("sessions.read", "user").sessions.state(session_id)

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        return await self._reach.at("sessions.state").sessions.patch_state(session_id, patch)

    async def fork(
        self, session_id: str, /, *, at: int | None = None, key: str | None = None
    ) -> Session:
        return await self._reach.at("sessions.fork", "user").sessions.fork(
            session_id, at=at, key=key
        )

    async def revert(
        self, session_id: str, /, *, to: int, lease: int | None = None, key: str | None = None
    ) -> Written:
        stores = await self._for_writing("sessions.revert", session_id)
        return await stores.sessions.revert(session_id, to=to, lease=lease, key=key)

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
        return await self._reach.at("sessions.lease").sessions.lease(
            session_id, ttl_s=ttl_s, holder=holder, token=token, wait_s=wait_s
        )

    async def release(self, session_id: str, /, *, token: int) -> None:
        await self._reach.at("sessions.lease").sessions.release(session_id, token=token)

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
        return await self._reach.at("sessions.handoff", "owned_by").sessions.handoff(
            session_id, to_agent, reason=reason, brief=brief, lease=lease, key=key
        )

    async def repair(
        self,
        session_id: str,
        /,
        *,
        reason: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Repaired:
        return await self._reach.at("sessions.repair").sessions.repair(
            session_id, reason=reason, lease=lease, key=key
        )

    async def participants(self, session_id: str, /) -> tuple[Participant, ...]:
        return await self._reach.at("sessions.summary", "user").sessions.participants(session_id)

    async def usage(self, session_id: str, /) -> Usage:
        return await self._reach.at("sessions.summary", "user").sessions.usage(session_id)

    async def timeline(
        self, session_id: str, query: TimelineQuery = _WHOLE_TIMELINE, /
    ) -> Page[Moment]:
        stores = self._reach.at("sessions.timeline", "part_of", "user")
        if self._reach.is_somebody:
            kinds = tuple([each for each in query.kinds if each != "trace"])
            query = replace(query, kinds=kinds)
        return await stores.sessions.timeline(session_id, query)

    def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        return self._reach.at("sessions.read", "user").sessions.events(session_id, after=after)

    async def list(self, query: SessionQuery = _NEWEST_SESSIONS, /) -> Page[Session]:
        stores = self._reach.at("sessions.list", "user")
        if query.q is not None and not self._reach.sees_content("sessions.list"):
            raise Forbidden("A search reads what was said, which a viewer does not see.")
        return await stores.sessions.list(query)

    async def delete(self, session_id: str, /) -> Removed:
        return await self._reach.at("sessions.delete", "owned_by", "user").sessions.delete(
            session_id
        )

    async def _for_writing(self, operation: str, session_id: str) -> Stores:
        """The stores for a write of messages.

        Raises:
            AgentOwned: a person would write into what an agent remembers.
        """
        stores = self._reach.at(operation, "user")
        if self._reach.is_somebody:
            found = await stores.sessions.find(session_id)
            if found is not None and found.agent:
                raise AgentOwned
        return stores
