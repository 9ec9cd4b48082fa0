"""`HttpTraceStore` of the published fipsagents, method by method, against the real service."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from fipsagents.server.http import (
    HttpTraceStore,
    PlatformError,
    reset_request_context,
    set_request_context,
)
from fipsagents.server.tracing import Span, Trace

from tests.clients import agents
from tests.clients.agents import unique
from tests.processes import Process

ATTRIBUTES = {"text": "größe", "count": 3, "ratio": 0.1, "flags": [True, None], "deep": {"a": {}}}


@pytest.fixture(params=["", "/a/agent-1"])
async def traces(service: Process, request: pytest.FixtureRequest) -> AsyncIterator[HttpTraceStore]:
    """The store of one agent, with and without an agent in its base URL."""
    async with agents.stores(service.url + request.param) as opened:
        yield opened.traces


def a_trace(trace_id: str, started: datetime, **changed: object) -> Trace:
    """A request of one step: two model calls, a tool that failed."""
    clock = 1234.000001

    def span(number: int, name: str, parent: int | None, **more: object) -> Span:
        made = Span(
            trace_id=trace_id,
            span_id=f"span_{number:016x}",
            parent_span_id=None if parent is None else f"span_{parent:016x}",
            name=name,
            start_time=clock + number / 7,
            end_time=clock + number / 7 + 0.3,
        )
        return replace(made, **more)

    usage = {"prompt_tokens": 100, "completion_tokens": 20}
    spans = [
        span(0, "request", None, end_time=clock + 2.5, attributes={"model": "m", "stream": False}),
        span(1, "step:1", 0),
        span(2, "model_call", 1, attributes=usage),
        span(
            3,
            "tool:search",
            1,
            status="error",
            attributes=ATTRIBUTES,
            events=[{"name": "tool_result", "timestamp": clock + 1, "body": '{"is_error": true}'}],
        ),
        span(4, "model_call", 1, attributes=usage, end_time=None),
    ]
    trace = Trace(
        trace_id=trace_id,
        started_at=started.isoformat(),
        ended_at=(started + timedelta(seconds=2.5)).isoformat(),
        model="m",
        session_id="sess_of_the_trace",
        status="error",
        spans=spans,
    )
    return replace(trace, **changed)


def now() -> datetime:
    """The current time, with microseconds: they must survive."""
    return datetime.now(UTC).replace(microsecond=123457)


async def test_a_trace_comes_back_as_it_was(traces: HttpTraceStore) -> None:
    """Floats, attributes, events and order are equal; times are the same moment."""
    trace = a_trace(unique("trace"), now())
    await traces.save_trace(trace)
    found = await traces.get_trace(trace.trace_id)
    assert found is not None
    assert [asdict(span) for span in found.spans] == [asdict(span) for span in trace.spans]
    for name in ("started_at", "ended_at"):
        told, sent = getattr(found, name), getattr(trace, name)
        assert datetime.fromisoformat(told) == datetime.fromisoformat(sent)
    assert (found.model, found.session_id, found.status) == ("m", "sess_of_the_trace", "error")


async def test_a_missing_trace_is_none(traces: HttpTraceStore) -> None:
    """A trace that is not there is None."""
    assert await traces.get_trace(unique("nothing")) is None


async def test_a_bare_trace_is_kept(traces: HttpTraceStore) -> None:
    """Only an id and a start are needed."""
    trace = Trace(trace_id=unique("trace"), started_at=now().isoformat())
    await traces.save_trace(trace)
    found = await traces.get_trace(trace.trace_id)
    assert found is not None
    assert (found.spans, found.ended_at, found.model, found.status) == ([], None, None, "ok")


async def test_saving_again_is_harmless(traces: HttpTraceStore) -> None:
    """The same trace twice is the same trace once."""
    trace = a_trace(unique("trace"), now())
    await traces.save_trace(trace)
    await traces.save_trace(trace)
    found = await traces.get_trace(trace.trace_id)
    assert found is not None
    assert len(found.spans) == 5


async def test_saving_again_updates(traces: HttpTraceStore) -> None:
    """A later save of the same author changes its spans and adds new ones."""
    trace = a_trace(unique("trace"), now())
    await traces.save_trace(replace(trace, spans=trace.spans[:4]))
    corrected = replace(trace.spans[3], status="ok", attributes={"retried": True})
    await traces.save_trace(replace(trace, spans=[*trace.spans[:3], corrected, trace.spans[4]]))
    found = await traces.get_trace(trace.trace_id)
    assert found is not None
    assert [span.status for span in found.spans] == ["ok"] * 5
    assert found.spans[3].attributes == {"retried": True}


async def test_the_list_shows_what_the_trace_holds(traces: HttpTraceStore) -> None:
    """A summary counts tokens of model calls, tools and spans, and lasts as long as the root."""
    started = now() + timedelta(days=3650, seconds=secrets.randbelow(10**6))
    trace = a_trace(unique("trace"), started)
    await traces.save_trace(trace)
    listed = await traces.list_traces(limit=1000)
    found = next(summary for summary in listed if summary.trace_id == trace.trace_id)
    assert (found.prompt_tokens, found.completion_tokens) == (200, 40)
    assert (found.tool_calls, found.span_count, found.status) == (1, 5, "error")
    assert found.duration_ms == pytest.approx(2500)
    assert (found.model, found.session_id) == ("m", "sess_of_the_trace")
    assert datetime.fromisoformat(found.started_at) == started


async def test_the_list_is_newest_first_and_pages(traces: HttpTraceStore) -> None:
    """Limit and offset walk through all traces, latest start first, each once."""
    base = now() + timedelta(days=7300, seconds=secrets.randbelow(10**7))
    ids = [unique("trace") for _ in range(5)]
    for number, trace_id in enumerate(ids):
        await traces.save_trace(a_trace(trace_id, base + timedelta(minutes=number)))
    listed = [found.trace_id for found in await traces.list_traces(limit=1000)]
    at = listed.index(ids[-1])
    assert listed[at : at + 5] == ids[::-1]
    paged = [await traces.list_traces(limit=2, offset=at + skip) for skip in (0, 2, 4)]
    assert [found.trace_id for page in paged for found in page][:5] == ids[::-1]


async def test_a_limit_out_of_range_is_refused(traces: HttpTraceStore) -> None:
    """Asking for none, for less, or for too many is a client error."""
    for limit, offset in ((0, 0), (1001, 0), (10, -1)):
        with pytest.raises(PlatformError) as refused:
            await traces.list_traces(limit=limit, offset=offset)
        assert refused.value.status_code == 422


async def test_delete_before_leaves_everything(traces: HttpTraceStore) -> None:
    """The client leaves retention to the service."""
    trace = a_trace(unique("trace"), now())
    await traces.save_trace(trace)
    assert await traces.delete_before(datetime.now(UTC) + timedelta(days=1)) == 0
    assert await traces.get_trace(trace.trace_id) is not None


async def test_traces_of_a_session_are_not_asked_over_http(traces: HttpTraceStore) -> None:
    """The client has no call for it and answers with nothing."""
    assert await traces.list_traces_for_session("sess_of_the_trace") == []


async def test_the_context_of_a_request_travels_along(traces: HttpTraceStore) -> None:
    """An inbound credential and trace context are sent on, and change nothing here."""
    trace = a_trace(secrets.token_hex(16), now())
    kept = set_request_context(
        authorization="Bearer sk-whatever",
        traceparent=f"00-{trace.trace_id}-{secrets.token_hex(8)}-01",
    )
    try:
        await traces.save_trace(trace)
        found = await traces.get_trace(trace.trace_id)
    finally:
        reset_request_context(kept)
    assert found is not None
    assert len(found.spans) == 5


async def test_a_root_below_a_foreign_caller_has_a_duration(traces: HttpTraceStore) -> None:
    """A trace that joins a distributed one has no parentless span; its root still counts."""
    trace = a_trace(secrets.token_hex(16), now() + timedelta(days=9000))
    trace.spans[0].parent_span_id = secrets.token_hex(8)
    await traces.save_trace(trace)
    listed = await traces.list_traces(limit=1000)
    found = next(summary for summary in listed if summary.trace_id == trace.trace_id)
    assert found.duration_ms == pytest.approx(2500)
