"""Traces: the agents that were seen, what they did, and whole traces of a session."""

from __future__ import annotations

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch
from commonhold.model.otel import Resource
from commonhold.model.trace import Trace
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import NOON, new_feedback, span, trace
from commonhold.testing.otel import (
    NOON_NS,
    SECOND_NS,
    chat,
    of_resource,
    otel_span,
    span_id,
    trace_id,
)
from commonhold.testing.suite.reading import error_of

SECOND = 1_000_000
DAY = 86_400 * SECOND


async def agent_of(backend: Backend, name: str, query: AgentQuery = AgentQuery()) -> Agent:
    """One of the agents."""
    return next(each for each in await backend.traces.agents(query) if each.agent == name)


async def test_nobody_was_seen_where_nothing_was_written(backend: Backend) -> None:
    """T10. An empty store has no agents, and neither has a trace that nobody signed."""
    assert await backend.traces.agents() == ()
    await backend.traces.put(trace())
    assert await backend.traces.agents() == ()


async def test_agents_are_the_last_seen_first(acting_as: Actor, clock: StoppedClock) -> None:
    """T10. Whatever they write shows that they are there."""
    for name in ("billing", "weather", "router"):
        at = clock.advance(120)
        await acting_as(name).traces.put(Trace(f"of-{name}", started_at=at))
    names = [each.agent for each in await acting_as("x").traces.agents()]
    assert names == ["router", "weather", "billing"]
    at = clock.advance(120)
    await acting_as("billing").traces.record([otel_span(start_ns=at * 1000, end_ns=at * 1000)])
    found = await acting_as("x").traces.agents()
    assert [each.agent for each in found] == ["billing", "router", "weather"]
    assert (found[0].first_seen_at, found[0].last_seen_at) == (NOON + 120 * SECOND, at)


async def test_nobody_is_seen_in_the_future(backend: Backend, clock: StoppedClock) -> None:
    """T10. A clock that is ahead does not keep its agent at the top for ever."""
    far = NOON_NS + 365 * 86_400 * SECOND_NS
    await backend.traces.record([otel_span(start_ns=far, end_ns=far)])
    (found,) = await backend.traces.agents()
    assert found.last_seen_at == NOON


async def test_an_agent_has_versions_and_instances(backend: Backend, clock: StoppedClock) -> None:
    """T10. Each process that told its own, the one seen last first."""
    clock.advance(3600)
    for number, (version, instance) in enumerate([("1", "a"), ("1", "b"), ("2", "a"), ("2", "a")]):
        resource = of_resource(
            service_name="weather", service_version=version, service_instance_id=instance
        )
        # Later by minutes: that somebody is still there is written down once a minute.
        at = NOON_NS + number * 120 * SECOND_NS
        sent = otel_span(number, start_ns=at, end_ns=at + 1000, resource=resource)
        await backend.traces.record([sent])
        clock.advance(120)
    found = await agent_of(backend, "weather")
    assert [(each.version, each.instance) for each in found.instances] == [
        ("2", "a"),
        ("1", "b"),
        ("1", "a"),
    ]
    assert found.versions == ("2", "1")
    assert (found.instances[0].first_seen_at, found.instances[0].last_seen_at) == (
        NOON + 240 * SECOND,
        NOON + 360 * SECOND + 1,
    )


