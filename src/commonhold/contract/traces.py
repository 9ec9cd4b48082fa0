"""The contract of trace storage."""

from __future__ import annotations

from typing import Protocol

from commonhold.model.page import Page
from commonhold.model.trace import Trace, TraceQuery, TraceSummary


class Traces(Protocol):
    """Traces of one tenant, written as one author.

    T1. A method that returns has committed; one that raises has changed nothing.
    T2. A trace has many authors. Spans merge by id: a re-post updates the spans of its own
        author and no other; spans it leaves out stay.
    T3. Trace-level fields are derived from all parts: earliest start, latest end, error if any
        part or span failed, tokens from model calls only. `model` and `session_id` are those of
        the earliest part that has one.
    T4. The floats, attributes and events of a span come back exactly as sent.
    T5. Spans are ordered by wall clock, ties by id; lists are newest first by start, ties by id.
    T6. Lists never touch spans.
    T7. Another tenant's rows do not exist.
    """

    async def put(self, trace: Trace, /) -> None:
        """Merge this author's part into the trace, creating it when it is new."""

    async def find(self, trace_id: str, /) -> Trace | None:
        """The whole trace of all authors, or None."""

    async def get(self, trace_id: str, /) -> Trace:
        """The whole trace of all authors.

        Raises:
            NotFound: no such trace.
        """

    async def list(self, query: TraceQuery = ..., /) -> Page[TraceSummary]:
        """A page of summaries, newest first."""
