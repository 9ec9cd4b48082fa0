"""A backend that reports every operation: what it was, how it ended, how long it took."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from commonhold.contract.stores import Backend
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import DEFAULT_LIMIT, Page
from commonhold.model.scope import Scope
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
from commonhold.model.trace import Trace, TraceQuery, TraceSummary
from commonhold.model.turns import Event, Handoff, Lease, Participant, Removed, Repaired
from commonhold.model.usage import Usage
from commonhold.wrap.observed_feedback import ObservedFeedback
from commonhold.wrap.timed import StoreObserver, Timed

_NOTHING_CHOSEN = NewSession()
_FROM_THE_START = MessageQuery()
_NEWEST_SESSIONS = SessionQuery()
_NEWEST_TRACES = TraceQuery()
_THIS_WEEK = AgentQuery()
_WHOLE_TIMELINE = TimelineQuery()


class ObservedBackend:
    """`contract.stores.Backend` around another, whose operations are told to `observe`.

    The surfaces of the inner backend are looked up on every call, not once: one that is not open
    yet may refuse them now and have them later.
    """

    def __init__(self, inner: Backend, observe: StoreObserver) -> None:
        self._inner = inner
        self._observe = observe
        self.sessions = ObservedSessions(inner, observe)
        self.traces = ObservedTraces(inner, observe)
        self.feedback = ObservedFeedback(inner, observe)

    def bind(self, scope: Scope, /) -> ObservedBackend:
        """The same storage, seen and written on behalf of `scope`."""
        return ObservedBackend(self._inner.bind(scope), self._observe)

    async def check(self) -> None:
        """Return when the inner backend can serve; not an operation, so not reported."""
        await self._inner.check()

    async def aclose(self) -> None:
        """Close the inner backend."""
        await self._inner.aclose()


class ObservedSessions:
    """`contract.sessions.Sessions`, reported."""

    def __init__(self, backend: Backend, observe: StoreObserver) -> None:
        self._backend = backend
        self._observe = observe

    async def create(
        self, new: NewSession = _NOTHING_CHOSEN, /, *, key: str | None = None
    ) -> Session:
        with self._timed("sessions.create"):
            return await self._backend.sessions.create(new, key=key)

    async def find(self, session_id: str, /) -> Session | None:
        with self._timed("sessions.find"):
            return await self._backend.sessions.find(session_id)

    async def get(self, session_id: str, /) -> Session:
        with self._timed("sessions.get"):
            return await self._backend.sessions.get(session_id)

    async def history(self, session_id: str, /) -> History:
        with self._timed("sessions.history"):
            return await self._backend.sessions.history(session_id)

    async def stream(self, session_id: str, /) -> HistoryStream:
        with self._timed("sessions.stream"):
            return await self._backend.sessions.stream(session_id)

    async def messages(
        self, session_id: str, query: MessageQuery = _FROM_THE_START, /
    ) -> Page[Message]:
        with self._timed("sessions.messages"):
            return await self._backend.sessions.messages(session_id, query)

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
        with self._timed("sessions.put"):
            return await self._backend.sessions.put(
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
        with self._timed("sessions.append"):
            return await self._backend.sessions.append(
                session_id, messages, if_match=if_match, create=create, key=key, lease=lease
            )

    async def cost(self, session_id: str, /) -> JsonText:
        with self._timed("sessions.cost"):
            return await self._backend.sessions.cost(session_id)

    async def patch_cost(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        with self._timed("sessions.patch_cost"):
            return await self._backend.sessions.patch_cost(session_id, patch)

    async def state(self, session_id: str, /) -> JsonText:
        with self._timed("sessions.state"):
            return await self._backend.sessions.state(session_id)

    async def patch_state(self, session_id: str, patch: Mapping[str, Any] | str, /) -> JsonText:
        with self._timed("sessions.patch_state"):
            return await self._backend.sessions.patch_state(session_id, patch)

    async def fork(
        self, session_id: str, /, *, at: int | None = None, key: str | None = None
    ) -> Session:
        with self._timed("sessions.fork"):
            return await self._backend.sessions.fork(session_id, at=at, key=key)

    async def revert(
        self, session_id: str, /, *, to: int, lease: int | None = None, key: str | None = None
    ) -> Written:
        with self._timed("sessions.revert"):
            return await self._backend.sessions.revert(session_id, to=to, lease=lease, key=key)

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
        with self._timed("sessions.lease"):
            return await self._backend.sessions.lease(
                session_id, ttl_s=ttl_s, holder=holder, token=token, wait_s=wait_s
            )

    async def release(self, session_id: str, /, *, token: int) -> None:
        with self._timed("sessions.release"):
            await self._backend.sessions.release(session_id, token=token)

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
        with self._timed("sessions.handoff"):
            return await self._backend.sessions.handoff(
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
        with self._timed("sessions.repair"):
            return await self._backend.sessions.repair(
                session_id, reason=reason, lease=lease, key=key
            )

    async def participants(self, session_id: str, /) -> tuple[Participant, ...]:
        with self._timed("sessions.participants"):
            return await self._backend.sessions.participants(session_id)

    async def usage(self, session_id: str, /) -> Usage:
        with self._timed("sessions.usage"):
            return await self._backend.sessions.usage(session_id)

    async def timeline(
        self, session_id: str, query: TimelineQuery = _WHOLE_TIMELINE, /
    ) -> Page[Moment]:
        with self._timed("sessions.timeline"):
            return await self._backend.sessions.timeline(session_id, query)

    def events(
        self, session_id: str, /, *, after: int | None = None
    ) -> AsyncIterator[Message | Event]:
        """Follow the log. Not timed: it lasts as long as somebody follows."""
        return self._backend.sessions.events(session_id, after=after)

    async def list(self, query: SessionQuery = _NEWEST_SESSIONS, /) -> Page[Session]:
        with self._timed("sessions.list"):
            return await self._backend.sessions.list(query)

    async def delete(self, session_id: str, /) -> Removed:
        with self._timed("sessions.delete"):
            return await self._backend.sessions.delete(session_id)

    def _timed(self, operation: str) -> Timed:
        return Timed(self._observe, operation)


class ObservedTraces:
    """`contract.traces.Traces`, reported."""

    def __init__(self, backend: Backend, observe: StoreObserver) -> None:
        self._backend = backend
        self._observe = observe

    async def put(self, trace: Trace, /) -> None:
        with self._timed("traces.put"):
            await self._backend.traces.put(trace)

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        with self._timed("traces.record"):
            await self._backend.traces.record(spans)

    async def take(self, request: Request, /) -> Rejected:
        with self._timed("traces.take"):
            return await self._backend.traces.take(request)

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        with self._timed("traces.record_logs"):
            await self._backend.traces.record_logs(logs)

    async def find(self, trace_id: str, /) -> Trace | None:
        with self._timed("traces.find"):
            return await self._backend.traces.find(trace_id)

    async def get(self, trace_id: str, /) -> Trace:
        with self._timed("traces.get"):
            return await self._backend.traces.get(trace_id)

    async def otlp(self, trace_id: str, /) -> JsonText:
        with self._timed("traces.otlp"):
            return await self._backend.traces.otlp(trace_id)

    async def list(self, query: TraceQuery = _NEWEST_TRACES, /) -> Page[TraceSummary]:
        with self._timed("traces.list"):
            return await self._backend.traces.list(query)

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> tuple[Trace, ...]:
        with self._timed("traces.of_session"):
            return await self._backend.traces.of_session(
                session_id, after_trace_id=after_trace_id, limit=limit
            )

    async def agents(self, query: AgentQuery = _THIS_WEEK, /) -> tuple[Agent, ...]:
        with self._timed("traces.agents"):
            return await self._backend.traces.agents(query)

    def _timed(self, operation: str) -> Timed:
        return Timed(self._observe, operation)