async def test_a_request_is_what_an_agent_did_in_a_trace(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T10. However many spans that was; it failed if the outermost of them did."""
    clock.advance(60)
    whole = of_resource(service_name="ignored")
    caller, called = acting_as("caller").traces, acting_as("called").traces
    for number, failed in enumerate([(0, 0), (2, 0), (0, 2), (2, 2)]):
        of = trace_id(number)
        outer = otel_span(0, trace_id=of, status_code=failed[0], resource=whole)
        inner = otel_span(1, parent=0, trace_id=of, status_code=failed[1], resource=whole)
        leaf = otel_span(2, parent=1, trace_id=of, status_code=2, resource=whole)
        await called.record([leaf, inner])
        await caller.record([outer])
    for name in ("caller", "called"):
        found = await agent_of(acting_as("x"), name)
        assert (found.requests, found.errors, found.error_rate) == (4, 2, 0.5)
    assert (await agent_of(acting_as("x"), "caller")).p50_ms == 500.0
    assert (await agent_of(acting_as("x"), "called")).p50_ms == 1500.0


@pytest.mark.parametrize(
    ("took", "p50", "p95"),
    [
        ([7], 7, 7),
        ([2, 1], 1, 2),
        ([3, 1, 2], 2, 3),
        ([4, 3, 2, 1], 2, 4),
        ([*range(1, 21)], 10, 19),
        ([*range(1, 101)], 50, 95),
        ([5] * 30, 5, 5),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_latencies_are_those_that_requests_had(
    backend: Backend, clock: StoppedClock, took: list[int], p50: float, p95: float
) -> None:
    """T10. By nearest rank: half of the requests, or 95 of 100, took so long or less."""
    clock.advance(60)
    spans = [
        otel_span(n, trace_id=trace_id(n), start_ns=NOON_NS, end_ns=NOON_NS + each * 10**6)
        for n, each in enumerate(took)
    ]
    await backend.traces.record(spans)
    found = await agent_of(backend, "weather")
    assert (found.requests, found.p50_ms, found.p95_ms) == (len(took), p50, p95)


async def test_what_has_not_ended_has_no_latency(acting_as: Actor, clock: StoppedClock) -> None:
    """T10. It is a request all the same."""
    clock.advance(60)
    weather = acting_as("weather")
    await weather.traces.put(trace("open", spans=(span("open", end_time=None),)))
    found = await agent_of(weather, "weather")
    assert (found.requests, found.p50_ms, found.p95_ms) == (1, None, None)
    await weather.traces.put(trace("done", spans=(span("done", end_time=4711.5),)))
    found = await agent_of(weather, "weather")
    assert (found.requests, found.p50_ms, found.p95_ms) == (2, 250.0, 250.0)


async def test_an_agent_is_charged_for_its_own_calls(acting_as: Actor, clock: StoppedClock) -> None:
    """T10. Tokens and cost are those of its model calls, unknown where it made none."""
    clock.advance(60)
    cost = {"gen_ai.usage.cost": 0.5}
    for number in range(2):
        of = trace_id(number)
        await acting_as("router").traces.record([otel_span(0, trace_id=of)])
        await acting_as("weather").traces.record(
            [chat(n, parent=0, trace_id=of, attributes=cost) for n in (1, 2)]
        )
    router, weather = [await agent_of(acting_as("x"), name) for name in ("router", "weather")]
    assert (weather.prompt_tokens, weather.completion_tokens) == (400, 40)
    assert weather.cost_nano == 2_000_000_000
    assert (router.requests, router.prompt_tokens, router.cost_nano) == (2, None, None)


async def test_sums_of_many_traces_stay_numbers(backend: Backend, clock: StoppedClock) -> None:
    """T10. One agent that reports nonsense does not hide what all of them did."""
    clock.advance(60)
    most = {
        "gen_ai.usage.input_tokens": 2**53 - 1,
        "gen_ai.usage.output_tokens": 2**53 - 1,
        "gen_ai.usage.cost": 1e6,
    }
    for start in (0, 1500):
        numbers = range(start, start + 1500)
        await backend.traces.record(
            [
                chat(n, trace_id=trace_id(n), attributes=most, start_ns=NOON_NS, end_ns=NOON_NS)
                for n in numbers
            ]
        )
    found = await agent_of(backend, "weather")
    assert found.requests == 3000
    assert found.prompt_tokens is not None
    assert found.prompt_tokens > 10**18
    assert found.cost_nano is not None


async def test_thumbs_are_those_of_the_traces_an_agent_took_part_in(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T10. Votes before and after; one that is changed counts as it is."""
    clock.advance(60)
    votes = acting_as("ui").feedback
    await votes.create(new_feedback(rating=1, trace_id=trace_id(0)))
    await acting_as("weather").traces.record([otel_span(n, trace_id=trace_id(n)) for n in (0, 1)])
    await acting_as("billing").traces.record([otel_span(9, trace_id=trace_id(1))])
    made = await votes.create(new_feedback(rating=1, trace_id=trace_id(1)))
    await votes.create(new_feedback(rating=1, trace_id=trace_id(7)))
    await votes.patch(made.feedback_id, FeedbackPatch(rating=-1))
    weather, billing = [await agent_of(acting_as("x"), name) for name in ("weather", "billing")]
    assert (weather.thumbs_up, weather.thumbs_down) == (1, 1)
    assert (billing.thumbs_up, billing.thumbs_down) == (0, 1)


async def test_a_window_counts_what_started_in_it(backend: Backend, clock: StoppedClock) -> None:
    """T10. From `since` on, and before `until`; a week up to now unless it is said."""
    clock.advance(60)
    for days in (0, 1, 6, 8, 30):
        at = NOON_NS - days * DAY * 1000
        await backend.traces.record([otel_span(trace_id=trace_id(days), start_ns=at, end_ns=at)])

    async def requests(since: Micros | None = None, until: Micros | None = None) -> int:
        query = AgentQuery(since=since, until=until)
        return (await agent_of(backend, "weather", query)).requests

    assert await requests() == 3
    assert await requests(since=Micros(NOON - 40 * DAY)) == 5
    assert await requests(since=Micros(NOON - DAY), until=NOON) == 1
    assert await requests(since=NOON, until=Micros(NOON + 1)) == 1
    assert await requests(until=Micros(NOON - 6 * DAY)) == 1
    assert await requests(since=NOON, until=NOON) == 0


async def test_one_agent_can_be_asked_for(acting_as: Actor) -> None:
    """T10. By its name; one that nobody saw is none."""
    for name in ("billing", "weather"):
        await acting_as(name).traces.put(trace(f"of-{name}"))
    found = await acting_as("x").traces.agents(AgentQuery("weather"))
    assert [each.agent for each in found] == ["weather"]
    assert await acting_as("x").traces.agents(AgentQuery("nobody")) == ()


async def test_a_window_that_ends_before_it_begins_is_refused(backend: Backend) -> None:
    """T10. The message names what is wrong."""
    with pytest.raises(InvalidRequest) as caught:
        await backend.traces.agents(AgentQuery(since=Micros(2), until=Micros(1)))
    assert caught.value.errors[0].loc == ("since",)


async def test_an_agent_cannot_be_made_to_have_done_anothers_work(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T10. What a span claims counts only where nobody signed it."""
    clock.advance(60)
    claim = Resource({"service.name": "weather"})
    await acting_as("mallory").traces.record([otel_span(0, status_code=2, resource=claim)])
    assert [each.agent for each in await acting_as("x").traces.agents()] == ["mallory"]
    await acting_as("").traces.record([otel_span(0, trace_id=trace_id(5), resource=claim)])
    assert (await agent_of(acting_as("x"), "weather")).errors == 0
    assert (await agent_of(acting_as("x"), "mallory")).errors == 1


async def test_an_earlier_start_moves_a_request_and_counts_it_once(
    backend: Backend, clock: StoppedClock
) -> None:
    """T10. A root that comes late starts before what was there."""
    clock.advance(3600)
    for number in (9, 5, 1):
        await backend.traces.record([otel_span(number, parent=0)])
    found = await agent_of(backend, "weather")
    assert (found.requests, found.p50_ms) == (1, 8500.0)


async def test_a_crowd_in_one_trace_is_counted_once_each(
    backend: Backend, clock: StoppedClock
) -> None:
    """T10. Also when there are more than a trace names, and its start moves."""
    clock.advance(3600)
    crowd = [otel_span(n, resource=of_resource(service_name=f"agent{n:03}")) for n in range(1, 100)]
    await backend.traces.record(crowd)
    await backend.traces.record([otel_span(0, resource=of_resource(service_name="agent000"))])
    found = await backend.traces.agents()
    assert len(found) == 100
    assert {each.requests for each in found} <= {0, 1}


async def test_whole_traces_of_a_session_are_given_oldest_first(backend: Backend) -> None:
    """T5. By start, ties by id, and after one of them."""
    for number, at in ((2, 5), (0, 1), (1, 1), (3, 9)):
        sent = trace(f"t{number}", started_at=Micros(NOON + at * SECOND), session_id="chat")
        await backend.traces.put(sent)
    await backend.traces.put(trace("other", session_id="other"))
    names = ["t0", "t1", "t2", "t3"]
    found = await backend.traces.of_session("chat")
    assert [each.trace_id for each in found] == names
    for each in found:
        assert each == await backend.traces.get(each.trace_id)
        assert len(each.spans) == 6
    for number, name in enumerate(names):
        after = await backend.traces.of_session("chat", after_trace_id=name)
        assert [each.trace_id for each in after] == names[number + 1 :]
    first = await backend.traces.of_session("chat", limit=2)
    assert [each.trace_id for each in first] == names[:2]


async def test_a_session_without_traces_has_none(backend: Backend) -> None:
    """T5. It need not exist, and no id is too odd to ask for."""
    for name in ("nobody", "a b", "é"):
        assert await backend.traces.of_session(name) == ()


async def test_a_trace_of_another_session_is_no_place_to_go_on_from(backend: Backend) -> None:
    """T5. Neither is one that is nowhere."""
    await backend.traces.put(trace("mine", session_id="chat"))
    await backend.traces.put(trace("other", session_id="other"))
    await backend.traces.put(trace("loose", session_id=None))
    for name in ("other", "loose", "nobody", "", "a\0b", "x" * 129):
        call = backend.traces.of_session("chat", after_trace_id=name)
        assert type(await error_of(call)) is NotFound


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_so_many_traces_of_a_session_cannot_be(backend: Backend, limit: int) -> None:
    """T5. From 1 to 1000."""
    error = await error_of(backend.traces.of_session("chat", limit=limit))
    assert isinstance(error, InvalidRequest)
    assert error.errors[0].loc[-1] == "limit"


async def test_recorded_traces_are_of_a_session_too(backend: Backend) -> None:
    """T8. Whichever attribute names it, and also when a span names it late."""
    attribute = {"gen_ai.conversation.id": "chat"}
    await backend.traces.record([otel_span(0, trace_id=trace_id(0), attributes=attribute)])
    await backend.traces.record([otel_span(1, trace_id=trace_id(1))])
    assert len(await backend.traces.of_session("chat")) == 1
    await backend.traces.record([otel_span(2, trace_id=trace_id(1), attributes=attribute)])
    found = await backend.traces.of_session("chat")
    assert [each.trace_id for each in found] == [trace_id(0), trace_id(1)]
    assert [each.span_id for each in found[1].spans] == [span_id(1), span_id(2)]
