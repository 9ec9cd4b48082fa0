"""The shapes of answers about scores, for OpenAPI."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from commonhold.http.schema_types import Object, Time
from commonhold.model.score import DataType, Source


class Binding(Struct):
    """The turn that a record is about, as the platform found it; `message_id` and `seq` are its answer's."""

    state: Literal["none", "pending", "bound"]
    session_id: str | None
    index: int | None
    message_id: str | None
    seq: int | None
    trace_id: str | None
    agent: str | None
    model: str | None


class Score(Struct):
    """A score. `value` has the form of its data type; `author` is the agent that brought it."""

    score_id: str
    name: str
    data_type: DataType
    value_num: float | None
    label: str | None
    rating: Literal[1, -1] | None
    comment: str | None
    correction: str | None
    source: Source
    source_id: str | None
    identifier: str | None
    environment: str | None
    config_id: str | None
    error: str | None
    trace_id: str | None
    span_id: str | None
    session_id: str | None
    message_id: str | None
    turn_index: int | None
    response_id: str | None
    model_id: str | None
    latency_ms: float | None
    agent_type: str | None
    user_id: str
    superseded_by: str | None
    value: Any
    metadata: Object
    author: str | None
    created_at: Time
    updated_at: Time
    turn: Binding


class ScoreOnTurn(Score):
    """A score with what it is about: messages as they were sent, or texts of a trace; or null."""

    question: Any
    answer: Any


class Tally(Struct):
    """What was counted; a boolean has the value 1 or 0."""

    count: int
    thumbs_up: int
    thumbs_down: int
    value_count: int
    value_sum: float


class ScoreStats(Struct):
    """One group in one window. `interval` is where the ratio lies, with 95 % confidence (Wilson).

    The deltas are against `before`, what the same group had in the window before.
    """

    window_start: Time
    window_end: Time
    agent_type: str | None
    total: int
    group: str | None
    count: int
    thumbs_up: int
    thumbs_down: int
    value_count: int
    value_sum: float
    ratio: float | None
    interval: list[float] | None
    mean: float | None
    count_delta: int
    ratio_delta: float | None
    before: Tally


class ExportedScore(Score):
    """A line of an export of records; `cursor` goes on after it."""

    cursor: str


class ExportedTurn(Score):
    """A line of an export of turns: the question and the answer as texts."""

    question: str | None
    answer: str | None
    cursor: str


class CalledFunction(Struct):
    """What a tool call calls; `arguments` is JSON text."""

    name: str
    arguments: str


class ChatCall(Struct):
    """A tool call."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class ChatMessage(Struct, omit_defaults=True):
    """A message as fine-tuning reads it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | UnsetType = UNSET
    tool_calls: list[ChatCall] | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET


class ChatLine(Struct):
    """A line of fine-tuning: a conversation whose last message is the answer to learn."""

    messages: list[ChatMessage]


class PreferenceLine(Struct):
    """A pair of preference: what was asked, the correction, and the answer it corrects."""

    prompt: list[ChatMessage]
    chosen: list[ChatMessage]
    rejected: list[ChatMessage]
