"""Every value comes back from the wire as it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model import wire, wire_traces
from commonhold.model.agent import Agent, AgentInstance
from commonhold.model.clock import EARLIEST, LATEST, Micros
from commonhold.model.feedback import Feedback, FeedbackStats
from commonhold.model.gist import Gist
from commonhold.model.opaque import JsonText
from commonhold.model.otel import Operation
from commonhold.model.session import Message, Session, Written
from commonhold.model.summary import MOST_COUNTED
from commonhold.model.trace import Span, Trace, TraceSummary
from commonhold.testing.factories import feedback

TIMES = st.integers(EARLIEST, LATEST).map(Micros)
COUNTS = st.integers(0, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORDS = st.none() | TEXT
NAMES = st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SPELLINGS = st.sampled_from(
    [{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}]
)


def spelt(values: st.SearchStrategy[Any]) -> st.SearchStrategy[JsonText]:
    """JSON text of a value, spelt one way or another."""
    return st.builds(
        lambda value, options: JsonText(json.dumps(value, **options)), values, SPELLINGS
    )


OBJECTS = spelt(st.dictionaries(TEXT, VALUES, max_size=3))
ARRAYS = spelt(st.lists(VALUES, max_size=3))
# What is empty on the wire stands for none.
AUTHORS = st.just("") | NAMES

SESSIONS = st.builds(
    Session,
    session_id=NAMES,
    created_at=TIMES,
    updated_at=TIMES,
    version=COUNTS,
    message_count=COUNTS,
    head_seq=COUNTS,
    agent=AUTHORS,
    user=AUTHORS,
    title=WORDS,
    metadata=OBJECTS,
    parent_session_id=WORDS,
    forked_at_message_id=WORDS,
)
MESSAGES = st.builds(
    Message,
    seq=COUNTS,
    message_id=TEXT,
    agent=AUTHORS,
    role=WORDS,
    content=OBJECTS,
    created_at=TIMES,
    superseded_at=st.none() | TIMES,
)
WRITTEN = st.builds(
    Written,
    session_id=NAMES,
    version=COUNTS,
    message_count=COUNTS,
    first_seq=st.none() | COUNTS,
    last_seq=st.none() | COUNTS,
    superseded=COUNTS,
    kept=COUNTS,
)
# Dollars are floats on the wire: exact up to here, where sums stop too.
COSTS = st.none() | st.integers(0, MOST_COUNTED)
USED = st.none() | COUNTS
GISTS = st.builds(
    Gist,
    operation=st.sampled_from(get_args(Operation)),
    input_tokens=USED,
    output_tokens=USED,
    agent=AUTHORS,
    session_id=WORDS,
    user_id=WORDS,
    model=WORDS,
    provider=WORDS,
    cached_input=USED,
    cache_write=USED,
    reasoning=USED,
    cost_nano=COSTS,
    tool_name=WORDS,
    tool_call_id=WORDS,
    agent_id=WORDS,
    agent_version=WORDS,
    instance=WORDS,
    environment=WORDS,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    is_ahead=st.booleans(),
    is_error=st.booleans(),
)
SPANS = st.builds(
    Span,
    trace_id=st.just("trace_1"),
    span_id=NAMES,
    parent_span_id=WORDS,
    name=TEXT,
    start_time=FLOATS,
    end_time=st.none() | FLOATS,
    status=NAMES,
    attributes=OBJECTS,
    events=ARRAYS,
    agent=AUTHORS,
    start_ns=st.none() | COUNTS,
    end_ns=st.none() | COUNTS,
    gist=GISTS,
    otel=st.none() | OBJECTS,
)
TRACES = st.builds(
    Trace,
    trace_id=st.just("trace_1"),
    started_at=TIMES,
    ended_at=st.none() | TIMES,
    model=WORDS,
    session_id=WORDS,
    status=NAMES,
    spans=st.lists(SPANS, max_size=3).map(tuple),
)
SUMMARIES = st.builds(
    TraceSummary,
    trace_id=NAMES,
    started_at=TIMES,
    ended_at=st.none() | TIMES,
    model=WORDS,
    session_id=WORDS,
    status=NAMES,
    duration_ms=st.none() | FLOATS,
    span_count=COUNTS,
    error_count=COUNTS,
    tool_calls=COUNTS,
    prompt_tokens=st.none() | COUNTS,
    completion_tokens=st.none() | COUNTS,
    agents=st.lists(NAMES, max_size=3).map(tuple),
    name=TEXT,
    user_id=WORDS,
    environment=WORDS,
    llm_calls=COUNTS,
    cached_tokens=USED,
    reasoning_tokens=USED,
    cost_nano=COSTS,
    models=st.lists(TEXT, max_size=3).map(tuple),
    is_ahead=st.booleans(),
    thumbs_up=COUNTS,
    thumbs_down=COUNTS,
)
AGENTS = st.builds(
    Agent,
    agent=NAMES,
    first_seen_at=TIMES,
    last_seen_at=TIMES,
    instances=st.lists(
        st.builds(
            AgentInstance,
            version=TEXT,
            instance=TEXT,
            first_seen_at=TIMES,
            last_seen_at=TIMES,
        ),
        max_size=3,
    ).map(tuple),
    requests=COUNTS,
    errors=COUNTS,
    p50_ms=st.none() | FLOATS,
    p95_ms=st.none() | FLOATS,
    prompt_tokens=USED,
    completion_tokens=USED,
    cost_nano=COSTS,
    thumbs_up=COUNTS,
    thumbs_down=COUNTS,
)
RECORDS = st.builds(
    Feedback,
    feedback_id=NAMES,
    rating=st.sampled_from([1, -1]),
    created_at=TIMES,
    updated_at=TIMES,
    trace_id=st.none() | NAMES,
    session_id=st.none() | NAMES,
    comment=WORDS,
    correction=WORDS,
    model_id=WORDS,
    latency_ms=st.none() | FLOATS,
    turn_index=st.none() | COUNTS,
    agent_type=WORDS,
    user_id=NAMES,
    agent=AUTHORS,
)
STATS = st.builds(
    FeedbackStats,
    window_start=TIMES,
    window_end=TIMES,
    agent_type=WORDS,
    thumbs_up=COUNTS,
    thumbs_down=COUNTS,
)
VALUES_OF_THE_MODEL: Mapping[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "session": (SESSIONS, wire.session_out, wire.session_in),
    "message": (MESSAGES, wire.message_out, wire.message_in),
    "written": (WRITTEN, wire.written_out, wire.written_in),
    "trace": (TRACES, wire_traces.trace_out, wire_traces.trace_in),
    "summary": (SUMMARIES, wire_traces.summary_out, wire_traces.summary_in),
    "agent": (AGENTS, wire_traces.agent_out, wire_traces.agent_in),
    "feedback": (RECORDS, wire.feedback_out, wire.feedback_in),
    "stats": (STATS, wire.stats_out, wire.stats_in),
}

OPAQUE = ("metadata", "message", "attributes", "events", "otel")


def with_raw_parts(body: Any) -> Any:
    """A body as the client decodes it: opaque parts as they were spelt, the rest as values."""
    decoded = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    values: dict[str, Any] = {}
    for name, raw in decoded.items():
        if name in OPAQUE and bytes(raw) != b"null":
            values[name] = raw
        elif name == "spans":
            values[name] = [
                with_raw_parts(bytes(item))
                for item in msgspec.json.decode(raw, type=list[msgspec.Raw])
            ]
        else:
            values[name] = msgspec.json.decode(raw)
    return values


@pytest.mark.parametrize("kind", VALUES_OF_THE_MODEL)
@given(data=st.data())
def test_a_value_comes_back_from_the_wire(kind: str, data: st.DataObject) -> None:
    """Every field of it, opaque texts to the letter."""
    values, out, back = VALUES_OF_THE_MODEL[kind]
    value = data.draw(values)
    body = msgspec.json.encode(out(value))
    assert back(with_raw_parts(body)) == value


@pytest.mark.parametrize("kind", VALUES_OF_THE_MODEL)
@given(data=st.data())
def test_a_body_is_json_that_any_client_reads(kind: str, data: st.DataObject) -> None:
    """The standard library reads what we send; only its spelling of opaque parts differs."""
    values, out, back = VALUES_OF_THE_MODEL[kind]
    value = data.draw(values)
    body = json.loads(msgspec.json.encode(out(value)))
    assert out(back(body)).keys() == body.keys()


@given(RECORDS)
def test_old_clients_read_a_string_where_there_is_no_trace(record: Feedback) -> None:
    """It is derived from the record's own id, and read back as none."""
    body = wire.feedback_out(record)
    assert isinstance(body["trace_id"], str)
    assert wire.feedback_in(body).trace_id == record.trace_id


def test_the_placeholder_of_one_record_is_a_trace_id_for_another() -> None:
    """Only the record itself takes its placeholder for none."""
    other = wire.placeholder_trace_id("fb_other")
    body = wire.feedback_out(feedback(trace_id=other))
    assert wire.feedback_in(body).trace_id == other


def test_a_minus_zero_keeps_its_sign() -> None:
    """A float comes back to the last bit."""
    body = wire_traces.span_out(Span("t", "s", start_time=-0.0, end_time=-0.0))
    found = wire_traces.span_in(body)
    assert (str(found.start_time), str(found.end_time)) == ("-0.0", "-0.0")
