"""Traces: many authors, merged by span, told exactly as they were sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model.clock import EARLIEST, LATEST, Micros
from commonhold.model.gist import NO_GIST
from commonhold.model.opaque import JsonText
from commonhold.model.trace import Span, Trace, TraceQuery
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import NOON, request_spans, span, trace
from commonhold.testing.suite.reading import error_of

SECOND = 1_000_000


def as_sent(found: Span) -> Span:
    """A stored span without what the store adds to it."""
    return replace(found, agent="", start_ns=None, end_ns=None, gist=NO_GIST, otel=None)


async def summary_of(backend: Backend, trace_id: str) -> object:
    """The trace as lists show it."""
    page = await backend.traces.list(TraceQuery(limit=1000))
    return next(item for item in page.items if item.trace_id == trace_id)


async def test_a_posted_trace_is_there(backend: Backend) -> None:
    """T1. Its fields and all its spans come back."""
    sent = trace()
    await backend.traces.put(sent)
    found = await backend.traces.get("trace_1")
    assert {item.span_id: as_sent(item) for item in found.spans} == {
        item.span_id: item for item in sent.spans
    }
    assert replace(found, spans=()) == replace(sent, spans=())
    assert await backend.traces.find("trace_1") == found


async def test_a_trace_that_is_not_there_is_not_found(backend: Backend) -> None:
    """T1. `find` gives None, `get` raises; an id that cannot be stored is like any other."""
    for trace_id in ("nothing", "", "a/b", "a?b", "a\0b", "x" * 129, "\ud800", ".."):
        assert await backend.traces.find(trace_id) is None
        assert type(await error_of(backend.traces.get(trace_id))) is NotFound


@pytest.mark.parametrize(
    "trace_id", ["4bf92f3577b34da6a3ce929d0e0e4736", "tr-1", "two words", "é😀%2F", "x" * 128]
)
async def test_a_trace_may_have_an_unusual_id(backend: Backend, trace_id: str) -> None:
    """T1. Ids come in several spellings, and are kept as given."""
    await backend.traces.put(trace(trace_id))
    assert (await backend.traces.get(trace_id)).trace_id == trace_id


async def test_a_trace_without_spans_is_a_trace(backend: Backend) -> None:
    """T1. It has its own fields only, and they may be missing too."""
    await backend.traces.put(Trace("bare", started_at=NOON))
    found = await backend.traces.get("bare")
    assert found == Trace("bare", started_at=NOON)


@pytest.mark.parametrize(
    "text",
    [
        '{ "b" : 1.10,\n"a":"\\u00e9\\ud83d\\ude00"}',
        '{"long":123456789012345678901234567890,"nul":"a\\u0000b"}',
        '{"nested":{"list":[1,[2,{"x":null}]],"empty":{}}}',
        "{}",
    ],
)
async def test_attributes_come_back_as_they_were_spelt(backend: Backend, text: str) -> None:
    """T4. Whitespace, key order, escapes and numbers are the author's."""
    events = f'[{{"name":"content_delta","timestamp":4711.5,"body":"x"}}, {text}]'
    sent = span(name="step:1", attributes=JsonText(text), events=JsonText(events))
    await backend.traces.put(trace(spans=(sent,)))
    (found,) = (await backend.traces.get("trace_1")).spans
    assert (found.attributes, found.events) == (text, events)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0.1, 0.30000000000000004),
        (123456.789012345, 123456.789012346),
        (1777291200.123456, 1777291201.654321),
        (0.0, None),
        (5e-324, 1.7976931348623157e308),
        (-1.7976931348623157e308, 1.7976931348623157e308),
        (2.0, 1.0),
    ],
)
async def test_the_times_of_a_span_come_back_to_the_last_bit(
    backend: Backend, start: float, end: float | None
) -> None:
    """T4. They are its own clock's floats, whatever the store orders by."""
    await backend.traces.put(trace(spans=(span(start_time=start, end_time=end),)))
    (found,) = (await backend.traces.get("trace_1")).spans
    assert (found.start_time, found.end_time) == (start, end)


async def test_a_span_of_one_mebibyte_comes_back(backend: Backend) -> None:
    """T4. A snapshot of a whole conversation is ordinary."""
    events = JsonText('[{"name":"messages_snapshot","body":"' + "äx" * 2**18 + '"}]')
    await backend.traces.put(trace(spans=(span(events=events),)))
    (found,) = (await backend.traces.get("trace_1")).spans
    assert found.events == events


async def test_a_trace_of_five_hundred_spans_comes_back(backend: Backend) -> None:
    """T4. All of them, in order."""
    spans = tuple(span(span_id=f"s{n:03}", start_time=float(n)) for n in range(500))
    await backend.traces.put(trace(spans=spans))
    found = await backend.traces.get("trace_1")
    assert [as_sent(item) for item in found.spans] == list(spans)


async def test_monotonic_spans_are_placed_at_the_start_of_their_post(backend: Backend) -> None:
    """T5. The first span of a post starts when the post says it started."""
    await backend.traces.put(trace(spans=request_spans(origin=4711.5)))
    found = {item.name: item for item in (await backend.traces.get("trace_1")).spans}
    assert found["request"].start_ns == NOON * 1000
    assert found["request"].end_ns == NOON * 1000 + 2_000_000_000
    assert found["tool:weather"].start_ns == NOON * 1000 + 500_000_000


async def test_agents_with_different_clocks_are_ordered_by_wall_clock(acting_as: Actor) -> None:
    """T5. One machine was just booted, the other runs for a year."""
    late, early = span(span_id="a-late"), span(span_id="z-early")
    await acting_as("billing").traces.put(
        trace(started_at=Micros(NOON + SECOND), spans=(replace(late, start_time=3.0),))
    )
    await acting_as("weather").traces.put(trace(spans=(replace(early, start_time=3e7),)))
    found = await acting_as("billing").traces.get("trace_1")
    assert [item.span_id for item in found.spans] == ["z-early", "a-late"]


