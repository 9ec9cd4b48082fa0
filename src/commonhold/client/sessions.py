"""Sessions kept by a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commonhold.client import answers, requests
from commonhold.client.transport import Line
from commonhold.errors import FieldError, NotFound, OutOfRange
from commonhold.model import ids
from commonhold.model.opaque import JsonText
from commonhold.model.page import Page
from commonhold.model.session import (
    Appended,
    History,
    Message,
    MessageQuery,
    NewSession,
    PutMode,
    Session,
    SessionQuery,
    Written,
)


class HttpSessions:
    """`contract.sessions.Sessions` over HTTP."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, new: NewSession = NewSession(), /) -> Session:
        return answers.session(await self._line.send(requests.create_session(new)))

    async def find(self, session_id: str, /) -> Session | None:
        try:
            return await self.get(session_id)
        except NotFound:
            return None

    async def get(self, session_id: str, /) -> Session:
        _check_key(session_id)
        return answers.session(await self._line.send(requests.get_session(session_id)))

    async def history(self, session_id: str, /) -> History:
        _check_key(session_id)
        return answers.history(await self._line.send(requests.get_history(session_id)))

    async def messages(
        self, session_id: str, query: MessageQuery = MessageQuery(), /
    ) -> Page[Message]:
        _check_key(session_id)
        return answers.messages(await self._line.send(requests.list_messages(session_id, query)))

    async def put(
        self,
        session_id: str,
        messages: Sequence[str],
        /,
        *,
        mode: PutMode = "merge",
        if_match: int | None = None,
    ) -> Written:
        call = requests.put_messages(session_id, messages, mode, if_match)
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
    ) -> Appended:
        call = requests.append_messages(session_id, messages, if_match, key, create=create)
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

    async def fork(self, session_id: str, /, *, at: int | None = None) -> Session:
        await self._check_index(session_id, at or 0, "from_message_index")
        return answers.session(await self._line.send(requests.fork(session_id, at)))

    async def revert(self, session_id: str, /, *, to: int) -> Written:
        await self._check_index(session_id, to, "to_message_index")
        return answers.written(await self._line.send(requests.revert(session_id, to)))

    async def list(self, query: SessionQuery = SessionQuery(), /) -> Page[Session]:
        return answers.sessions(await self._line.send(requests.list_sessions(query)))

    async def delete(self, session_id: str, /) -> None:
        _check_key(session_id)
        answers.deleted(await self._line.send(requests.delete_session(session_id)))

    async def _check_index(self, session_id: str, value: int, field: str) -> None:
        """A negative index has no place on the wire, yet a missing session is told first."""
        _check_key(session_id)
        if value < 0:
            count = (await self.get(session_id)).message_count
            rule = f"must be from 0 to {count}, the number of live messages"
            raise OutOfRange(f"{field} {rule}.", errors=[FieldError((field,), rule)])


def _check_key(session_id: str) -> None:
    """An id that could not be stored names nothing, and would be another path."""
    if not ids.is_key(session_id):
        raise NotFound(f"Session {session_id} not found")
