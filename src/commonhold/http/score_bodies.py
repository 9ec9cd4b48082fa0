"""The bodies of scores, and how a value of any form becomes one of its data type."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from commonhold.errors import FieldError, InvalidRequest
from commonhold.http.bodies import (
    Key,
    LongText,
    Milliseconds,
    ModelName,
    Name,
    ObjectOrNull,
    TurnIndex,
    described,
)
from commonhold.http.decode import given, object_of, text_of, whole
from commonhold.http.params import NO_NUL
from commonhold.model import ids
from commonhold.model.opaque import JsonText, trim
from commonhold.model.score import DATA_TYPES, MOST_VALUE, SOURCES, THUMBS, NewScore, ScorePatch

DataType = Annotated[str, described(enum=list(DATA_TYPES))]
Source = Annotated[str, described(enum=list(SOURCES))]
Json = Annotated[Raw, described()]
ScoreName = Annotated[str, described(pattern=NO_NUL, minLength=1, maxLength=ids.MAX_ID)]
Number = Annotated[float, described(minimum=-MOST_VALUE, maximum=MOST_VALUE)]

_KINDS = {bool: "boolean", int: "numeric", float: "numeric", str: "categorical"}
_TEXTS = {"categorical": "label", "text": "comment", "correction": "correction"}
_decode = msgspec.json.Decoder().decode


class NewScoreBody(Struct):
    """What is thought of an answer: a `value`, and what it is about.

    Without `data_type` a value tells it: true or false is boolean, a number numeric, a text
    categorical, anything else JSON; no value and a correction is a correction, a comment a text.
    """

    name: ScoreName | None = None
    data_type: DataType | None = None
    value: Json | UnsetType = UNSET
    value_num: Number | None = None
    value_json: Json | UnsetType = UNSET
    label: Name | None = None
    comment: LongText | None = None
    correction: LongText | None = None
    source: Source | None = None
    source_id: Name | None = None
    identifier: Name | None = None
    metadata: ObjectOrNull | UnsetType = UNSET
    environment: Name | None = None
    config_id: Name | None = None
    error: LongText | None = None
    trace_id: Key | None = None
    span_id: Key | None = None
    session_id: Key | None = None
    message_id: Key | None = None
    turn_index: TurnIndex | None = None
    response_id: Key | None = None
    model_id: ModelName | None = None
    latency_ms: Milliseconds | None = None
    agent_type: Name | None = None
    score_id: Key | None = None


class ScorePatchBody(Struct):
    """What to change; null leaves a field as it is, an empty text clears it."""

    value: Json | UnsetType = UNSET
    value_num: Number | None = None
    value_json: Json | UnsetType = UNSET
    label: Name | None = None
    comment: LongText | None = None
    correction: LongText | None = None
    metadata: ObjectOrNull | UnsetType = UNSET


_ALIKE = (
    *("label", "comment", "correction", "source_id", "identifier", "environment", "config_id"),
    *("error", "trace_id", "span_id", "session_id", "message_id", "response_id", "model_id"),
    *("latency_ms", "agent_type", "score_id", "value_num"),
)


def new_score(body: NewScoreBody) -> NewScore:
    """The score that a body asks for.

    Raises:
        InvalidRequest: naming the field that is wrong.
    """
    fields: dict[str, Any] = {name: getattr(body, name) for name in _ALIKE}
    value, told = _read(body.value)
    fields["value_json"] = _read(body.value_json)[1]
    kind = body.data_type or _kind_of(body, value)
    _put(fields, kind, value, told)
    return NewScore(
        name=THUMBS if body.name is None else body.name,
        data_type=kind,  # type: ignore[arg-type]
        source=body.source or "human",  # type: ignore[arg-type]
        metadata=object_of(body.metadata, "metadata"),
        turn_index=whole(body.turn_index, "turn_index"),
        **fields,
    )


def score_patch(body: ScorePatchBody, data_type: str) -> ScorePatch:
    """The change that a body asks for, of a score of that data type.

    Raises:
        InvalidRequest: naming the field that is wrong.
    """
    fields: dict[str, Any] = {
        name: getattr(body, name) for name in ("value_num", "label", "comment", "correction")
    }
    value, told = _read(body.value)
    fields["value_json"] = _read(body.value_json)[1]
    _put(fields, data_type, value, told)
    is_given = given(body.metadata) is not None
    return ScorePatch(metadata=object_of(body.metadata, "metadata") if is_given else None, **fields)


def _read(raw: Raw | UnsetType) -> tuple[Any, JsonText | None]:
    """A value and its text; null is none."""
    sent = given(raw)
    if sent is None:
        return None, None
    told = trim(text_of(sent, "value"))
    try:
        return _decode(told), told
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise _bad(f"is not acceptable JSON: {reason}") from None


def _kind_of(body: NewScoreBody, value: Any) -> str:
    if value is not None:
        return _KINDS.get(type(value), "json")
    if body.value_num is not None:
        return "numeric"
    if body.label is not None:
        return "categorical"
    return "correction" if body.correction else "text" if body.comment else "boolean"


def _put(fields: dict[str, Any], kind: str, value: Any, told: JsonText | None) -> None:
    """Put a value where its data type has it."""
    if told is None:
        return
    if kind == "json":
        fields["value_json"] = told
    elif kind in _TEXTS:
        fields[_TEXTS[kind]] = _checked(value, str, "a text", kind)
    elif kind == "boolean":
        is_fit = isinstance(value, bool) or value in (0, 1)
        fields["value_num"] = float(_checked(value if is_fit else None, int, "true or false", kind))
    else:
        is_fit = not isinstance(value, bool) and isinstance(value, int | float)
        fields["value_num"] = _number(_checked(value if is_fit else None, object, "a number", kind))


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")  # which the model refuses, in its words


def _checked(value: Any, kind: type, what: str, data_type: str) -> Any:
    if value is None or not isinstance(value, kind | float if kind is int else kind):
        raise _bad(f"must be {what} where data_type is {data_type}")
    return value


def _bad(rule: str) -> InvalidRequest:
    return InvalidRequest(f"value {rule}.", errors=[FieldError(("value",), rule)])