async def test_spans_of_one_instant_are_ordered_by_id(backend: Backend) -> None:
    """T5. The order is the same on every store."""
    names = ["b", "a", "C", "10", "9", "é"]
    await backend.traces.put(trace(spans=tuple(span(span_id=name) for name in names)))
    found = await backend.traces.get("trace_1")
    assert [item.span_id for item in found.spans] == sorted(names)


async def test_the_spans_of_every_author_are_in_the_trace(acting_as: Actor) -> None:
    """T2. A part adds to what others posted, and each span names its author."""
    for agent in ("billing", "weather", "router"):
        await acting_as(agent).traces.put(trace(spans=request_spans(prefix=agent)))
    found = await acting_as("anyone").traces.get("trace_1")
    assert len(found.spans) == 18
    assert {(item.agent, item.span_id.split("_")[0]) for item in found.spans} == {
        (agent, agent) for agent in ("billing", "weather", "router")
    }


async def test_posting_the_same_part_again_changes_nothing(backend: Backend) -> None:
    """T2. A retry is harmless: summary and spans are as before."""
    sent = trace(started_at=Micros(NOON + 1), ended_at=Micros(NOON + 1))
    await backend.traces.put(sent)
    found, listed = await backend.traces.get("trace_1"), await summary_of(backend, "trace_1")
    await backend.traces.put(sent)
    assert await backend.traces.get("trace_1") == found
    assert await summary_of(backend, "trace_1") == listed


async def test_a_later_post_updates_the_spans_it_names(backend: Backend) -> None:
    """T2. Spans it leaves out stay, new ones are added."""
    await backend.traces.put(trace(spans=(span(span_id="kept"), span(span_id="open"))))
    closed = span(span_id="open", end_time=4720.0, status="error", name="renamed")
    await backend.traces.put(trace(spans=(closed, span(span_id="new"))))
    found = {item.span_id: item for item in (await backend.traces.get("trace_1")).spans}
    assert set(found) == {"kept", "open", "new"}
    assert as_sent(found["open"]) == closed


async def test_a_post_never_changes_the_span_of_another_author(acting_as: Actor) -> None:
    """T2. A span id is not a way to rewrite what another agent reported."""
    sent = span(span_id="shared", name="step:1")
    await acting_as("billing").traces.put(trace(spans=(sent,)))
    forged = span(span_id="shared", name="forged", status="error")
    await acting_as("weather").traces.put(trace(spans=(forged,)))
    found = await acting_as("billing").traces.get("trace_1")
    assert [as_sent(item) for item in found.spans if item.agent == "billing"] == [sent]


async def test_a_span_named_twice_in_one_post_is_the_last_one(backend: Backend) -> None:
    """T2. One id is one span, also within a post."""
    first, last = span(span_id="s", name="first"), span(span_id="s", name="last")
    for _ in range(2):
        await backend.traces.put(trace(spans=(first, span(span_id="other"), last)))
        found = await backend.traces.get("trace_1")
        assert sorted(item.name for item in found.spans) == ["last", "request"]


@pytest.mark.parametrize("started_at", [EARLIEST, Micros(0), LATEST], ids=["first", "zero", "last"])
async def test_a_trace_may_be_at_the_end_of_time(backend: Backend, started_at: Micros) -> None:
    """T1. Any time that can be written as RFC 3339 can be kept, and read back."""
    await backend.traces.put(
        trace(started_at=started_at, ended_at=started_at, spans=(span(span_id="s"),))
    )
    found = await backend.traces.get("trace_1")
    assert [item.span_id for item in found.spans] == ["s"]
    await backend.traces.put(trace(started_at=started_at, ended_at=started_at))
    assert len((await backend.traces.list()).items) == 1


async def test_spans_may_be_further_apart_than_any_clock(backend: Backend) -> None:
    """T1. A broken clock costs its own trace a wrong duration, and nothing else."""
    spans = tuple(
        span(span_id=f"s{n}", start_time=at, end_time=at)
        for n, at in enumerate((0.0, -1e12, 1e12, 1e300, -1e300))
    )
    for _ in range(2):
        await backend.traces.put(trace(spans=spans))
        found = await backend.traces.get("trace_1")
        assert {item.start_time for item in found.spans} == {0.0, -1e12, 1e12, 1e300, -1e300}
        assert len((await backend.traces.list()).items) == 1


@pytest.mark.parametrize(
    "bad",
    [
        span(attributes=JsonText("[]")),
        span(attributes=JsonText("{")),
        span(attributes=JsonText('{"a": NaN}')),
        span(attributes=JsonText("{}, {}")),
        span(name="model_call", attributes=JsonText("null")),
        span(events=JsonText("{}")),
        span(events=JsonText("[")),
        span(span_id="a\0b"),
        span(name="a\0b"),
        span(name="\ud800"),
        span(parent_span_id="a\0b"),
    ],
    ids=lambda bad: f"{bad.name}-{bad.span_id}-{bad.attributes}-{bad.events}".encode(
        "ascii", "backslashreplace"
    ).decode(),
)
async def test_a_span_that_cannot_be_kept_is_refused(backend: Backend, bad: Span) -> None:
    """T1. The whole post is refused with it."""
    sent = Trace("trace_1", started_at=NOON, spans=(span(span_id="good"), bad))
    assert isinstance(await error_of(backend.traces.put(sent)), InvalidRequest)
    assert await backend.traces.find("trace_1") is None
