"""Scores: what a person, a model or a program thinks of an answer, in any form.

A thumb is a score too: boolean, named `user_feedback`. It is listed under both names with one id.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids, opaque
from commonhold.model.binding import UNBOUND, Binding
from commonhold.model.clock import Micros
from commonhold.model.feedback import (
    ANONYMOUS,
    MAX_INT,
    MAX_TEXT,
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    NewFeedback,
)
from commonhold.model.opaque import EMPTY_OBJECT, JsonText

DataType = Literal["boolean", "numeric", "categorical", "text", "correction", "json"]
Source = Literal["human", "llm", "code"]
DATA_TYPES: tuple[DataType, ...] = get_args(DataType)
SOURCES: tuple[Source, ...] = get_args(Source)

THUMBS = "user_feedback"
"""The name of a score that is a thumb when it is boolean, and of one that was given none."""

MOST_VALUE = 1e12
"""Values are from -10^12 to 10^12: their sums are kept exactly, to a billionth."""

MAX_SCORES = 1000
"""Scores of one write."""

_TAKEN = ("stats", "export", "tokens")
"""No ids: `/v1/scores/stats` is another route, and so are these of feedback."""

_TARGETS = ("trace_id", "span_id", "session_id", "message_id", "response_id")
_NAMES = ("name", "label", "identifier", "source_id", "environment", "config_id", "agent_type")


@dataclass(frozen=True, slots=True)
class NewScore:
    """A score to be kept, what it is about, and who or what gave it.

    `value_num` is 1 or 0 where `data_type` is boolean. A `text` says what it says in `comment`.
    `metadata` is a JSON object and `value_json` any JSON, both as text. With a `score_id` of its
    own a score can be sent again and is kept once; with an `identifier` it replaces what its
    author gave under the same name and identifier to the same target.
    """

    name: str = THUMBS
    data_type: DataType = "boolean"
    value_num: float | None = None
    label: str | None = None
    value_json: JsonText | None = None
    comment: str | None = None
    correction: str | None = None
    source: Source = "human"
    source_id: str | None = None
    identifier: str | None = None
    metadata: JsonText = EMPTY_OBJECT
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
    score_id: str | None = None

    def __post_init__(self) -> None:
        _check_choice("data_type", self.data_type, DATA_TYPES)
        _check_choice("source", self.source, SOURCES)
        _check_texts(self)
        _check_target(self)
        opaque.check_object(self.metadata, "metadata")
        if self.latency_ms is not None and not 0 <= self.latency_ms < math.inf:
            raise _bad("latency_ms", "must be 0 or more")
        check_value(self)

    @property
    def rating(self) -> int | None:
        """1 or -1 where the score is a thumb."""
        return rating_of(self.name, self.data_type, self.value_num)


@dataclass(frozen=True, slots=True)
class ScorePatch:
    """What to change; None leaves a field as it is, an empty string clears a text."""

    value_num: float | None = None
    label: str | None = None
    value_json: JsonText | None = None
    comment: str | None = None
    correction: str | None = None
    metadata: JsonText | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to change."""
        return all(getattr(self, name) is None for name in self.__slots__)

    @classmethod
    def of_thumb(cls, patch: FeedbackPatch) -> ScorePatch:
        """The change of a thumb."""
        value = None if patch.rating is None else _value_of(patch.rating)
        return cls(value_num=value, comment=patch.comment, correction=patch.correction)


@dataclass(frozen=True, slots=True)
class Score:
    """A stored score. `author` is the agent that brought it, by its credential.

    `superseded_by` names the later score of the same user for the same turn that took its place.
    `question` and `answer` are there only where a list was asked for them: messages as they were
    sent, or the input and output of a trace as JSON strings.
    """

    score_id: str
    name: str
    data_type: DataType
    created_at: Micros
    updated_at: Micros
    value_num: float | None = None
    label: str | None = None
    value_json: JsonText | None = None
    rating: int | None = None
    comment: str | None = None
    correction: str | None = None
    source: Source = "human"
    source_id: str | None = None
    identifier: str | None = None
    metadata: JsonText = EMPTY_OBJECT
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
    user_id: str = ANONYMOUS
    author: str = ""
    superseded_by: str | None = None
    turn: Binding = UNBOUND
    question: JsonText | None = None
    answer: JsonText | None = None


