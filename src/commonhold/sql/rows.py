"""Rows of a result set become model values: one function per table, columns in statement order."""

from __future__ import annotations

from commonhold.model.feedback import Feedback, FeedbackStats
from commonhold.model.session import Message, Session
from commonhold.model.trace import Span, TraceSummary
from commonhold.sql.database import Row


def session(row: Row) -> Session:
    """Columns `session` of sessions.sql, which are the fields of the model in its order."""
    return Session(*row)


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
