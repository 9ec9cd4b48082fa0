"""The filters that `feedback list`, `stats` and `export` share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from commonhold.cli.filters import words
from commonhold.cli.times import moment
from commonhold.cli.trace_filters import one_of
from commonhold.model.clock import Micros
from commonhold.model.score import DATA_TYPES, SOURCES, ScoreQuery
from commonhold.model.score_stats import DIMENSIONS

_RATINGS = {"up": 1, "down": -1}


def _filter(*names: str, told: str, **more: Any) -> Any:
    return typer.Option(*names, help=told, rich_help_panel="Which feedback", **more)


def value(text: str) -> float:
    """A number out of an option.

    Raises:
        BadParameter: it is none, or not finite.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{text!r} is not a number.")
    return number


Rating = Annotated[
    Any,
    _filter("--rating", told="Thumbs up, or down.", metavar="up|down", parser=one_of(*_RATINGS)),
]
Name = Annotated[
    str | None, _filter("--name", told="Of this name; thumbs are user_feedback.", metavar="NAME")
]
DataType = Annotated[
    Any,
    _filter(
        "--data-type",
        told=f"Of this type: {', '.join(DATA_TYPES)}.",
        metavar="TYPE",
        parser=one_of(*DATA_TYPES),
    ),
]
MinValue = Annotated[
    Any,
    _filter("--min-value", told="Of this value or more.", metavar="N", parser=value),
]
MaxValue = Annotated[
    Any,
    _filter("--max-value", told="Of this value or less.", metavar="N", parser=value),
]
Label = Annotated[str | None, _filter("--label", told="With this label.", metavar="LABEL")]
Source = Annotated[
    Any,
    _filter(
        "--source",
        told=f"Given by a {', '.join(SOURCES[:-1])} or {SOURCES[-1]}.",
        metavar="SOURCE",
        parser=one_of(*SOURCES),
    ),
]
Agent = Annotated[str | None, _filter("--agent", told="On answers of this agent.", metavar="NAME")]
AgentType = Annotated[
    str | None, _filter("--agent-type", told="On this type of agent.", metavar="TYPE")
]
Model = Annotated[str | None, _filter("--model", told="On answers of this model.", metavar="NAME")]
Session = Annotated[str | None, _filter("--session", told="On this session.", metavar="ID")]
Trace = Annotated[
    str | None,
    _filter("--trace", told="On this trace, in any spelling of its id.", metavar="ID"),
]
User = Annotated[str | None, _filter("--user", told="Of this user.", metavar="NAME")]
HasComment = Annotated[
    bool | None, _filter("--comment/--no-comment", told="With a comment, or without.")
]
HasCorrection = Annotated[
    bool | None, _filter("--correction/--no-correction", told="With a correction, or without.")
]
Since = Annotated[
    Any,
    _filter(
        "--since",
        told="Given at this time or later: RFC 3339, or how long ago: 30m, 2h, 7d.",
        metavar="TIME",
        parser=moment,
    ),
]
Until = Annotated[
    Any, _filter("--until", told="Given before this time.", metavar="TIME", parser=moment)
]
Words = Annotated[
    Any,
    _filter(
        "--query",
        "-q",
        told="Has all these words in comment and correction; `refund*` finds what begins so.",
        metavar="WORDS",
        parser=words,
    ),
]


def query(given: Mapping[str, Any]) -> ScoreQuery:
    """What to ask for, out of the values of the options above."""
    return ScoreQuery(
        rating=_RATINGS.get(given["rating"] or ""),
        name=given["name"],
        data_type=given["data_type"],
        min_value=given["min_value"],
        max_value=given["max_value"],
        label=given["label"],
        source=given["source"],
        agent=given["agent"],
        agent_type=given["agent_type"],
        model=given["model"],
        session_id=given["session"],
        trace_id=given["trace"],
        user_id=given["user"],
        has_comment=given["comment"],
        has_correction=given["correction"],
        q=given["words"],
        since=_micros(given["since"]),
        until=_micros(given["until"]),
    )


def counted_by(asked: ScoreQuery) -> dict[str, str] | None:
    """The filters as dimensions of the counts; None where counts cannot tell so much."""
    other = ("data_type", "min_value", "max_value", "session_id", "trace_id", "user_id")
    given = (getattr(asked, name) for name in (*other, "has_comment", "has_correction", "q"))
    if any(value is not None for value in given):
        return None
    dimensions = {name: getattr(asked, name) for name in DIMENSIONS}
    return {name: value for name, value in dimensions.items() if value is not None}


def _micros(value: int | None) -> Micros | None:
    return None if value is None else Micros(value)
