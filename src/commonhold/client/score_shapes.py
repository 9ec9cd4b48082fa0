"""What a service answers about scores, field by field: checked while it is decoded."""

from __future__ import annotations

from typing import Literal

from msgspec import Raw, Struct

from commonhold.client.shapes import BindingShape


class ScoreShape(Struct):
    """A score."""

    score_id: str
    name: str
    data_type: Literal["boolean", "numeric", "categorical", "text", "correction", "json"]
    created_at: str
    updated_at: str
    value: Raw = Raw(b"null")
    value_num: float | None = None
    label: str | None = None
    rating: Literal[1, -1] | None = None
    comment: str | None = None
    correction: str | None = None
    source: Literal["human", "llm", "code"] = "human"
    source_id: str | None = None
    identifier: str | None = None
    metadata: Raw = Raw(b"{}")
    environment: str | None = None
    config_id: str | None = None
    error: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session_id: str | None = None
    message_id: str | None = None
    turn_index: int | None = None
    response_id: str | None = None
    model_id: str | None = None
    latency_ms: float | None = None
    agent_type: str | None = None
    user_id: str | None = None
    author: str | None = None
    superseded_by: str | None = None
    turn: BindingShape | None = None
    question: Raw = Raw(b"null")
    answer: Raw = Raw(b"null")


class TallyShape(Struct):
    """What was counted."""

    count: int
    thumbs_up: int
    thumbs_down: int
    value_count: int
    value_sum: float


class ScoreStatsShape(Struct):
    """One group in one window."""

    window_start: str
    window_end: str
    count: int
    thumbs_up: int
    thumbs_down: int
    value_count: int
    value_sum: float
    before: TallyShape
    group: str | None = None
