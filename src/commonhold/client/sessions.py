"""Sessions kept by a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from commonhold.client import answers, requests, tail
from commonhold.client.transport import Line
from commonhold.errors import FieldError, NotFound, OutOfRange
from commonhold.model import ids
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


class HttpSessions:
    """`contract.sessions.Sessions` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, new: NewSession = NewSession(), /, *, key: str | None = None) -> Session:
        return answers.session(await self._line.send(requests.create_session(new, key)))

    async def find(self, session_id: str, /) -> Session | None:
        try:
            return replace(await self.get(session_id), open_tool_calls=None)
        except NotFound:
            return None

    async def get(self, session_id: str, /) -> Session:
        _check_key(session_id)
        return answers.session(await self._line.send(requests.get_session(session_id)))

    async def history(self, session_id: str, /) -> History:
        _check_key(session_id)
        return answers.history(await self._line.send(requests.get_history(session_id)))

    async def stream(self, session_id: str, /) -> HistoryStream:
        history = await self.history(session_id)
        inside = history.body.strip()[1:-1].strip()
        count = len(history.messages)
        return HistoryStream(session_id, history.version, count, _once(inside))

    async def messages(
        self, session_id: str, query: MessageQuery = MessageQuery(), /
    ) -> Page[Message]:
        _check_key(session_id)
        answer = await self._line.send(requests.list_messages(session_id, query))
        return answers.messages(answer, query.cursor_name)

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
        call = requests.put_messages(session_id, messages, mode, if_match, lease)
        return answers.written(await self._line.send(call))

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
        call = requests.append_messages(session_id, messages, if_match, key, lease, create=create)
        return answers.appended(await self._line.send(call))

    async def cost(self, session_id: str, /) -> JsonText:
        _check_key(session_id)
        return answers.cost(await self._line.send(requests.get_cost(session_id)))

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        _check_key(session_id)
        return answers.cost(await self._line.send(requests.patch_cost(session_id, patch)))

    async def state(self, session_id: str, /) -> JsonText:
        _check_key(session_id)
        return answers.state(await self._line.send(requests.get_state(session_id)))

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        _check_key(session_id)
        return answers.state(await self._line.send(requests.patch_state(session_id, patch)))

    async def fork(
        self, session_id: str, /, *, at: int | None = None, key: str | None = None
    ) -> Session:
        await self._check_index(session_id, at or 0, "from_message_index")
        return answers.session(await self._line.send(requests.fork(session_id, at, key)))

    async def revert(
        self, session_id: str, /, *, to: int, lease: int | None = None, key: str | None = None
    ) -> Written:
        await self._check_index(session_id, to, "to_message_index")
        return answers.written(await self._line.send(requests.revert(session_id, to, lease, key)))

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
        call = requests.lease(session_id, ttl_s, holder, token, wait_s)
        return answers.lease(await self._line.send(call))

    async def release(self, session_id: str, /, *, token: int) -> None:
        _check_key(session_id)
        answers.done(await self._line.send(requests.release(session_id, token)))

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
        _check_key(session_id)
        call = requests.handoff(session_id, to_agent, reason, brief, lease, key)
        return answers.handoff(await self._line.send(call))

    async def repair(
        self,
        session_id: str,
        /,
        *,
        reason: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Repaired:
        _check_key(session_id)
        return answers.repaired(
            await self._line.send(requests.repair(session_id, reason, lease, key))
        )

    async def participants(self, session_id: str, /) -> tuple[Participant, ...]:
        _check_key(session_id)
        return answers.participants(await self._line.send(requests.participants(session_id)))

    async def usage(self, session_id: str, /) -> Usage:
        _check_key(session_id)
        return answers.usage(await self._line.send(requests.usage(session_id)))

    async def timeline(
        self, session_id: str, query: TimelineQuery = TimelineQuery(), /
    ) -> Page[Moment]:
        _check_key(session_id)
        return answers.moments(await self._line.send(requests.timeline(session_id, query)))

    async def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        _check_key(session_id)
        async with aclosing(tail.follow(self._line, session_id, after)) as entries:
            async for entry in entries:
                yield entry

    async def list(self, query: SessionQuery = SessionQuery(), /) -> Page[Session]:
        return answers.sessions(await self._line.send(requests.list_sessions(query)))

    async def delete(self, session_id: str, /) -> Removed:
        _check_key(session_id)
        return answers.removed(await self._line.send(requests.delete_session(session_id)))

    async def _check_index(self, session_id: str, value: int, field: str) -> None:
        """A negative index has no place on the wire, yet a missing session is told first."""
        _check_key(session_id)
        if value < 0:
            count = (await self.get(session_id)).message_count
            rule = f"must be from 0 to {count}, the number of live messages"
            raise OutOfRange(f"{field} {rule}.", errors=[FieldError((field,), rule)])


async def _once(piece: str) -> AsyncIterator[str]:
    if piece:
        yield piece


def _check_key(session_id: str) -> None:
    """An id that could not be stored names nothing, and would be another path."""
    if not ids.is_key(session_id):
        raise NotFound(f"Session {session_id} not found")
