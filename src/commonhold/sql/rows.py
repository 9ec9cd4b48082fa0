"""Rows of a result set become model values: one function per table, columns in statement order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from commonhold.model import clock, opaque
from commonhold.model.binding import Binding
from commonhold.model.feedback import Feedback, FeedbackStats
from commonhold.model.gist import decode_gist
from commonhold.model.opaque import JsonText
from commonhold.model.repair import open_calls
from commonhold.model.score import Score, thumb_of
from commonhold.model.score_stats import Tally
from commonhold.model.session import Message, Session, Status
from commonhold.model.summary import Derived
from commonhold.model.trace import NANO, Span, Trace, TraceSummary
from commonhold.model.turns import Event, Participant
from commonhold.sql.database import Row
from commonhold.sql.meanings import meaning_of_texts

_encode = msgspec.json.Encoder().encode
_names = msgspec.json.Decoder(list[str]).decode

_FIELDS = 13
"""Columns of `session` that are fields of the model in its order."""


def session(row: Row) -> Session:
    """Columns `session` of sessions.sql; with the marks of its tool calls, those left open."""
    lease_holder, lease_until, is_waiting = row[_FIELDS : _FIELDS + 3]
    is_running = lease_holder is not None and lease_until > clock.now()
    status: Status = "running" if is_running else "waiting" if is_waiting else "idle"
    fields: Sequence[Any] = (
        *row[:_FIELDS],
        status,
        lease_holder if is_running else None,
        lease_until if is_running else None,
        _open_calls(row[_FIELDS + 3]) if len(row) > _FIELDS + 3 else None,
    )
    return Session(*fields)


def _open_calls(marks: str | None) -> tuple[str, ...]:
    return open_calls(opaque.loads(f"[{marks}]")) if marks else ()


def unnamed() -> Mapping[str, Any]:
    """Columns of a session that nobody chose anything for."""
    return {
        "title": None,
        "metadata": "{}",
        "parent_session_id": None,
        "forked_at_message_id": None,
        "chain": b"",
        "state": "{}",
    }


def event(row: Row) -> Event:
    """Columns of `list_events`, which are the fields of the model in its order."""
    return Event(*row)


def participant(row: Row) -> Participant:
    """Columns of `list_participants`, which are the fields of the model in its order."""
    return Participant(*row)


def message(row: Row) -> Message:
    """Columns of `list_messages`, which are the fields of the model in its order."""
    return Message(*row)


def span(row: Row) -> Span:
    """Columns of `get_spans`. One that came as OTLP has no times of its own but the wall clock's."""
    start, end = row[4:6]
    if start is None:
        start, end = row[10] / NANO, row[11] / NANO
    gist = decode_gist(row[12])
    agent = row[9] or gist.agent
    cells: Sequence[Any] = (*row[:4], start, end, *row[6:9], agent, *row[10:12], gist, row[13])
    return Span(*cells)


_SCORE = 30
_BOUND = _SCORE + 8
"""Columns of `feedback` that are fields of a score in its order, and with those of its turn."""


def score(row: Row) -> Score:
    """Columns `score` of feedback.sql; with `told`, what it is about."""
    question, answer = _exchange(row) if len(row) > _BOUND + 1 else (None, None)
    fields: Sequence[Any] = (*row[:_SCORE], Binding(*row[_SCORE:_BOUND]), question, answer)
    return Score(*fields)


def is_waiting(row: Row) -> bool:
    """Whether a row of `score` waits for something that it is about."""
    return bool(row[_BOUND])


def feedback(row: Row) -> Feedback:
    """Columns `score` of feedback.sql, of a thumb."""
    return thumb_of(score(row))


def _exchange(row: Row) -> tuple[JsonText | None, JsonText | None]:
    """The messages of a turn, or the input and output of a trace that has none."""
    question, answer, name, attributes, events = row[_BOUND + 2 :]
    if attributes is None:
        return question, answer
    told = meaning_of_texts(name, attributes, events)
    return _as_json(told.input), _as_json(told.output)


def _as_json(text: str | None) -> JsonText | None:
    return None if text is None else opaque.dumps(text)


def summary(row: Row) -> TraceSummary:
    """Columns `summary` of traces.sql."""
    duration_ns = row[6]
    cells: Sequence[Any] = (
        *row[:6],
        None if duration_ns is None else duration_ns / 1e6,
        *row[7:12],
        tuple(_names(row[12])),
        *row[13:20],
        tuple(_names(row[20])),
        bool(row[21]),
        *row[22:24],
    )
    return TraceSummary(*cells)


def summary_cells(derived: Derived) -> tuple[Any, ...]:
    """Bulk columns of `begin_traces` and `derive_traces`, in their order."""
    told = derived.summary
    duration = told.duration_ms
    return (
        *(told.trace_id, told.started_at, told.ended_at, told.model, told.session_id, told.status),
        None if duration is None else round(duration * 1e6),
        *(told.span_count, told.error_count, told.tool_calls),
        *(told.prompt_tokens, told.completion_tokens, _text(told.agents)),
        *(told.name, told.user_id, told.environment, told.llm_calls, told.cached_tokens),
        *(told.reasoning_tokens, told.cost_nano, _text(told.models), int(told.is_ahead)),
        _text(derived.labels),
    )


def _text(names: Sequence[str]) -> str:
    return _encode(names).decode() if names else "[]"


def stats(row: Row, width: int) -> FeedbackStats:
    """Columns of `count_feedback`; an empty agent type stands for none."""
    start, agent_type, _, up, down = row[:5]
    return FeedbackStats(start, start + width, agent_type or None, up, down)


def tally(row: Row) -> Tally:
    """Columns of `count_feedback`."""
    count, up, down, valued, whole, billionths = row[2:]
    return Tally(count, up, down, valued, whole + billionths / NANO)


def whole(told: TraceSummary, spans: Sequence[Span], logs: Sequence[Row]) -> Trace:
    """A trace, its log records among the events of the spans that they are about."""
    by_span: dict[str, list[str]] = {}
    known = {each.span_id for each in spans}
    for row in logs if spans else ():
        about = row[0] if row[0] in known else spans[0].span_id
        by_span.setdefault(about, []).append(_log_event(row))
    return Trace(
        trace_id=told.trace_id,
        started_at=told.started_at,
        ended_at=told.ended_at,
        model=told.model,
        session_id=told.session_id,
        status=told.status,
        spans=tuple([_with_logs(each, by_span.get(each.span_id)) for each in spans]),
    )


def _with_logs(told: Span, events: Sequence[str] | None) -> Span:
    if not events:
        return told
    begun = told.events.rstrip()[:-1].rstrip()
    comma = "" if begun.endswith("[") else ","
    return replace(told, events=JsonText(f"{begun}{comma}{','.join(events)}]"))


def _log_event(row: Row) -> str:
    """Columns of `get_logs` as an event of its span."""
    told = {
        "name": row[1],
        "timestamp": row[2] / NANO,
        "time_unix_nano": row[2],
        "attributes": msgspec.Raw(row[3].encode()),
        "body": msgspec.Raw(row[4].encode()),
        "source": "log",
    }
    return _encode(told).decode()
