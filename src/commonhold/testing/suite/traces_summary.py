"""Traces: what is derived from all parts, and lists of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText
from commonhold.model.trace import Trace, TraceQuery, TraceSummary
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import NOON, request_spans, span, trace
from commonhold.testing.suite.reading import all_of, error_of

SECOND = 1_000_000


async def summary_of(backend: Backend, trace_id: str = "trace_1") -> TraceSummary:
    """The trace as lists show it."""
    page = await backend.traces.list(TraceQuery(limit=1000))
    return next(item for item in page.items if item.trace_id == trace_id)


async def test_a_summary_tells_what_happened(backend: Backend) -> None:
    """T3. One chat request: its times, its model, its calls and its tokens."""
    await backend.traces.put(trace())
    assert await summary_of(backend) == TraceSummary(
        "trace_1",
        started_at=NOON,
        ended_at=Micros(NOON + 2 * SECOND),
        model="granite-4",
        session_id="sess_1",
        status="ok",
        duration_ms=2000.0,
        span_count=6,
        error_count=0,
        tool_calls=1,
        prompt_tokens=812,
        completion_tokens=64,
        agents=(),
        name="request",
        llm_calls=2,
        models=("granite-4",),
    )


async def test_a_summary_is_derived_from_every_part(acting_as: Actor) -> None:
    """T3. Earliest start, latest end, tokens and calls of all agents, in whatever order posted."""
    second = trace(
        started_at=Micros(NOON + SECOND),
        ended_at=Micros(NOON + 3 * SECOND),
        model="later-model",
        session_id="later",
        spans=request_spans(prefix="w", origin=7.0, parent="b_root"),
    )
    first = trace(spans=request_spans(prefix="b", origin=90000.0))
    await acting_as("weather").traces.put(second)
    await acting_as("billing").traces.put(first)
    found = await summary_of(acting_as("anyone"))
    assert (found.started_at, found.ended_at) == (NOON, NOON + 3 * SECOND)
    assert (found.model, found.session_id, found.duration_ms) == ("granite-4", "sess_1", 3000.0)
    assert (found.span_count, found.tool_calls) == (12, 2)
    assert (found.prompt_tokens, found.completion_tokens) == (1624, 128)
    assert found.agents == ("billing", "weather")


async def test_a_trace_and_its_summary_agree(acting_as: Actor) -> None:
    """T3. Reading one trace and listing it tell the same."""
    await acting_as("weather").traces.put(trace(spans=request_spans(prefix="w")))
    await acting_as("billing").traces.put(trace(started_at=Micros(NOON - 5), status="error"))
    found = await acting_as("anyone").traces.get("trace_1")
    listed = await summary_of(acting_as("anyone"))
    for name in ("trace_id", "started_at", "ended_at", "model", "session_id", "status"):
        assert getattr(found, name) == getattr(listed, name)
    assert len(found.spans) == listed.span_count


async def test_the_model_and_session_are_those_of_the_earliest_part_that_has_one(
    acting_as: Actor,
) -> None:
    """T3. A part that names none does not hide them."""
    await acting_as("a").traces.put(trace(model=None, session_id=None, spans=()))
    await acting_as("b").traces.put(
        trace(started_at=Micros(NOON + 2), model="second", session_id=None, spans=())
    )
    await acting_as("c").traces.put(
        trace(started_at=Micros(NOON + 3), model="third", session_id="third", spans=())
    )
    found = await summary_of(acting_as("anyone"))
    assert (found.model, found.session_id) == ("second", "third")


async def test_a_trace_inside_anothers_trace_has_a_duration(backend: Backend) -> None:
    """T3. With a W3C parent there is no span without one; the root's parent is elsewhere."""
    await backend.traces.put(trace(spans=request_spans(parent="00f067aa0ba902b7")))
    assert (await summary_of(backend)).duration_ms == 2000.0


async def test_two_requests_of_one_author_in_one_trace_are_both_kept(backend: Backend) -> None:
    """T2. Both come with the caller's trace id; the second must not destroy the first."""
    await backend.traces.put(trace(spans=request_spans(prefix="first", parent="caller")))
    later = Micros(NOON + 60 * SECOND)
    await backend.traces.put(
        trace(
            started_at=later,
            ended_at=Micros(later + 2 * SECOND),
            spans=request_spans(prefix="second", parent="caller", origin=4771.0),
        )
    )
    found = await summary_of(backend)
    assert (found.span_count, found.prompt_tokens) == (12, 1624)
    assert (found.started_at, found.ended_at) == (NOON, later + 2 * SECOND)
    assert found.duration_ms == 62_000.0


async def test_a_failed_span_makes_the_trace_an_error(acting_as: Actor) -> None:
    """T3. Whatever its part says, and until its author says otherwise."""
    failed = span(span_id="f", status="error")
    await acting_as("billing").traces.put(trace(spans=(span(span_id="ok"),)))
    assert (await summary_of(acting_as("anyone"))).status == "ok"
    await acting_as("weather").traces.put(trace(spans=(failed,), status="ok"))
    found = await summary_of(acting_as("anyone"))
    assert (found.status, found.error_count) == ("error", 1)
    await acting_as("weather").traces.put(trace(spans=(replace(failed, status="ok"),)))
    assert (await summary_of(acting_as("anyone"))).status == "ok"


async def test_a_failed_part_makes_the_trace_an_error(backend: Backend) -> None:
    """T3. Also when none of its spans failed."""
    await backend.traces.put(trace(status="error"))
    found = await summary_of(backend)
    assert (found.status, found.error_count) == ("error", 0)


