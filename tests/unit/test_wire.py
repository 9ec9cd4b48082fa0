"""Every value comes back from the wire as it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model import wire
from commonhold.model.clock import EARLIEST, LATEST, Micros
from commonhold.model.feedback import Feedback, FeedbackStats
from commonhold.model.opaque import JsonText
from commonhold.model.session import Message, Session, Written
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
    "trace": (TRACES, wire.trace_out, wire.trace_in),
    "summary": (SUMMARIES, wire.summary_out, wire.summary_in),
    "feedback": (RECORDS, wire.feedback_out, wire.feedback_in),
    "stats": (STATS, wire.stats_out, wire.stats_in),
}

OPAQUE = ("metadata", "message", "attributes", "events")


def with_raw_parts(body: Any) -> Any:
    """A body as the client decodes it: opaque parts as they were spelt, the rest as values."""
    decoded = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    values: dict[str, Any] = {}
    for name, raw in decoded.items():
        if name in OPAQUE:
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
    body = wire.span_out(Span("t", "s", start_time=-0.0, end_time=-0.0))
    found = wire.span_in(body)
    assert (str(found.start_time), str(found.end_time)) == ("-0.0", "-0.0")
