"""The backend that keeps nothing: writes are checked like anywhere, then let go."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from commonhold.client.null_feedback import NullFeedback
from commonhold.errors import Closed, LeaseEnded, NotFound, StaleVersion
from commonhold.model import clock, ids, opaque, timeline
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.feedback import ANONYMOUS
from commonhold.model.once import Once, check_key
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import DEFAULT_LIMIT, Page, check_window, decode_cursor
from commonhold.model.scope import ANYONE, Scope
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
    parse_append,
    parse_message,
)
from commonhold.model.timeline import Moment, TimelineQuery
from commonhold.model.trace import Trace, TraceQuery, TraceSummary, check_query, check_trace
from commonhold.model.turns import (
    Event,
    Handoff,
    Lease,
    Participant,
    Removed,
    Repaired,
    check_handoff,
    check_holder,
    check_ttl,
    check_words,
)
from commonhold.model.usage import Usage

log = logging.getLogger("commonhold.null")


class Gate:
    """Whether a backend, and everything bound from it, is still open."""

    def __init__(self) -> None:
        self.is_open = True

    def check(self) -> None:
        """Let a call through.

        Raises:
            Closed: after `aclose`.
        """
        if not self.is_open:
            raise Closed


class NullSessions:
    """`contract.sessions.Sessions` that keeps nothing."""

    def __init__(self, gate: Gate, scope: Scope) -> None:
        self._gate = gate
        self._author = scope.author

    async def create(self, new: NewSession = NewSession(), /, *, key: str | None = None) -> Session:
        once = None if key is None else Once.of(key, self._author, "create")
        made_id = ids.new_id("sess") if once is None else once.session_id
        self._gate.check()
        log.debug("a session was created and not kept")
        now = clock.now()
        return Session(
            new.session_id or made_id,
            created_at=now,
            updated_at=now,
            agent=self._author.agent,
            user=self._author.user,
            title=new.title,
            metadata=new.metadata,
            parent_session_id=new.parent_session_id,
            forked_at_message_id=new.forked_at_message_id,
        )

    async def find(self, session_id: str, /) -> Session | None:
        self._gate.check()
        return None

    async def get(self, session_id: str, /) -> Session:
        raise self._missing(session_id)

    async def history(self, session_id: str, /) -> History:
        raise self._missing(session_id)

    async def stream(self, session_id: str, /) -> HistoryStream:
        raise self._missing(session_id)

    async def messages(
        self, session_id: str, query: MessageQuery = MessageQuery(), /
    ) -> Page[Message]:
        check_window(query.size, query.after)
        raise self._missing(session_id)

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
        ids.check_key(session_id, "session_id")
        self._gate.check()
        if if_match:
            raise StaleVersion("There is no such session yet; its version is 0.", current=0)
        for index, text in enumerate(messages):
            parse_message(text, index)
        log.debug("%d messages were not kept", len(messages))
        count = len(messages)
        return Written(session_id, 1, count, 1 if count else None, count or None)

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
        ids.check_key(session_id, "session_id")
        once = None if key is None else Once.of(key, self._author, "append", session_id)
        appended = parse_append(messages, once)
        self._gate.check()
        if not create:
            raise self._missing(session_id)
        if if_match:
            raise StaleVersion("There is no such session yet; its version is 0.", current=0)
        log.debug("%d messages were not kept", len(appended))
        count = len(appended)
        named = tuple(message.message_id for message in appended)
        return Appended(session_id, 1, 1 if count else None, count or None, named)

    async def cost(self, session_id: str, /) -> JsonText:
        raise self._missing(session_id)

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        opaque.object_text(patch, "cost_data")
        raise self._missing(session_id)

    async def state(self, session_id: str, /) -> JsonText:
        raise self._missing(session_id)

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        opaque.object_text(patch, "state")
        raise self._missing(session_id)

    async def fork(
        self, session_id: str, /, *, at: int | None = None, key: str | None = None
    ) -> Session:
        check_key(key)
        raise self._missing(session_id)

    async def revert(
        self, session_id: str, /, *, to: int, lease: int | None = None, key: str | None = None
    ) -> Written:
        check_key(key)
        raise self._missing(session_id)

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
        name = check_holder(holder or self._author.agent or ANONYMOUS)
        self._gate.check()
        if token is not None:
            raise LeaseEnded
        return Lease(session_id, 1, name, clock.Micros(clock.now() + round(ttl_s * 1e6)))

    async def release(self, session_id: str, /, *, token: int) -> None:
        raise self._missing(session_id)

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
        check_handoff(to_agent, reason, brief)
        check_key(key)
        raise self._missing(session_id)

    async def repair(
        self,
        session_id: str,
        /,
        *,
        reason: str | None = None,
        lease: int | None = None,
        key: str | None = None,
    ) -> Repaired:
        check_words(reason, "reason")
        check_key(key)
        raise self._missing(session_id)

    async def participants(self, session_id: str, /) -> tuple[Participant, ...]:
        raise self._missing(session_id)

    async def usage(self, session_id: str, /) -> Usage:
        raise self._missing(session_id)

    async def timeline(
        self, session_id: str, query: TimelineQuery = TimelineQuery(), /
    ) -> Page[Moment]:
        check_window(query.limit, 0)
        timeline.decode(query.cursor)
        raise self._missing(session_id)

    async def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        nothing: tuple[Event, ...] = (await self._nothing(session_id),)
        for entry in nothing:
            yield entry

    async def _nothing(self, session_id: str) -> Event:
        raise self._missing(session_id)

    async def list(self, query: SessionQuery = SessionQuery(), /) -> Page[Session]:
        _check_page(query)
        self._gate.check()
        return Page(())

    async def delete(self, session_id: str, /) -> Removed:
        raise self._missing(session_id)

    def _missing(self, session_id: str) -> NotFound:
        self._gate.check()
        return NotFound(f"Session {session_id} not found")


class NullTraces:
    """`contract.traces.Traces` that keeps nothing."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def put(self, trace: Trace, /) -> None:
        check_trace(trace)
        self._gate.check()
        log.debug("a trace of %d spans was not kept", len(trace.spans))

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        self._gate.check()
        log.debug("%d spans were not kept", len(spans))

    async def take(self, request: Request, /) -> Rejected:
        self._gate.check()
        log.debug("%d bytes of spans were not kept", len(request.body))
        return Rejected()

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        self._gate.check()
        log.debug("%d log records were not kept", len(logs))

    async def find(self, trace_id: str, /) -> Trace | None:
        self._gate.check()
        return None

    async def otlp(self, trace_id: str, /) -> JsonText:
        raise await self._missing(trace_id)

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        check_window(limit, 0)
        self._gate.check()
        if after_trace_id is not None:
            raise NotFound(f"Trace {after_trace_id} not found in this session")
        return ()

    async def agents(self, query: AgentQuery = AgentQuery(), /) -> tuple[Agent, ...]:
        self._gate.check()
        return ()

    async def get(self, trace_id: str, /) -> Trace:
        raise await self._missing(trace_id)

    async def _missing(self, trace_id: str) -> NotFound:
        self._gate.check()
        return NotFound(f"Trace {trace_id} not found")

    async def list(self, query: TraceQuery = TraceQuery(), /) -> Page[TraceSummary]:
        _check_page(query)
        check_query(query)
        self._gate.check()
        return Page(())


class NullBackend:
    """`contract.stores.Backend` behind the URL `null:`."""

    def __init__(self, scope: Scope = ANYONE, *, gate: Gate | None = None) -> None:
        self._gate = gate or Gate()
        self.sessions = NullSessions(self._gate, scope)
        self.traces = NullTraces(self._gate)
        self.feedback = NullFeedback(self._gate.check, scope.author)

    def bind(self, scope: Scope, /) -> NullBackend:
        return NullBackend(scope, gate=self._gate)

    async def check(self) -> None:
        self._gate.check()

    async def aclose(self) -> None:
        self._gate.is_open = False


def _check_page(query: SessionQuery | TraceQuery) -> None:
    check_window(query.limit, query.offset)
    if query.cursor:
        decode_cursor(query.cursor)
