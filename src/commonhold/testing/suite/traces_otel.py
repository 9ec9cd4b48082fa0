"""Traces of OpenTelemetry: kept whole, given back as they came, and in the native shape."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, MalformedBody, NotFound
from commonhold.model.otel import Form, OtelSpan, Request, Resource, Scope, SpanEvent, SpanLink
from commonhold.model.trace import NANO
from commonhold.otlp.encode import to_otlp_json
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import NOON, span, trace
from commonhold.testing.otel import (
    NOON_NS,
    SECOND_NS,
    TRACE_ID,
    chat,
    of_resource,
    otel_span,
    span_id,
)
from commonhold.testing.suite.reading import error_of
from commonhold.testing.suite.reading_spans import alike, everything_of, sent_back, summary_of

SENT_VALUES: dict[str, Any] = {
    "text": 'é😀 \n\t"\\',
    "empty text": "",
    "nul": "a\0b",
    "no character": "\ufffe\uffff",
    "least": -(2**63),
    "most": 2**63 - 1,
    "zero": 0,
    "minus zero": -0.0,
    "smallest": 5e-324,
    "largest": 1.7976931348623157e308,
    "whole float": 1.0,
    "nan": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "true": True,
    "false": False,
    "none": None,
    "bytes": b"\x00\xff",
    "no bytes": b"",
    "list": [1, "a", None, [2.5, [b"x"]]],
    "empty list": [],
    "map": {"a": {"b": [{"c": math.inf}]}, "": 1},
    "empty map": {},
    "like ours": {"$bytes": "AA=="},
    "like ours twice": {"$$float": {"$float": "NaN"}},
}
"""Every kind of value that OTLP has."""

EVERYTHING = otel_span(
    name="chat\0 é",
    kind=3,
    attributes=SENT_VALUES,
    resource=Resource(SENT_VALUES, "https://resource.example/1"),
    scope=Scope("sc\0pe", "1.0", SENT_VALUES, "https://scope.example/1"),
    events=(
        SpanEvent("exception", NOON_NS + 1, SENT_VALUES, 3),
        SpanEvent("", 0, {}),
        SpanEvent("é\0", 2**63 - 1, {"x": 1}),
    ),
    links=(
        SpanLink("0a" * 16, "0b" * 8, "vendor=1", SENT_VALUES, 4, 257),
        SpanLink("0c" * 16, "0d" * 8),
    ),
    status_code=2,
    status_message="no\0 😀",
    trace_state="rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    flags=257,
    dropped_attributes=1,
    dropped_events=2,
    dropped_links=2**32 - 1,
)
"""A span with everything that a span may have."""


PROTOBUF = bytes.fromhex(
    "0a8a010a1b0a190a0c736572766963652e6e616d6512090a0777656174686572126b"
    "12340a104bf92f3577b34da6a3ce929d0e0e4736120800000000000000012a04676f6f64"
    "390080a1369c9986184100e56e549c998618"
    "12330a104bf92f3577b34da6a3ce929d0e0e4736120800000000000000002a03626164"
    "390080a1369c9986184100e56e549c998618"
)
"""A request of an exporter with two spans, of which one has an id of zeros."""


async def test_a_span_of_opentelemetry_comes_back_whole(backend: Backend) -> None:
    """T4. Bytes, NaN, nested values, links, states, flags and counts, as they came."""
    await backend.traces.record([EVERYTHING])
    assert alike(await sent_back(backend)) == alike([EVERYTHING])


@pytest.mark.parametrize("name", SENT_VALUES)
async def test_a_value_comes_back_as_it_was(backend: Backend, name: str) -> None:
    """T4. One of each kind, by itself."""
    sent = otel_span(attributes={name: SENT_VALUES[name]})
    await backend.traces.record([sent])
    (found,) = await sent_back(backend)
    assert repr(found.attributes) == repr(sent.attributes)


async def test_the_spans_of_a_request_keep_their_emitters(backend: Backend) -> None:
    """T4. Resources and scopes that differ in anything stay apart, and equal ones are one."""
    emitters = [
        (Resource({"a": 1}), Scope("s")),
        (Resource({"a": 1.0}), Scope("s")),
        (Resource({"a": True}), Scope("s")),
        (Resource({"a": "1"}), Scope("s")),
        (Resource({"a": 1}, "url"), Scope("s")),
        (Resource({"a": 1}), Scope("s", "2")),
        (Resource({"a": 1}), Scope("s", "", {"b": 1})),
        (Resource({"a": 1}), Scope("s", "", {}, "url")),
        (Resource(), Scope()),
    ]
    sent = [
        otel_span(n, resource=resource, scope=scope)
        for n, (resource, scope) in enumerate(emitters * 2)
    ]
    await backend.traces.record(sent)
    assert alike(await sent_back(backend)) == alike(sent)


async def test_a_recorded_span_has_the_native_shape(backend: Backend) -> None:
    """T8. Its times in seconds, its attributes and events as JSON, and what it means."""
    sent = chat(
        3,
        parent=1,
        attributes={"session.id": "s1", "user.id": "ada", "gen_ai.agent.version": "7"},
        resource=of_resource(
            service_name="weather", service_instance_id="pod-1", deployment_environment="prod"
        ),
        events=(SpanEvent("gen_ai.choice", NOON_NS + 5, {"index": 0}),),
    )
    await backend.traces.record([sent])
    (found,) = (await backend.traces.get(TRACE_ID)).spans
    assert (found.span_id, found.parent_span_id, found.name) == (span_id(3), span_id(1), sent.name)
    assert (found.start_ns, found.end_ns) == (sent.start_ns, sent.end_ns)
    assert (found.start_time, found.end_time) == (sent.start_ns / NANO, sent.end_ns / NANO)
    assert json.loads(found.attributes) == sent.attributes
    (event,) = json.loads(found.events)
    assert (event["name"], event["time_unix_nano"]) == ("gen_ai.choice", NOON_NS + 5)
    assert event["attributes"] == {"index": 0}
    gist = found.gist
    assert (found.agent, gist.agent, gist.agent_version) == ("weather", "weather", "7")
    assert (gist.operation, gist.model, gist.session_id) == ("llm", "granite-4", "s1")
    assert (gist.input_tokens, gist.output_tokens, gist.user_id) == (100, 10, "ada")
    assert (gist.instance, gist.environment) == ("pod-1", "prod")


async def test_a_span_means_the_same_however_it_came(backend: Backend) -> None:
    """T8. The same attributes in a native post and in OTLP are the same call."""
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 500,
        "gen_ai.usage.cost": 0.0125,
        "session.id": "s1",
        "user.id": "ada",
        "gen_ai.agent.name": "planner",
    }
    native = msgspec.json.encode(told).decode()
    await backend.traces.put(
        trace(model=None, session_id=None, spans=(span(name="x", attributes=native),))
    )
    await backend.traces.record([otel_span(name="x", attributes=told, resource=Resource())])
    (posted,) = (await backend.traces.get("trace_1")).spans
    (recorded,) = (await backend.traces.get(TRACE_ID)).spans
    assert posted.gist == recorded.gist
    assert posted.gist.cost_nano == 12_500_000
    one, other = [await summary_of(backend, name) for name in ("trace_1", TRACE_ID)]
    for name in ("session_id", "user_id", "prompt_tokens", "completion_tokens", "cost_nano"):
        assert getattr(one, name) == getattr(other, name) is not None
    assert one.agents == other.agents == ("planner",)


async def test_recording_the_same_spans_again_changes_nothing(backend: Backend) -> None:
    """T2. An exporter that did not hear of the answer sends them once more."""
    sent = [chat(1, parent=0), EVERYTHING, chat(2, parent=0)]
    await backend.traces.record(sent)
    before = await everything_of(backend)
    for again in (sent, sent[::-1], sent[1:2], sent + sent):
        await backend.traces.record(again)
        assert await everything_of(backend) == before


async def test_a_span_of_another_author_is_left_as_it_is(acting_as: Actor) -> None:
    """T2. Whoever records it again under another name changes neither it nor its trace."""
    await acting_as("weather").traces.record([chat(0)])
    before = await everything_of(acting_as("anyone"))
    forged = otel_span(
        0, parent=9, name="forged", status_code=2, start_ns=1, resource=Resource({"x": 1})
    )
    await acting_as("billing").traces.record([forged])
    assert await everything_of(acting_as("anyone")) == before


async def test_a_span_that_is_recorded_again_is_the_last_one(backend: Backend) -> None:
    """T2. Its author tells it better, in the same request or in a later one."""
    first, last = (
        otel_span(name="first", status_code=2),
        otel_span(name="last", attributes={"a": 1}),
    )
    await backend.traces.record([first])
    assert (await summary_of(backend)).status == "error"
    await backend.traces.record([first, last])
    assert alike(await sent_back(backend)) == alike([last])
    assert ((await summary_of(backend)).status, (await summary_of(backend)).name) == ("ok", "last")


async def test_a_trace_may_have_native_spans_and_others(acting_as: Actor) -> None:
    """T2. One agent posts, another exports; both formats give all of it."""
    native = span(TRACE_ID, "00f067aa0ba902b7", start_time=0.0, end_time=1.0, parent_span_id=None)
    await acting_as("weather").traces.put(trace(TRACE_ID, spans=(native,)))
    sent = otel_span(1, parent_span_id="00f067aa0ba902b7", resource=Resource())
    await acting_as("billing").traces.record([sent])
    found = await acting_as("anyone").traces.get(TRACE_ID)
    assert [(each.span_id, each.agent) for each in found.spans] == [
        ("00f067aa0ba902b7", "weather"),
        (span_id(1), "billing"),
    ]
    told = {each.span_id: each for each in await sent_back(acting_as("anyone"))}
    assert alike([told[span_id(1)]]) == alike([sent])
    posted = told["00f067aa0ba902b7"]
    assert (posted.start_ns, posted.end_ns) == (NOON_NS, NOON_NS + SECOND_NS)
    assert posted.resource.attributes == {"service.name": "weather"}
    listed = await summary_of(acting_as("anyone"))
    assert (listed.agents, listed.name, listed.span_count) == (
        ("billing", "weather"),
        "request",
        2,
    )


async def test_many_traces_of_one_request_are_as_many_traces(backend: Backend) -> None:
    """T1. A batch of an exporter is cut where it was full."""
    sent = [
        otel_span(n, trace_id=f"{n % 7 + 1:032x}", start_ns=NOON_NS + n * SECOND_NS)
        for n in range(500)
    ]
    await backend.traces.record(sent)
    for number in range(7):
        name = f"{number + 1:032x}"
        expected = [each for each in sent if each.trace_id == name]
        assert alike(await sent_back(backend, name)) == alike(expected)
        assert (await summary_of(backend, name)).span_count == len(expected)


async def test_nothing_to_record_is_nothing(backend: Backend) -> None:
    """T1. An exporter may flush when it has nothing."""
    await backend.traces.record([])
    await backend.traces.record_logs([])
    assert (await backend.traces.list()).items == ()


async def test_what_has_no_text_is_refused_whole(backend: Backend) -> None:
    """T1. Half a surrogate pair cannot be written, and nothing beside it is."""
    bad: list[OtelSpan] = [
        otel_span(1, name="\ud800"),
        otel_span(1, attributes={"a": "\ud800"}),
        otel_span(1, status_message="\ud800"),
    ]
    for each in bad:
        call = backend.traces.record([otel_span(0), each])
        assert isinstance(await error_of(call), InvalidRequest)
        assert await backend.traces.find(TRACE_ID) is None


async def test_a_clock_far_ahead_is_kept_and_marked(backend: Backend) -> None:
    """T8. The span is where its clock put it, and says that it is; so does its trace."""
    far = 4_102_444_800 * SECOND_NS  # the year 2100
    await backend.traces.record([otel_span(0), otel_span(1, start_ns=far)])
    near, ahead = (await backend.traces.get(TRACE_ID)).spans
    assert (ahead.start_ns, ahead.gist.is_ahead, near.gist.is_ahead) == (far, True, False)
    assert (await summary_of(backend)).is_ahead
    await backend.traces.put(trace("native", spans=(span("native", start_time=4_102_444_800.0),)))
    assert (await summary_of(backend, "native")).is_ahead


async def test_a_clock_that_is_right_is_not_marked(backend: Backend) -> None:
    """T8. Old spans are ordinary: they were kept while the service was away."""
    await backend.traces.record([otel_span(0), otel_span(1, start_ns=1)])
    assert not (await summary_of(backend)).is_ahead


async def test_a_span_that_ends_before_it_starts_is_kept(backend: Backend) -> None:
    """T4. As it came; no duration is less than nothing."""
    sent = otel_span(end_ns=NOON_NS - SECOND_NS)
    await backend.traces.record([sent])
    assert alike(await sent_back(backend)) == alike([sent])
    listed = await summary_of(backend)
    assert (listed.duration_ms, listed.started_at) == (0.0, NOON)


@pytest.mark.parametrize("at", [0, 1, 2**63 - 1], ids=["first", "second", "last"])
async def test_a_span_may_be_at_either_end_of_time(backend: Backend, at: int) -> None:
    """T4. Every nanosecond that the protocol and a database can count."""
    sent = otel_span(start_ns=at, end_ns=at, events=(SpanEvent("e", at),))
    for _ in range(2):
        await backend.traces.record([sent])
        assert alike(await sent_back(backend)) == alike([sent])
    assert (await summary_of(backend)).started_at == at // 1000


async def test_spans_may_be_as_far_apart_as_time_is_long(backend: Backend) -> None:
    """T3. A broken clock costs its own trace a wrong duration, and nothing else."""
    await backend.traces.record([otel_span(0, start_ns=0, end_ns=0), otel_span(1)])
    await backend.traces.record([otel_span(2, start_ns=2**63 - 1, end_ns=2**63 - 1)])
    listed = await summary_of(backend)
    assert (listed.started_at, listed.span_count) == (0, 3)
    assert listed.duration_ms == pytest.approx((2**63 - 1) / 1e6)


async def test_a_nul_in_a_name_is_no_poison(backend: Backend) -> None:
    """T4. The span comes back with it; what lists show is free of it."""
    odd = dict.fromkeys(
        ("session.id", "user.id", "gen_ai.request.model", "gen_ai.tool.name"), "a\x00b"
    )
    sent = chat(name="a\0b", attributes=odd, resource=Resource({"service.name": "w\0x"}))
    await backend.traces.record([sent])
    assert alike(await sent_back(backend)) == alike([sent])
    listed = await summary_of(backend)
    assert "\0" not in repr(listed)
    assert listed.session_id == "ab"


async def test_a_trace_that_is_not_there_has_no_otlp(backend: Backend) -> None:
    """T1. Its id may be any."""
    for name in ("nothing", "", "a/b", "a\0b", "x" * 129):
        assert type(await error_of(backend.traces.otlp(name))) is NotFound


async def test_a_native_trace_is_otlp_that_anybody_reads(backend: Backend) -> None:
    """T4. Ids become those of the protocol, times those of the wall clock, and it is one tree."""
    await backend.traces.put(trace())
    spans = await sent_back(backend, "trace_1")
    assert len({each.trace_id for each in spans}) == 1
    ids = {each.span_id for each in spans}
    assert len(ids) == 6
    assert [each.name for each in spans if each.parent_span_id not in ids] == ["request"]
    assert min(each.start_ns for each in spans) == NOON_NS


async def test_a_request_is_taken_as_it_was_sent(backend: Backend) -> None:
    """T1. Protobuf and JSON of exporters: what can be kept is, and the rest is told."""
    taken = await backend.traces.take(Request(PROTOBUF, "protobuf"))
    assert (taken.count, "bad" in taken.reason) == (1, True)
    again = await backend.traces.take(Request(PROTOBUF, "protobuf"))
    assert again == taken
    sent = otel_span(5)
    told = await backend.traces.take(Request(to_otlp_json([sent]).encode(), "json"))
    assert told.count == 0
    assert [each.name for each in await sent_back(backend)] == ["good", sent.name]


async def test_what_is_no_request_writes_nothing(backend: Backend) -> None:
    """T1. It is refused as malformed, with the reason."""
    broken: list[tuple[bytes, Form]] = [
        *(
            (b"\xff", "protobuf"),
            (b'{"resourceSpans":5}', "json"),
            (b'{"resourceSpans":[5]}', "json"),
        )
    ]
    for body, form in broken:
        error = await error_of(backend.traces.take(Request(body, form)))
        assert isinstance(error, MalformedBody)
    assert (await backend.traces.list()).items == ()
