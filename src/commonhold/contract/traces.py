"""The contract of trace storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request
from commonhold.model.page import Page
from commonhold.model.trace import Trace, TraceQuery, TraceSummary


class Traces(Protocol):
    """Traces of one tenant, written as one author.

    T1. A method that returns has committed; one that raises has changed nothing.
    T2. A trace has many authors. Spans merge by id: a re-post updates the spans of its own
        author and no other; spans it leaves out stay.
    T3. Trace-level values are derived from all parts and spans, whatever the order they came in:
        earliest start, latest end, error if any part or span failed, tokens and cost from model
        calls only, and of nested ones the innermost. `model` and `session_id` are those of the
        earliest part that has one, or else of the root, or else of the earliest span that has one.
        The root is the earliest span whose parent is not in the trace, one without a parent first.
    T4. The floats, attributes and events of a span come back exactly as sent. A span that came as
        OTLP comes back as OTLP, whole.
    T5. Spans are ordered by wall clock, ties by id; lists are newest first by start, or longest or
        dearest first, ties by id.
    T6. Lists never touch spans.
    T7. Another tenant's rows do not exist.
    T8. What a span means is read in whichever vocabulary it speaks, the same way for a native post,
        for OTLP, and in every backend.
    T9. A search finds what was written before it, words of names, inputs and outputs, and
        attributes, each within one span.
    T10. Whose work a span is, is said by who wrote it; only where nobody is named, by itself.
    T11. A judgement that comes with a span or a log record is a score of who wrote it, committed
        with it; one that comes again changes nothing.
    """

    async def put(self, trace: Trace, /) -> None:
        """Merge this author's part into the trace, creating it when it is new."""

    async def record(self, spans: Sequence[OtelSpan], /) -> None:
        """Merge spans into their traces; the same spans again change nothing."""

    async def take(self, request: Request, /) -> Rejected:
        """Merge the spans of a request as it was sent, and say which of them it had to leave out.

        Raises:
            MalformedBody: it is no such request; nothing was written.
        """

    async def record_logs(self, logs: Sequence[OtelLog], /) -> None:
        """Keep log records with the spans they are about, come or to come."""

    async def find(self, trace_id: str, /) -> Trace | None:
        """The whole trace of all authors, or None."""

    async def get(self, trace_id: str, /) -> Trace:
        """The whole trace of all authors; log records are among the events of their spans.

        Raises:
            NotFound: no such trace.
        """

    async def otlp(self, trace_id: str, /) -> JsonText:
        """The whole trace as one OTLP JSON request.

        Raises:
            NotFound: no such trace.
        """

    async def list(self, query: TraceQuery = ..., /) -> Page[TraceSummary]:
        """A page of summaries.

        Raises:
            InvalidRequest: naming the filter that cannot be.
        """

    async def of_session(
        self, session_id: str, /, *, after_trace_id: str | None = None, limit: int = ...
    ) -> tuple[Trace, ...]:
        """Whole traces of a session, oldest first, after one of them.

        Raises:
            NotFound: `after_trace_id` is no trace of this session.
        """

    async def agents(self, query: AgentQuery = ..., /) -> tuple[Agent, ...]:
        """The agents that were seen, the last seen first, and what each did in a window."""
