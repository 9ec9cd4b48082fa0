"""Rows of a result set become model values: one function per table, columns in statement order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commonhold.model import clock, opaque
from commonhold.model.feedback import Feedback, FeedbackStats
from commonhold.model.repair import open_calls
from commonhold.model.session import Message, Session, Status
from commonhold.model.trace import Span, TraceSummary
from commonhold.model.turns import Event, Participant
from commonhold.sql.database import Row

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
    """Columns of `get_spans`, which are the fields of the model in its order."""
    return Span(*row)


def feedback(row: Row) -> Feedback:
    """Columns `feedback` of feedback.sql, which are the fields of the model in its order."""
    return Feedback(*row)


def summary(row: Row) -> TraceSummary:
    """Columns `summary` of traces.sql."""
    duration_ns = row[6]
    return TraceSummary(
        trace_id=row[0],
        started_at=row[1],
        ended_at=row[2],
        model=row[3],
        session_id=row[4],
        status=row[5],
        duration_ms=None if duration_ns is None else duration_ns / 1e6,
        span_count=row[7],
        error_count=row[8],
        tool_calls=row[9],
        prompt_tokens=row[10],
        completion_tokens=row[11],
        agents=tuple(sorted(name for name in (row[12] or "").split(",") if name)),
    )


def stats(row: Row, width: int) -> FeedbackStats:
    """Columns of `feedback_stats`; an empty agent type stands for none."""
    start, agent_type, up, down = row
    return FeedbackStats(start, start + width, agent_type or None, up, down)