async def test_tokens_come_from_model_calls_only(backend: Backend) -> None:
    """T3. Spans around a model call repeat its usage, which must not count twice."""
    usage = JsonText('{"prompt_tokens": 100, "completion_tokens": 10}')
    names = ("request", "step:1", "model_call", "tool:model_call", "model_call_wrapper")
    spans = tuple(
        span(span_id=f"s{n}", name=name, attributes=usage) for n, name in enumerate(names)
    )
    await backend.traces.put(trace(spans=spans))
    found = await summary_of(backend)
    assert (found.prompt_tokens, found.completion_tokens) == (100, 10)


@pytest.mark.parametrize(
    "value", ['"many"', "null", "true", "-1", "1.5", "[]", "{}", "1e300", "99999999999999999999"]
)
async def test_tokens_that_are_no_count_are_ignored(backend: Backend, value: str) -> None:
    """T3. The trace is kept as it is; the other calls still count."""
    odd = JsonText(f'{{"prompt_tokens": {value}, "completion_tokens": {value}}}')
    good = JsonText('{"prompt_tokens": 7, "completion_tokens": 0}')
    spans = (
        span(span_id="odd", name="model_call", attributes=odd),
        span(span_id="good", name="model_call", attributes=good),
    )
    for _ in range(2):
        await backend.traces.put(trace(spans=spans))
        found = await summary_of(backend)
        assert (found.prompt_tokens, found.completion_tokens) == (7, 0)


async def test_a_trace_without_usage_has_no_token_counts(backend: Backend) -> None:
    """T3. Unknown is not zero."""
    await backend.traces.put(trace(spans=(span(name="model_call"),)))
    found = await summary_of(backend)
    assert (found.prompt_tokens, found.completion_tokens) == (None, None)


async def test_a_store_with_no_traces_lists_none(backend: Backend) -> None:
    """T5. The page is empty and the last."""
    page = await backend.traces.list()
    assert (page.items, page.cursor) == ((), None)


async def many(backend: Backend, count: int) -> list[str]:
    """Post traces a second apart; their ids, newest first."""
    names = [f"t{n:03}" for n in range(count)]
    for n, name in enumerate(names):
        await backend.traces.put(Trace(name, started_at=Micros(NOON + n * SECOND)))
    return names[::-1]


async def test_traces_are_listed_newest_first(backend: Backend) -> None:
    """T5. By start, not by arrival."""
    for n in (2, 0, 3, 1):
        await backend.traces.put(Trace(f"t{n}", started_at=Micros(NOON + n)))
    page = await backend.traces.list()
    assert [item.trace_id for item in page.items] == ["t3", "t2", "t1", "t0"]


async def test_traces_of_one_instant_are_listed_by_id(backend: Backend) -> None:
    """T5. The order is total, so that a page of one finds each once."""
    names = ["b", "a", "C", "10", "9", "é"]
    for name in names:
        await backend.traces.put(Trace(name, started_at=NOON))
    whole = [item.trace_id for item in (await backend.traces.list()).items]
    assert whole in (sorted(names), sorted(names, reverse=True))
    single = await all_of(backend.traces.list, TraceQuery(limit=1))
    assert [item.trace_id for item in single] == whole


async def test_a_cursor_goes_on_while_traces_arrive(backend: Backend) -> None:
    """T5. No repeat and no gap."""
    names = await many(backend, 6)
    first = await backend.traces.list(TraceQuery(limit=3))
    await backend.traces.put(Trace("new", started_at=Micros(NOON + 60 * SECOND)))
    second = await backend.traces.list(TraceQuery(limit=3, cursor=first.cursor))
    assert [item.trace_id for item in first.items + second.items] == names


async def test_every_trace_is_found_page_by_page(backend: Backend) -> None:
    """T5. Deep into a list nothing is skipped or shown twice; `offset` counts from the newest."""
    names = await many(backend, 45)
    found = await all_of(backend.traces.list, TraceQuery(limit=7))
    assert [item.trace_id for item in found] == names
    page = await backend.traces.list(TraceQuery(limit=5, offset=20))
    assert [item.trace_id for item in page.items] == names[20:25]


async def test_traces_are_narrowed_by_session_status_and_time(backend: Backend) -> None:
    """T5. `since` is inclusive and `until` exclusive; filters hold on every page."""
    for n in range(8):
        await backend.traces.put(
            Trace(
                f"t{n}",
                started_at=Micros(NOON + n),
                session_id=f"s{n % 2}",
                status="error" if n in (2, 3) else "ok",
            )
        )
    queries = {
        TraceQuery(session_id="s1"): ["t7", "t5", "t3", "t1"],
        TraceQuery(status="error"): ["t3", "t2"],
        TraceQuery(status="error", session_id="s0"): ["t2"],
        TraceQuery(since=Micros(NOON + 2), until=Micros(NOON + 5)): ["t4", "t3", "t2"],
        TraceQuery(session_id="nobody"): [],
    }
    for query, expected in queries.items():
        for limit in (1, 50):
            found = await all_of(backend.traces.list, replace(query, limit=limit))
            assert [item.trace_id for item in found] == expected


@pytest.mark.parametrize(
    "query",
    [
        TraceQuery(limit=0),
        TraceQuery(limit=1001),
        TraceQuery(offset=-1),
        TraceQuery(cursor="not a cursor"),
        TraceQuery(cursor="Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTksICJ4Il0"),
        TraceQuery(cursor="WzEsICJcdTAwMDAiXQ"),
    ],
    ids=lambda query: f"{query.limit}-{query.offset}-{query.cursor}",
)
async def test_a_page_of_traces_that_cannot_be_is_refused(
    backend: Backend, query: TraceQuery
) -> None:
    """T5. Its size, its start or its cursor breaks a rule."""
    assert isinstance(await error_of(backend.traces.list(query)), InvalidRequest)
