"""What openai-agents exports by itself becomes spans that mean what all others mean."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.errors import MalformedBody
from commonhold.model.clock import Micros
from commonhold.model.otel import OtelSpan, Rejected, Tokens
from commonhold.otlp.meaning import meaning_of
from commonhold.otlp.openai_agents import spans_from_openai_agents

TRACE = {
    "object": "trace",
    "id": "trace_c3ace538a0554934a9a0a29bbf49813c",
    "workflow_name": "weather",
    "group_id": "group_of_ann",
    "metadata": {"user_id": "ann", "plan": ["free"]},
}
AGENT = {"type": "agent", "name": "planner", "handoffs": [], "tools": ["get_weather"]}
USAGE = {
    "requests": 1,
    "input_tokens": 52,
    "output_tokens": 17,
    "total_tokens": 69,
    "input_tokens_details": {"cached_tokens": 32, "cache_write_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 6},
}
SAID = [{"role": "user", "content": "Weather?"}]
ANSWERED = [{"role": "assistant", "content": "Sunny."}]


def item(data: Any, **fields: Any) -> dict[str, Any]:
    """A span as it is exported."""
    return {
        "object": "trace.span",
        "id": "span_57c30294d857463a9a4da0b8",
        "trace_id": TRACE["id"],
        "parent_id": None,
        "started_at": "2026-11-25T15:30:47.210202+00:00",
        "ended_at": "2026-11-25T15:30:47.345172+00:00",
        "span_data": data,
        "error": None,
        **fields,
    }


def read(*items: Any) -> tuple[list[OtelSpan], Rejected]:
    """The spans of a request, received seven microseconds after 1970."""
    return spans_from_openai_agents(json.dumps({"data": items}).encode(), lambda: Micros(7))


def one(data: Any, **fields: Any) -> OtelSpan:
    """One span of a request."""
    (span,), rejected = read(item(data, **fields))
    assert rejected == Rejected()
    return span


def test_ids_are_those_of_opentelemetry_and_hold_still() -> None:
    """A trace keeps its own; 24 digits of a span become 16, as its children name their parent."""
    parent = one(AGENT)
    child = one(AGENT, id="span_other", parent_id="span_57c30294d857463a9a4da0b8")
    assert parent.trace_id == child.trace_id == "c3ace538a0554934a9a0a29bbf49813c"
    assert child.parent_span_id == parent.span_id != child.span_id
    assert len(parent.span_id) == 16
    assert one(AGENT, trace_id="trace_mine").trace_id != parent.trace_id


def test_times_are_nanoseconds() -> None:
    """And a span that did not end takes no time."""
    span = one(AGENT)
    assert (span.start_ns % 10**9, span.end_ns - span.start_ns) == (210_202_000, 134_970_000)
    assert one(AGENT, ended_at=None).end_ns == span.start_ns


def test_a_trace_is_the_span_above_all_others() -> None:
    """Whichever comes first, and in the same request or in another."""
    (root, span), _ = read(TRACE, item(AGENT))
    assert (root.parent_span_id, span.parent_span_id) == (None, root.span_id)
    assert (root.name, root.start_ns, root.end_ns) == ("weather", span.start_ns, span.end_ns)
    assert read(item(AGENT), TRACE)[0] == [root, span]
    assert read(item(AGENT))[0] == [span]


def test_a_trace_that_comes_alone_is_as_old_as_its_request() -> None:
    """It says no time itself."""
    ((root,), _) = read(TRACE)
    assert (root.start_ns, root.end_ns) == (7000, 7000)


def test_a_trace_tells_the_session_and_the_user() -> None:
    """Its group, and what is usual in metadata."""
    ((root,), _) = read(TRACE)
    found = meaning_of(root)
    assert (found.session_id, found.user_id, found.operation) == ("group_of_ann", "ann", "chain")
    assert found.agent == ""
    assert json.loads(root.attributes["openai_agents.metadata"]) == TRACE["metadata"]


@pytest.mark.parametrize(
    ("data", "name", "operation"),
    [
        (AGENT, "invoke_agent planner", "agent"),
        ({"type": "function", "name": "f", "input": "{}"}, "execute_tool f", "tool"),
        ({"type": "generation", "model": "gpt-4o"}, "chat gpt-4o", "llm"),
        ({"type": "response", "response_id": "resp_1"}, "chat", "llm"),
        ({"type": "handoff", "from_agent": "a", "to_agent": "b"}, "handoff b", "chain"),
        ({"type": "guardrail", "name": "g", "triggered": True}, "guardrail g", "evaluator"),
        ({"type": "mcp_tools", "server": "s", "result": ["t"]}, "mcp_tools s", "chain"),
        ({"type": "transcription", "model": "whisper-1"}, "transcription whisper-1", "llm"),
        ({"type": "speech", "model": "tts-1", "input": "hi"}, "speech tts-1", "llm"),
        ({"type": "speech_group", "input": "hi"}, "speech_group", "chain"),
        ({"type": "custom", "name": "mine", "data": {}}, "mine", ""),
        (
            {"type": "custom", "name": "task", "data": {"sdk_span_type": "task", "name": "w"}},
            *("task w", "chain"),
        ),
        (
            {"type": "custom", "name": "turn", "data": {"sdk_span_type": "turn", "turn": 2}},
            *("turn 2", "chain"),
        ),
        ({"type": "new"}, "new", ""),
    ],
)
def test_every_type_has_its_name_and_kind(data: Any, name: str, operation: str) -> None:
    """And is kept as it was."""
    span = one(data)
    assert (span.name, meaning_of(span).operation) == (name, operation)
    assert json.loads(span.attributes["openai_agents.span_data"]) == data


def test_a_model_call_says_what_went_in_and_out_and_what_it_used() -> None:
    """As chat completions are exported."""
    data = {"type": "generation", "model": "gpt-4o", "input": SAID, "output": ANSWERED}
    found = meaning_of(one({**data, "usage": USAGE}))
    assert (found.model, found.tokens) == ("gpt-4o", Tokens(52, 17, 69, 32, 4, 6))
    assert (json.loads(found.input or ""), json.loads(found.output or "")) == (SAID, ANSWERED)


def test_sums_are_told_by_calls_only() -> None:
    """A turn repeats the usage of the calls within it."""
    inner = {"sdk_span_type": "turn", "turn": 1, "agent_name": "planner", "usage": USAGE}
    turn = meaning_of(one({"type": "custom", "name": "turn", "data": inner}))
    assert (turn.tokens, turn.agent) == (Tokens(), "planner")
    call = meaning_of(one({"type": "response", "response_id": None, "usage": USAGE}))
    assert call.tokens.total == 69


def test_a_tool_says_its_arguments_and_its_result() -> None:
    """As texts, whatever they are."""
    data = {"type": "function", "name": "get_weather", "input": '{"city": "Paris"}'}
    found = meaning_of(one({**data, "output": "18 degrees"}))
    assert (found.tool_name, found.input, found.output) == (
        "get_weather",
        '{"city": "Paris"}',
        "18 degrees",
    )


def test_an_error_is_the_status_of_its_span() -> None:
    """With its message; the rest is kept."""
    error = {"message": "Error getting response", "data": {"error": "400"}}
    span = one({"type": "response"}, error=error)
    assert (span.status_code, span.status_message) == (2, "Error getting response")
    assert json.loads(span.attributes["openai_agents.error"]) == error
    assert meaning_of(span).is_error
    assert one({"type": "response"}, error={"message": None}).status_code == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (5, "Expected `object`"),
        ({}, "object"),
        ({"object": "trace"}, "id"),
        ({"object": "trace", "id": ""}, "its trace id is empty"),
        ({"object": "trace.new", "id": "x"}, "trace.new"),
        ({**TRACE, "group_id": 5}, "group_id"),
        (item({}, id=""), "its id is empty"),
        (item({}, started_at=None), "started_at"),
        (item({}, started_at="soon"), "not a time"),
        (item({}, ended_at="1969-01-01T00:00:00Z"), "out of"),
        (item({}, started_at="9999-01-01T00:00:00Z"), "out of"),
        (item("x"), "Expected `object`"),
    ],
)
def test_a_poisoned_item_is_left_out_alone(bad: Any, reason: str) -> None:
    """Its neighbours are kept, in whichever order, and the reason is told."""
    for order in permutations((bad, TRACE, item(AGENT))):
        spans, rejected = read(*order)
        assert ([span.name for span in spans], rejected.count) == (
            ["weather", "invoke_agent planner"],
            1,
        )
        assert rejected.reason.startswith("Item was left out: ")
        assert reason in rejected.reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"data": 5}', b"\xff"])
def test_another_body_is_refused(body: bytes) -> None:
    """As malformed, which senders do not repeat."""
    with pytest.raises(MalformedBody, match="no export of openai-agents"):
        spans_from_openai_agents(body)


def test_a_body_nested_too_deep_is_refused() -> None:
    """As everywhere."""
    with pytest.raises(MalformedBody, match="nested too deep"):
        spans_from_openai_agents(b'{"data":[%s]}' % (b"[" * 100_000))


def test_a_text_that_was_cut_within_an_emoji_is_kept() -> None:
    """Half a pair of surrogates becomes U+FFFD."""
    assert one({"type": "custom", "name": "a\ud83d"}).name == "a\ufffd"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "data", "usage", "input", "message", "sdk_span_type"])
            | st.text(st.characters(codec="utf-8"), max_size=5),
            inner | st.sampled_from(["custom", "turn", "generation", "agent"]),
            max_size=5,
        )
    ),
    max_leaves=8,
)


@given(json_values, json_values, json_values)
def test_whatever_an_item_holds_is_read_or_left_out(data: Any, error: Any, metadata: Any) -> None:
    """Nothing is raised but for a body that is none."""
    with suppress(MalformedBody):
        spans, rejected = read(
            item(data, error=error, metadata=metadata), {**TRACE, "metadata": metadata}, data
        )
        assert len(spans) + rejected.count == 3
        assert all(isinstance(meaning_of(span).operation, str) for span in spans)
