"""Values that two backends are driven with."""

from __future__ import annotations

from hypothesis import strategies as st

from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText
from commonhold.model.otel import Resource
from commonhold.testing.factories import NOON, message, span
from commonhold.testing.otel import NOON_NS, otel_log, otel_span

AGENTS = st.sampled_from(["", "", "billing", "weather"])
NAMES = st.sampled_from(["s1", "s2", "s3@example"])
SESSIONS = st.one_of(NAMES, NAMES, st.integers(0, 3), st.sampled_from(["nobody", "a/b"]))
TRACES = st.sampled_from(["t1", "t1", "t2", "nobody", f"{1:032x}"])
COUNTS = st.integers(-1, 8)
RATINGS = st.sampled_from([1, -1])
KINDS = st.sampled_from([None, None, "weather"])
LIMITS = st.sampled_from([1, 2, 3, 50, 0, 1001])
MOMENTS = st.one_of(st.none(), st.integers(-7200, 7200).map(lambda s: Micros(NOON + s * 1_000_000)))
OBJECTS = st.one_of(
    st.dictionaries(
        st.sampled_from("abcü"),
        st.one_of(st.integers(), st.text(max_size=3), st.none(), st.floats(width=32)),
        max_size=3,
    ),
    st.sampled_from(['{"a": 1.10}', "[]", "{", '{"nested": {"x": [1, 2]}}']),
)
NEW = st.lists(
    st.one_of(
        st.sampled_from(["n1", "n2", "n3"]).map(lambda name: message(name, "text")),
        st.sampled_from(["ok", "yes"]).map(lambda text: message(None, text)),
        st.sampled_from(["[]", "{", '{"id":"m9","content":1e400}', '{ "id" : "m8" }']),
    ),
    max_size=3,
)
SPANS = st.lists(
    st.builds(
        span,
        st.just("?"),
        st.sampled_from(["a", "b", "c", "d"]),
        name=st.sampled_from(["request", "model_call", "tool:x"]),
        status=st.sampled_from(["ok", "ok", "error"]),
        parent_span_id=st.sampled_from([None, "a", "elsewhere"]),
        start_time=st.sampled_from([0.0, 1.5, 100.25, 1777291200.5]),
        end_time=st.sampled_from([None, 2.5, 101.0, 1777291201.25]),
        attributes=st.sampled_from(
            [JsonText("{}"), JsonText('{"prompt_tokens": 5, "completion_tokens": 2}')]
        ),
    ),
    max_size=4,
)
TRACE_IDS = {name: f"{n + 1:032x}" for n, name in enumerate(("o1", "o2"))}
EMITTERS = st.sampled_from(
    [Resource(), Resource({"service.name": "claimed", "service.version": "2"})]
)
TOLD = st.fixed_dictionaries(
    {},
    optional={
        "gen_ai.operation.name": st.sampled_from(["chat", "invoke_agent", "execute_tool"]),
        "gen_ai.request.model": st.sampled_from(["gpt-4o", "m"]),
        "gen_ai.usage.input_tokens": st.integers(0, 1000),
        "gen_ai.usage.output_tokens": st.integers(0, 1000),
        "gen_ai.usage.cost": st.sampled_from([0.0, 0.25, 1e30]),
        "gen_ai.tool.name": st.sampled_from(["x", "a\0b"]),
        "session.id": st.sampled_from(["s1", "s2"]),
        "user.id": st.just("ada"),
        "langfuse.trace.tags": st.just(["vip"]),
        "odd": st.sampled_from([b"\xff", float("inf"), 2**63 - 1, [1, {"a": None}], "é\0"]),
    },
)
OTEL_SPANS = st.lists(
    st.builds(
        otel_span,
        st.integers(0, 4),
        st.sampled_from([None, 0, 1, 9]),
        trace_id=st.sampled_from([*TRACE_IDS.values()]),
        name=st.sampled_from(["request", "weather tomorrow", "n\0ul", ""]),
        start_ns=st.sampled_from([0, NOON_NS - 5, NOON_NS, NOON_NS + 10**10, 2**63 - 1]),
        end_ns=st.sampled_from([0, NOON_NS, NOON_NS + 1, NOON_NS + 10**10, 2**63 - 1]),
        attributes=TOLD,
        resource=EMITTERS,
        status_code=st.sampled_from([0, 1, 2]),
    ),
    max_size=4,
)
OTEL_LOGS = st.lists(
    st.builds(
        otel_log,
        st.integers(0, 5),
        trace_id=st.sampled_from([*TRACE_IDS.values()]),
        attributes=TOLD,
        body=st.sampled_from(["text", None, {"content": ["a", b"\0"]}]),
        resource=EMITTERS,
    ),
    max_size=2,
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "session_id": st.sampled_from(["s1", "s2", "sess_1"]),
        "status": st.sampled_from(["ok", "error"]),
        "agent": st.sampled_from(["billing", "weather", "claimed"]),
        "user": st.just("ada"),
        "kind": st.sampled_from(["llm", "tool"]),
        "model": st.sampled_from(["gpt-4o", "m"]),
        "tool": st.sampled_from(["x", "ab"]),
        "tag": st.just("vip"),
        "min_duration_ms": st.sampled_from([0.0, 10.0, -1.0]),
        "min_cost_usd": st.sampled_from([0.0, 0.2]),
        "feedback": st.sampled_from(["up", "down", "none", "odd"]),
        "attributes": st.sampled_from(['{"user.id": "ada"}', '{"odd": 9223372036854775807}', "{"]),
        "q": st.sampled_from(["weather", "tom*", "text", "?"]),
        "sort": st.sampled_from(["time", "duration", "cost"]),
    },
)