@dataclass(frozen=True, slots=True)
class ScoreQuery(FeedbackQuery):
    """Filters of a list of scores, newest first. Values are from `min_value` to `max_value`."""

    name: str | None = None
    data_type: str | None = None
    min_value: float | None = None
    max_value: float | None = None

    def __post_init__(self) -> None:
        FeedbackQuery.__post_init__(self)
        if self.data_type is not None:
            _check_choice("data_type", self.data_type, DATA_TYPES)
        for name in ("min_value", "max_value"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise _bad(name, "must be a finite number")


def score_of(new: NewFeedback) -> NewScore:
    """A thumb as the score that it is."""
    return NewScore(
        value_num=_value_of(new.rating),
        trace_id=new.trace_id,
        session_id=new.session_id,
        comment=new.comment,
        correction=new.correction,
        model_id=new.model_id,
        latency_ms=new.latency_ms,
        turn_index=new.turn_index,
        agent_type=new.agent_type,
    )


def thumb_of(score: Score) -> Feedback:
    """A score as the thumb that it is: only one that has a rating is."""
    return Feedback(
        feedback_id=score.score_id,
        rating=score.rating or 0,
        created_at=score.created_at,
        updated_at=score.updated_at,
        trace_id=score.trace_id,
        session_id=score.session_id,
        comment=score.comment,
        correction=score.correction,
        model_id=score.model_id,
        latency_ms=score.latency_ms,
        turn_index=score.turn_index,
        agent_type=score.agent_type,
        user_id=score.user_id,
        agent=score.author,
        turn=score.turn,
        question=score.question,
        answer=score.answer,
    )


def rating_of(name: str, data_type: str, value: float | None) -> int | None:
    """1 or -1 of a boolean named `user_feedback`; None of anything else."""
    if name != THUMBS or data_type != "boolean" or value is None:
        return None
    return 1 if value else -1


def changed(score: Score, patch: ScorePatch) -> Score:
    """A score with a patch applied to it, checked like a new one.

    Raises:
        InvalidRequest: the result would not fit its data type.
    """
    given = {name: getattr(patch, name) for name in patch.__slots__}
    told = replace(score, **{name: value for name, value in given.items() if value is not None})
    for name in ("comment", "correction"):
        check_text(name, getattr(told, name))
    check_text("label", told.label, ids.MAX_ID)
    opaque.check_object(told.metadata, "metadata")
    check_value(told)
    return replace(told, rating=rating_of(told.name, told.data_type, told.value_num))


def check_value(score: NewScore | Score) -> None:
    """Check that the value fits the data type.

    Raises:
        InvalidRequest: naming the field that is wrong or missing, and what is allowed.
    """
    value = score.value_num
    if value is not None and not -MOST_VALUE <= value <= MOST_VALUE:
        raise _bad("value_num", f"must be a finite number from {-MOST_VALUE:.0f} to 10^12")
    if score.value_json is not None:
        opaque.loads(score.value_json, "value_json")
    field, is_there, rule = _NEEDS[score.data_type]
    if not is_there(score):
        raise _bad(field, f"{rule} where data_type is {score.data_type}")
    if score.value_json is not None and score.data_type != "json":
        raise _bad("value_json", "can be given only where data_type is json")


_Needs = tuple[str, Callable[["NewScore | Score"], bool], str]

_NEEDS: Mapping[str, _Needs] = {
    "boolean": ("value_num", lambda score: score.value_num in (0, 1), "must be 1 or 0"),
    "numeric": ("value_num", lambda score: score.value_num is not None, "must be a number"),
    "categorical": ("label", lambda score: bool(score.label), "must be a text"),
    "text": ("comment", lambda score: bool(score.comment), "must be a text"),
    "correction": ("correction", lambda score: bool(score.correction), "must be a text"),
    "json": ("value_json", lambda score: score.value_json is not None, "must be JSON"),
}


def check_count(new: Sequence[NewScore]) -> None:
    """Check that there are not too many scores for one write.

    Raises:
        InvalidRequest: there are.
    """
    if len(new) > MAX_SCORES:
        rule = f"must be at most {MAX_SCORES} in one request"
        raise InvalidRequest(f"Scores {rule}.", errors=[FieldError(("body",), rule)])


def check_text(name: str, value: str | None, limit: int = MAX_TEXT) -> None:
    """Check the length of a text.

    Raises:
        InvalidRequest: naming the field.
    """
    if value is not None and len(value) > limit:
        raise _bad(name, f"must be at most {limit} characters")


def _check_texts(new: NewScore) -> None:
    if not new.name:
        raise _bad("name", f"must be 1 to {ids.MAX_ID} characters")
    for name in _NAMES:
        check_text(name, getattr(new, name), ids.MAX_ID)
    check_text("model_id", new.model_id, ids.MAX_ID * 2)
    for name in ("comment", "correction", "error"):
        check_text(name, getattr(new, name))


def _check_target(new: NewScore) -> None:
    for name in (*_TARGETS, "score_id"):
        value = getattr(new, name)
        if value is not None:
            ids.check_key(value, name)
    if new.score_id in _TAKEN:
        raise _bad("score_id", f"must not be {new.score_id}, which is another route")
    if new.turn_index is not None and not 0 <= new.turn_index <= MAX_INT:
        raise _bad("turn_index", f"must be from 0 to {MAX_INT}")
    if new.message_id is not None and new.session_id is None and new.trace_id is None:
        raise _bad("session_id", "must be given with message_id, which names a message of it")
    if new.span_id is not None and new.trace_id is None:
        raise _bad("trace_id", "must be given with span_id, which names a span of it")


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise _bad(name, f"must be one of {', '.join(allowed)}")


def _value_of(rating: int) -> float:
    return 1.0 if rating == 1 else 0.0


def _bad(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])
