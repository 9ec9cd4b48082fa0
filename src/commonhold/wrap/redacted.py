"""A backend into which nothing gets unredacted: every write passes one stage."""

from __future__ import annotations

from commonhold.contract.stores import Backend
from commonhold.model.scope import ANYONE, Scope
from commonhold.wrap.redacted_feedback import RedactedFeedback
from commonhold.wrap.redacted_sessions import RedactedSessions
from commonhold.wrap.redacted_traces import RedactedTraces
from commonhold.wrap.redaction import Redaction, Stage


class RedactedBackend:
    """`contract.stores.Backend` around another, which gets only what the stage lets through.

    The surfaces of the inner backend are looked up when they are first used: one that is not open
    yet may refuse them now and have them later.
    """

    def __init__(self, inner: Backend, redaction: Redaction, tenant: str = ANYONE.tenant) -> None:
        self._inner = inner
        self._redaction = redaction
        self._stage = Stage(redaction, tenant)
        self._sessions: RedactedSessions | None = None
        self._traces: RedactedTraces | None = None
        self._feedback: RedactedFeedback | None = None

    @property
    def sessions(self) -> RedactedSessions:
        """Session storage."""
        if self._sessions is None:
            self._sessions = RedactedSessions(self._inner.sessions, self._stage)
        return self._sessions

    @property
    def traces(self) -> RedactedTraces:
        """Trace storage."""
        if self._traces is None:
            self._traces = RedactedTraces(self._inner.traces, self._stage)
        return self._traces

    @property
    def feedback(self) -> RedactedFeedback:
        """Feedback storage."""
        if self._feedback is None:
            self._feedback = RedactedFeedback(self._inner.feedback, self._stage)
        return self._feedback

    def bind(self, scope: Scope, /) -> RedactedBackend:
        """The same storage, seen and written on behalf of `scope`, by its tenant's policy."""
        return RedactedBackend(self._inner.bind(scope), self._redaction, scope.tenant)

    async def check(self) -> None:
        """Return when the storage can serve."""
        await self._inner.check()

    async def aclose(self) -> None:
        """Close the storage."""
        await self._inner.aclose()
