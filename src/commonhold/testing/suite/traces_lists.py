"""Traces: lists by every filter, alone and combined, in every order, page by page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch
from commonhold.model.otel import OtelSpan
from commonhold.model.trace import Sort, TraceQuery
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import NOON, new_feedback
from commonhold.testing.otel import (
    NOON_NS,
    SECOND_NS,
    of_resource,
    otel_span,
    trace_id,
)
from commonhold.testing.suite.reading import all_of, error_of, pages

SECOND = 1_000_000
SORTS: tuple[Sort, ...] = ("time", "duration", "cost")

FILTERS: dict[str, Any] = {
    "session_id": "chat",
    "status": "error",
    "since": Micros(NOON),
    "until": Micros(NOON + 1000 * SECOND),
    "agent": "weather",
    "user": "ada",
    "kind": "tool",
    "model": "granite-4",
    "tool": "forecast",
    "environment": "prod",
    "tag": "vip",
    "min_duration_ms": 500.0,
    "min_cost_usd": 0.25,
    "feedback": "down",
    "attributes": '{"customer": 7, "beta": true}',
    "q": "will rain",
}
"""Each filter with a value that the traces of `wanted` pass, and those of `others` do not."""

COMBINED: dict[str, TraceQuery] = {
    **{name: TraceQuery(**{name: value}) for name, value in FILTERS.items()},
    "all": TraceQuery(**FILTERS),
    "labels": TraceQuery(agent="weather", tool="forecast", tag="vip", model="granite-4"),
    "label and votes": TraceQuery(agent="weather", feedback="down"),
    "label and time": TraceQuery(kind="llm", since=NOON, until=Micros(NOON + 1000 * SECOND)),
    "words and label": TraceQuery(q="rain*", environment="prod", status="error"),
    "session and failed": TraceQuery(session_id="chat", status="error", feedback="down"),
    "user and cost": TraceQuery(user="ada", min_cost_usd=0.1),
    "words and attributes": TraceQuery(q="RAIN", attributes='{"customer": 7.0}'),
}


def wanted(number: int, start_s: int) -> list[OtelSpan]:
    """The spans of a trace that every filter finds, the longer and dearer the higher its number."""
    start = NOON_NS + start_s * SECOND_NS
    told: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "granite-4",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 1,
        "gen_ai.usage.cost": 0.25 + number // 2,
        "gen_ai.input.messages": '[{"role":"user","content":"Will it rain?"}]',
        "session.id": "chat",
        "user.id": "ada",
        "langfuse.trace.tags": ["vip", "eu"],
        "customer": 7,
        "beta": True,
    }
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "forecast"}
    prod = of_resource(service_name="weather", deployment_environment="prod")
    return [
        otel_span(
            0,
            trace_id=trace_id(number),
            start_ns=start,
            end_ns=start + SECOND_NS * (1 + number // 3),
            attributes=told,
            resource=prod,
        ),
        otel_span(
            1,
            parent=0,
            trace_id=trace_id(number),
            start_ns=start,
            end_ns=start,
            attributes=tool,
            resource=prod,
            status_code=2,
        ),
    ]


def unwanted(number: int, start_s: int) -> list[OtelSpan]:
    """A span of a trace that hardly any filter finds."""
    start = NOON_NS + start_s * SECOND_NS
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "other",
        "gen_ai.usage.cost": 0.125,
        "gen_ai.input.messages": '[{"role":"user","content":"Will it snow?"}]',
        "session.id": "other",
        "user.id": "bob",
        "customer": 7,
        "beta": False,
    }
    return [
        otel_span(
            trace_id=trace_id(number),
            start_ns=start,
            end_ns=start + SECOND_NS // 4,
            attributes=told,
            resource=of_resource(service_name="billing", deployment_environment="test"),
        )
    ]


async def fill(backend: Backend, count: int = 12) -> None:
    """Traces that pass and others, two at each second, each of the first with a thumbs down."""
    for number in range(count):
        await backend.traces.record(wanted(number, number // 2))
        await backend.traces.record(unwanted(100 + number, number // 2))
        await backend.feedback.create(new_feedback(rating=-1, trace_id=trace_id(number)))
        await backend.feedback.create(new_feedback(rating=1, trace_id=trace_id(100 + number)))


def in_order(sort: str, numbers: range) -> list[str]:
    """The traces of `wanted` as a list has them."""
    step = 3 if sort == "duration" else 2
    return [trace_id(n) for n in sorted(numbers, key=lambda n: (n // step, n), reverse=True)]


def is_wide(query: TraceQuery) -> bool:
    """Whether the others pass it too: only the window of time does not tell them apart."""
    alone = replace(query, since=None, until=None, sort="time")
    return alone == TraceQuery() or alone == TraceQuery(kind="llm")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("name", COMBINED)
async def test_every_filter_finds_what_passes_it(backend: Backend, name: str, sort: Sort) -> None:
    """T5. All of it, in order, once, whatever the size of a page."""
    await fill(backend)
    query = replace(COMBINED[name], sort=sort)
    expected = in_order(sort, range(12))
    for limit in (1, 5, 1000):
        found = await all_of(backend.traces.list, replace(query, limit=limit))
        names = [item.trace_id for item in found]
        if is_wide(query):
            assert len(names) == len(set(names)) == 24
            names = [each for each in names if each in expected]
        assert names == expected


@pytest.mark.parametrize("name", [name for name in FILTERS if name not in ("since", "until")])
async def test_a_filter_that_nothing_passes_finds_nothing(backend: Backend, name: str) -> None:
    """T5. It is not passed over, alone or beside others."""
    await fill(backend, 2)
    nothing: dict[str, Any] = {
        **dict.fromkeys(FILTERS, "nothing"),
        "min_duration_ms": 1e6,
        "min_cost_usd": 1e6,
        "feedback": "none",
        "attributes": '{"customer": 8}',
    }
    for sort in SORTS:
        alone = TraceQuery(**{name: nothing[name]}, sort=sort)
        beside = TraceQuery(**{**FILTERS, name: nothing[name]}, sort=sort)
        for query in (alone, beside):
            assert (await backend.traces.list(query)).items == ()


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("name", ["none", "agent", "q", "session_id", "feedback"])
async def test_pages_go_on_while_traces_arrive(backend: Backend, name: str, sort: Sort) -> None:
    """T5. What was there when the first page was given is on exactly one of them."""
    await fill(backend)
    narrowed = {} if name == "none" else {name: FILTERS[name]}
    query = TraceQuery(limit=5, sort=sort, **narrowed)
    before = [item.trace_id for item in await all_of(backend.traces.list, replace(query, limit=99))]
    seen: list[str] = []
    arriving = iter(range(12, 99))
    async for page in pages(backend.traces.list, query):
        seen += [item.trace_id for item in page]
        number = next(arriving)
        await backend.traces.record(wanted(number, number))
        await backend.feedback.create(new_feedback(rating=-1, trace_id=trace_id(number)))
    assert [each for each in seen if each in before] == before
    assert len(seen) == len(set(seen))


async def test_bounds_include_what_is_on_them(backend: Backend) -> None:
    """T5. `since`, a duration and a cost do; `until` does not."""
    await backend.traces.record(wanted(0, 0))
    for query, is_found in (
        (TraceQuery(since=NOON), True),
        (TraceQuery(since=Micros(NOON + 1)), False),
        (TraceQuery(until=NOON), False),
        (TraceQuery(until=Micros(NOON + 1)), True),
        (TraceQuery(min_duration_ms=1000.0), True),
        (TraceQuery(min_duration_ms=1000.000001), False),
        (TraceQuery(min_cost_usd=0.25), True),
        (TraceQuery(min_cost_usd=0.250000001), False),
        (TraceQuery(min_cost_usd=0.0), True),
    ):
        assert bool((await backend.traces.list(query)).items) == is_found, query


async def test_what_has_no_measure_is_in_no_list_by_it(backend: Backend) -> None:
    """T5. A trace that nothing of is known to cost is neither dear nor free."""
    await backend.traces.record([otel_span(trace_id=trace_id(0))])
    await backend.traces.record(wanted(1, 0))
    for query in (TraceQuery(sort="cost"), TraceQuery(min_cost_usd=0.0)):
        found = (await backend.traces.list(query)).items
        assert [item.trace_id for item in found] == [trace_id(1)]


@pytest.mark.parametrize("sort", SORTS)
async def test_a_list_by_a_broken_clock_is_whole(backend: Backend, sort: Sort) -> None:
    """T5. Durations of years differ by nanoseconds, and pages neither repeat nor skip one."""
    for number in range(12):
        long = 2**62 + number * 511
        cost = {"gen_ai.operation.name": "chat", "gen_ai.usage.cost": 1e6 + number * 1e-9}
        await backend.traces.record(
            [otel_span(trace_id=trace_id(number), start_ns=5, end_ns=long, attributes=cost)]
        )
    seen = [
        item.trace_id for item in await all_of(backend.traces.list, TraceQuery(limit=1, sort=sort))
    ]
    assert sorted(seen) == [trace_id(number) for number in range(12)]


async def test_offset_skips_from_the_top_of_any_list(backend: Backend) -> None:
    """T5. As older clients page."""
    await fill(backend, 6)
    for query in (TraceQuery(), TraceQuery(agent="weather"), TraceQuery(q="rain", sort="cost")):
        whole = (await backend.traces.list(query)).items
        assert (await backend.traces.list(replace(query, offset=2, limit=3))).items == whole[2:5]


async def test_a_trace_is_found_where_it_moved_to(acting_as: Actor) -> None:
    """T5. A span that comes late starts earlier, and its trace changes its place in every list."""
    billing = acting_as("billing")
    early, late = trace_id(0), trace_id(1)
    await billing.traces.record([otel_span(5, trace_id=late), otel_span(3, trace_id=early)])
    listed = TraceQuery(agent="billing")
    found = (await billing.traces.list(listed)).items
    assert [item.trace_id for item in found] == [late, early]
    await billing.traces.record([otel_span(1, trace_id=late)])
    for query in (TraceQuery(), listed, replace(listed, until=Micros(NOON + 2 * SECOND))):
        found = (await billing.traces.list(query)).items
        assert found[-1].trace_id == late
        assert found[-1].started_at == NOON + SECOND
    within = replace(listed, since=Micros(NOON + 4 * SECOND))
    assert (await billing.traces.list(within)).items == ()


async def test_a_trace_is_no_longer_found_by_what_it_lost(backend: Backend) -> None:
    """T5. Its author told a span better."""
    first = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "forecast"}
    await backend.traces.record([otel_span(0, name="rainy", attributes=first), otel_span(1)])
    by_it = (TraceQuery(tool="forecast"), TraceQuery(kind="tool"), TraceQuery(q="rainy"))
    for query in by_it:
        assert len((await backend.traces.list(query)).items) == 1
    await backend.traces.record([otel_span(0, name="sunny")])
    for query in by_it:
        assert (await backend.traces.list(query)).items == ()
    assert len((await backend.traces.list(TraceQuery(q="sunny"))).items) == 1


async def test_votes_narrow_whenever_they_came(backend: Backend) -> None:
    """T5. Before their trace or after it, changed, and of several people."""
    vote = backend.feedback.create
    await vote(new_feedback(rating=1, trace_id=trace_id(0)))
    changed = await vote(new_feedback(rating=-1, trace_id=trace_id(1)))
    for number in range(4):
        await backend.traces.record([otel_span(trace_id=trace_id(number))])
    await vote(new_feedback(rating=-1, trace_id=trace_id(2)))
    await vote(new_feedback(rating=1, trace_id=trace_id(2)))

    async def found(votes: Any) -> list[str]:
        page = await backend.traces.list(TraceQuery(feedback=votes))
        return sorted(item.trace_id for item in page.items)

    assert await found("up") == [trace_id(0), trace_id(2)]
    assert await found("down") == [trace_id(1), trace_id(2)]
    assert await found("none") == [trace_id(3)]
    await backend.feedback.patch(changed.feedback_id, FeedbackPatch(rating=1))
    assert await found("up") == [trace_id(0), trace_id(1), trace_id(2)]
    assert await found("down") == [trace_id(2)]
    counted = {
        item.trace_id: (item.thumbs_up, item.thumbs_down)
        for item in (await backend.traces.list()).items
    }
    assert counted == {
        trace_id(0): (1, 0),
        trace_id(1): (1, 0),
        trace_id(2): (1, 1),
        trace_id(3): (0, 0),
    }


async def test_votes_stay_when_a_trace_is_told_again(backend: Backend) -> None:
    """T3. What is derived from spans does not forget what people said."""
    await backend.traces.record([otel_span(0)])
    await backend.feedback.create(new_feedback(rating=-1, trace_id=otel_span().trace_id))
    await backend.traces.record([otel_span(1)])
    (listed,) = (await backend.traces.list(TraceQuery(feedback="down"))).items
    assert (listed.thumbs_down, listed.span_count) == (1, 2)


async def test_summaries_are_what_get_and_other_lists_say(backend: Backend) -> None:
    """T3. One trace looks the same in whichever list it is."""
    await fill(backend, 2)
    (plain,) = [i for i in (await backend.traces.list()).items if i.trace_id == trace_id(1)]
    for query in COMBINED.values():
        found = (await backend.traces.list(query)).items
        assert [item for item in found if item.trace_id == trace_id(1)] == [plain]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 0),
        ("limit", 1001),
        ("offset", -1),
        ("cursor", "no cursor"),
        ("min_duration_ms", -1.0),
        ("min_duration_ms", 1e9),
        ("min_duration_ms", float("nan")),
        ("min_duration_ms", float("inf")),
        ("min_cost_usd", -0.5),
        ("min_cost_usd", 1e300),
        ("min_cost_usd", float("nan")),
        ("feedback", "sideways"),
        ("sort", "colour"),
        ("attributes", ""),
        ("attributes", "{}"),
        ("attributes", "[]"),
        ("attributes", "{"),
        ("attributes", '{"a": null}'),
        ("attributes", '{"a": {"b": 1}}'),
        ("attributes", '{"a": "%s"}' % ("x" * 257)),
        ("q", ""),
        ("q", "?!"),
        ("q", " ".join(f"w{n}" for n in range(17))),
        ("q", "x" * 65),
        ("q", "a\0b"),
        ("agent", "a\0b"),
        ("session_id", "a\0b"),
        ("user", "a\0b"),
        ("tag", "\ud800"),
    ],
    ids=lambda value: ascii(value)[:20],
)
async def test_a_filter_that_cannot_be_is_refused(backend: Backend, name: str, value: Any) -> None:
    """T5. And named, so that whoever asked can mend it."""
    query = TraceQuery(**{name: value})
    error = await error_of(backend.traces.list(query))
    assert isinstance(error, InvalidRequest)
    if value not in ("a\0b", "\ud800"):
        assert error.errors[0].loc[-1] == name
        assert name in error.detail
