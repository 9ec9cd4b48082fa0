"""Traces: log records beside their spans, and what model calls used and cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from commonhold.contract.stores import Backend
from commonhold.model.otel import OtelSpan, Resource
from commonhold.testing.conformance import Actor
from commonhold.testing.otel import (
    NOON_NS,
    SECOND_NS,
    TRACE_ID,
    chat,
    otel_log,
    otel_span,
    span_id,
)
from commonhold.testing.suite.reading_spans import everything_of, summary_of


def usage(into: int, out: int, operation: str = "chat", **more: Any) -> dict[str, Any]:
    """Attributes of work that used so many tokens."""
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.usage.input_tokens": into,
        "gen_ai.usage.output_tokens": out,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


async def events_of(backend: Backend) -> dict[str, list[Any]]:
    """The events that came as log records, by span."""
    found = await backend.traces.get(TRACE_ID)
    return {
        each.span_id: [event for event in json.loads(each.events) if event.get("source") == "log"]
        for each in found.spans
    }


@pytest.mark.parametrize("first", ["spans", "logs"])
async def test_log_records_are_among_the_events_of_their_spans(
    backend: Backend, first: str
) -> None:
    """T8. Whether they come before the spans or after them: content, user and session appear."""
    attributes = {"user.id": "ada", "session.id": "s1", "odd": b"\xff"}
    logs = [otel_log(1, attributes=attributes), otel_log(1, time_ns=NOON_NS, body="plain")]
    spans = [otel_span(0), chat(1, parent=0)]
    if first == "spans":
        await backend.traces.record(spans)
        await backend.traces.record_logs(logs)
    else:
        await backend.traces.record_logs(logs)
        await backend.traces.record(spans)
    told = await events_of(backend)
    assert told[span_id(0)] == []
    assert [event["body"] for event in told[span_id(1)]] == ["plain", {"content": "Will it rain?"}]
    assert [event["name"] for event in told[span_id(1)]] == ["gen_ai.user.message"] * 2
    assert told[span_id(1)][1]["time_unix_nano"] == NOON_NS + SECOND_NS
    listed = await summary_of(backend)
    assert (listed.user_id, listed.session_id, listed.span_count) == ("ada", "s1", 2)


async def test_log_records_without_spans_are_a_trace(backend: Backend) -> None:
    """T8. It starts when the first was told, is listed, and has no span yet."""
    await backend.traces.record_logs([otel_log(2), otel_log(1, attributes={"user.id": "ada"})])
    found = await backend.traces.get(TRACE_ID)
    assert found.spans == ()
    listed = await summary_of(backend)
    assert listed.started_at == (NOON_NS + SECOND_NS) // 1000
    assert (listed.user_id, listed.duration_ms, listed.span_count) == ("ada", None, 0)
    assert json.loads(await backend.traces.otlp(TRACE_ID))["resourceSpans"] == []


async def test_a_log_record_of_an_unknown_span_is_told_with_the_first(backend: Backend) -> None:
    """T8. It is of this trace, and nothing of it is lost."""
    await backend.traces.record([otel_span(0), otel_span(1)])
    await backend.traces.record_logs([otel_log(9), otel_log(0, span_id=None)])
    assert {name: len(told) for name, told in (await events_of(backend)).items()} == {
        span_id(0): 2,
        span_id(1): 0,
    }


async def test_the_same_log_records_again_change_nothing(backend: Backend) -> None:
    """T2. Two that say the same are one."""
    logs = [otel_log(0), otel_log(0, body={"content": "Or snow?"}), otel_log(1)]
    await backend.traces.record([otel_span(0), otel_span(1)])
    await backend.traces.record_logs(logs)
    before = await everything_of(backend)
    for again in (logs, logs[::-1], logs + logs):
        await backend.traces.record_logs(again)
        assert await everything_of(backend) == before


async def test_what_is_around_a_call_does_not_count_its_tokens_again(backend: Backend) -> None:
    """T3. An agent, a framework's call around the provider's, and the call: one usage."""
    told = usage(100, 10)
    spans = [
        otel_span(0, attributes=usage(300, 30, "invoke_agent")),
        otel_span(1, parent=0, attributes=told),
        otel_span(2, parent=1, attributes=told),
        otel_span(3, parent=2, name="http"),
        otel_span(4, parent=0, attributes=usage(7, 3)),
    ]
    await backend.traces.record(spans)
    found = await summary_of(backend)
    assert (found.prompt_tokens, found.completion_tokens, found.llm_calls) == (107, 13, 3)


async def test_a_sum_counts_where_no_call_tells_any(backend: Backend) -> None:
    """T3. What an agent says of its whole run is all that is known, and the innermost says it."""
    spans = [
        otel_span(0, attributes=usage(300, 30, "invoke_agent")),
        otel_span(1, parent=0, attributes=usage(200, 20, "invoke_agent")),
        otel_span(2, parent=1, attributes={"gen_ai.operation.name": "chat"}),
    ]
    await backend.traces.record(spans)
    found = await summary_of(backend)
    assert (found.prompt_tokens, found.completion_tokens) == (200, 20)
    await backend.traces.record([otel_span(3, parent=1, attributes=usage(5, 1))])
    found = await summary_of(backend)
    assert (found.prompt_tokens, found.completion_tokens) == (5, 1)


async def test_a_tool_or_a_step_has_no_tokens(backend: Backend) -> None:
    """T3. Whatever their attributes say."""
    await backend.traces.record([otel_span(0, attributes=usage(5, 5, "execute_tool"))])
    found = await summary_of(backend)
    assert (found.prompt_tokens, found.completion_tokens, found.tool_calls) == (None, None, 1)


async def cost_of(backend: Backend, *spans: OtelSpan) -> float | None:
    """What a trace of these spans cost, in dollars."""
    await backend.traces.record(spans)
    return (await summary_of(backend)).cost_usd


async def test_a_cost_that_a_span_tells_counts_before_the_list_price(backend: Backend) -> None:
    """T3. Whoever was billed knows best; nothing is a cost too."""
    told = usage(1000, 1000, gen_ai__request__model="gpt-4o", gen_ai__usage__cost=0.25)
    free = usage(1000, 1000, gen_ai__request__model="gpt-4o", gen_ai__usage__cost=0.0)
    assert await cost_of(backend, otel_span(0, attributes=told)) == 0.25
    assert await cost_of(backend, otel_span(0, attributes=free)) == 0.0


async def test_a_call_without_a_cost_has_its_list_price(backend: Backend) -> None:
    """T3. Where the model is known and both counts are; twice as much costs twice as much."""
    model = {"gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}
    small = await cost_of(backend, otel_span(0, attributes={**usage(1000, 1000), **model}))
    large = await cost_of(backend, otel_span(0, attributes={**usage(2000, 2000), **model}))
    assert small is not None
    assert large == 2 * small > 0


@pytest.mark.parametrize(
    "told",
    [
        usage(100, 10, gen_ai__request__model="no-such-model"),
        usage(100, 10),
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"},
        usage(100, 10, gen_ai__request__model="no-such-model", gen_ai__usage__cost=-1),
        usage(100, 10, gen_ai__request__model="no-such-model", gen_ai__usage__cost="free"),
        usage(100, 10, gen_ai__request__model="no-such-model", gen_ai__usage__cost=1e30),
    ],
    ids=["no price", "no model", "no usage", "less than nothing", "a word", "all money"],
)
async def test_an_unknown_cost_is_not_zero(backend: Backend, told: dict[str, Any]) -> None:
    """T3. Neither in the trace nor in the span."""
    assert await cost_of(backend, otel_span(0, attributes=told)) is None
    (found,) = (await backend.traces.get(TRACE_ID)).spans
    assert found.gist.cost_nano is None


async def test_sums_of_very_many_stay_numbers(backend: Backend) -> None:
    """T3. Each count is possible, their sum is not: the trace is kept, and listed."""
    most = usage(2**53 - 1, 2**53 - 1, gen_ai__usage__cost=1e6)
    await backend.traces.record([otel_span(n, attributes=most) for n in range(1100)])
    found = await summary_of(backend)
    assert found.prompt_tokens == found.completion_tokens == 2**50
    assert found.cost_nano == 2**50


async def test_the_root_may_come_late_or_never(backend: Backend) -> None:
    """T3. The earliest span whose parent is not there stands for it; one without a parent first."""
    await backend.traces.record([otel_span(3, parent=2, name="leaf")])
    assert (await summary_of(backend)).name == "leaf"
    await backend.traces.record([otel_span(2, parent=1, name="middle")])
    assert (await summary_of(backend)).name == "middle"
    await backend.traces.record([otel_span(5, name="late but whole")])
    assert (await summary_of(backend)).name == "late but whole"
    await backend.traces.record([otel_span(1, parent=0, name="earlier")])
    assert (await summary_of(backend)).name == "late but whole"
    await backend.traces.record([otel_span(0, name="root")])
    assert (await summary_of(backend)).name == "root"


async def test_the_root_speaks_for_its_trace(backend: Backend) -> None:
    """T3. Its model, session and user count before those of an earlier span."""
    told = {"session.id": "s-root", "user.id": "u-root", "gen_ai.request.model": "m-root"}
    other = {"session.id": "s-other", "user.id": "u-other", "gen_ai.request.model": "m-other"}
    await backend.traces.record(
        [chat(0, parent=5, attributes=other), otel_span(5, attributes=told)]
    )
    found = await summary_of(backend)
    assert (found.session_id, found.user_id, found.model) == ("s-root", "u-root", "m-root")


@pytest.mark.parametrize("ring", [(0,), (1, 0), (1, 2, 0)])
async def test_spans_that_are_in_themselves_are_kept(
    backend: Backend, ring: tuple[int, ...]
) -> None:
    """T3. No tracer makes them: their trace has a name and a start all the same."""
    spans = [chat(n, parent=above, name=f"s{n}") for n, above in enumerate(ring)]
    for _ in range(2):
        await backend.traces.record(spans)
        found = await summary_of(backend)
        assert (found.name, found.span_count) == ("s0", len(ring))


async def test_the_author_names_the_agent_before_the_span_does(acting_as: Actor) -> None:
    """T10. A span is the work of who wrote it; only what nobody wrote names its agent itself."""
    claims = Resource({"service.name": "claimed"})
    await acting_as("weather").traces.record([otel_span(0, resource=claims)])
    await acting_as("").traces.record([otel_span(1, parent=0, resource=claims)])
    found = await acting_as("anyone").traces.get(TRACE_ID)
    assert [each.agent for each in found.spans] == ["weather", "claimed"]
    assert [each.gist.agent for each in found.spans] == ["claimed", "claimed"]
    assert (await summary_of(acting_as("anyone"))).agents == ("claimed", "weather")
