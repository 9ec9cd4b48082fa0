"""How the tests of the suite read a trace back."""

from __future__ import annotations

from collections.abc import Iterable

from commonhold.contract.stores import Backend
from commonhold.model.otel import OtelSpan, Rejected
from commonhold.model.trace import Trace, TraceQuery, TraceSummary
from commonhold.otlp.decode import spans_from_json
from commonhold.testing.otel import TRACE_ID


async def sent_back(backend: Backend, of: str = TRACE_ID) -> list[OtelSpan]:
    """The spans of a trace out of the OTLP that a store gives for it."""
    spans, rejected = spans_from_json((await backend.traces.otlp(of)).encode())
    assert rejected == Rejected()
    return spans


def alike(spans: Iterable[OtelSpan]) -> list[str]:
    """Spans in one order, to be compared: NaN is not equal to itself, but looks the same."""
    return sorted(map(repr, spans))


async def summary_of(backend: Backend, of: str = TRACE_ID) -> TraceSummary:
    """A trace as lists show it."""
    page = await backend.traces.list(TraceQuery(limit=1000))
    return next(item for item in page.items if item.trace_id == of)


async def everything_of(backend: Backend, of: str = TRACE_ID) -> tuple[Trace, TraceSummary, str]:
    """All that can be read of one trace."""
    return (
        await backend.traces.get(of),
        await summary_of(backend, of),
        await backend.traces.otlp(of),
    )
