"""Valid values with every field open to change, so that a test states only what matters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from commonhold.model.clock import Micros
from commonhold.model.feedback import Feedback, FeedbackStats, NewFeedback
from commonhold.model.opaque import JsonText
from commonhold.model.score import Score
from commonhold.model.score_stats import ScoreStats, Tally
from commonhold.model.session import Message, NewSession, Session, Written
from commonhold.model.trace import Span, Trace, TraceSummary

NOON = Micros(1_777_291_200_000_000)
"""2026-04-27T12:00:00Z, a Monday."""

HOUR = 3_600_000_000
"""One hour in microseconds."""


def message(
    message_id: str | None = None, content: object = "hello", /, **fields: object
) -> JsonText:
    """One message as an agent sends it; without an id when none is given."""
    body: dict[str, object] = {} if message_id is None else {"id": message_id}
    body |= {"role": "user", "content": content, **fields}
    return JsonText(json.dumps(body, ensure_ascii=False))


def messages(*ids: str) -> list[JsonText]:
    """A message list in which each message has one of these ids."""
    return [message(name, f"the text of {name}") for name in ids]


def unnamed(*contents: str) -> list[JsonText]:
    """A message list without ids, as agents before 0.26 send it."""
    return [message(None, content) for content in contents]


def conversation(length: int, start: int = 1) -> list[JsonText]:
    """`length` messages with ids `m1`, `m2`, ... as users, assistants and tools take turns."""
    roles = ("user", "assistant", "tool", "assistant")
    return [
        message(f"m{n}", f"message {n}", role=roles[n % 4]) for n in range(start, start + length)
    ]


def new_session(**fields: Any) -> NewSession:
    """What a caller chooses when it creates a session."""
    return replace(NewSession(title="Weather", metadata=JsonText('{"channel": "web"}')), **fields)


def session(**fields: Any) -> Session:
    """A stored session."""
    stored = Session("sess_1", created_at=NOON, updated_at=Micros(NOON + HOUR), agent="weather")
    return replace(stored, **fields)


def stored_message(**fields: Any) -> Message:
    """A row of a log."""
    row = Message(1, "m1", "weather", "user", message("m1"), created_at=NOON)
    return replace(row, **fields)


def written(**fields: Any) -> Written:
    """What a write did."""
    return replace(Written("sess_1", version=2, message_count=2, first_seq=1, last_seq=2), **fields)


def span(trace_id: str = "trace_1", span_id: str = "span_1", **fields: Any) -> Span:
    """One native span: monotonic seconds, attributes and events as JSON text."""
    return replace(
        Span(trace_id, span_id, name="request", start_time=4711.25, end_time=4711.75), **fields
    )


def request_spans(
    trace_id: str = "trace_1",
    *,
    prefix: str = "span",
    parent: str | None = None,
    origin: float = 4711.015625,
    tokens: tuple[int, int] = (812, 64),
) -> tuple[Span, ...]:
    """The spans of one chat request with one tool call, as `fipsagents` posts them.

    `origin` is the monotonic second the request began at; it lasts two seconds. Tokens are on the
    last model call only.
    """
    root, first, second = f"{prefix}_root", f"{prefix}_step1", f"{prefix}_step2"
    begun = {"model": "granite-4", "stream": False, "gen_ai.operation.name": "chat"}
    tool = {"tool_name": "weather", "content_length": 118, "is_error": False}
    rows: Sequence[tuple[str, str | None, str, float, float, object]] = (
        (root, parent, "request", 0.0, 2.0, begun),
        (first, root, "step:1", 0.0, 1.25, {}),
        (f"{prefix}_model1", first, "model_call", 0.0, 0.5, {}),
        (f"{prefix}_tool", first, "tool:weather", 0.5, 1.25, tool),
        (second, root, "step:2", 1.25, 2.0, {}),
        (f"{prefix}_model2", second, "model_call", 1.25, 2.0, usage(*tokens)),
    )
    return tuple(
        Span(
            trace_id,
            span_id,
            parent_span_id=above,
            name=name,
            start_time=origin + begins,
            end_time=origin + ends,
            attributes=JsonText(json.dumps(attributes)),
        )
        for span_id, above, name, begins, ends, attributes in rows
    )


def usage(prompt: int, completion: int) -> dict[str, object]:
    """The attributes of a model call that tells what it used, under old names and new ones."""
    return {
        "prompt_tokens": prompt,
        "gen_ai.usage.input_tokens": prompt,
        "completion_tokens": completion,
        "gen_ai.usage.output_tokens": completion,
        "total_tokens": prompt + completion,
        "gen_ai.request.model": "granite-4",
        "total_time": 0.71875,
    }


def trace(trace_id: str = "trace_1", **fields: Any) -> Trace:
    """One author's part of a trace: a chat request of two seconds, unless fields say otherwise."""
    started_at = fields.get("started_at", NOON)
    whole = Trace(
        trace_id,
        started_at=started_at,
        ended_at=Micros(started_at + 2_000_000),
        model="granite-4",
        session_id="sess_1",
    )
    fields.setdefault("spans", request_spans(trace_id))
    return replace(whole, **fields)


def summary(**fields: Any) -> TraceSummary:
    """One trace of a list."""
    return replace(
        TraceSummary("trace_1", started_at=NOON, duration_ms=2000.0, agents=("weather",)), **fields
    )


def new_feedback(**fields: Any) -> NewFeedback:
    """A thumbs up on a trace of a session."""
    return replace(
        NewFeedback(rating=1, trace_id="trace_1", session_id="sess_1", comment="[helpful] thanks"),
        **fields,
    )


def feedback(**fields: Any) -> Feedback:
    """A stored record."""
    return replace(Feedback("fb_1", 1, created_at=NOON, updated_at=NOON), **fields)


def score(**fields: Any) -> Score:
    """A stored score."""
    return replace(Score("fb_1", "accuracy", "numeric", NOON, NOON, value_num=0.5), **fields)


def score_stats(**fields: Any) -> ScoreStats:
    """The scores of one hour."""
    tally = Tally(4, 3, 1, 4, 3.0)
    return replace(ScoreStats(NOON, Micros(NOON + HOUR), None, tally, Tally()), **fields)


def stats(**fields: Any) -> FeedbackStats:
    """The votes of one hour."""
    return replace(FeedbackStats(NOON, Micros(NOON + HOUR), "weather", 3, 1), **fields)
