"""The filters that `traces list`, `tail` and `export` share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args

import typer

from commonhold.cli.filters import pair, words
from commonhold.cli.times import moment
from commonhold.errors import InvalidRequest
from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.otel import Operation
from commonhold.model.span_words import attribute_terms
from commonhold.model.trace import MOST, Sort, TraceQuery, Votes

_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s?(ms|s|m|h)")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def _filter(*names: str, told: str, **more: Any) -> Any:
    return typer.Option(*names, help=told, rich_help_panel="Which traces", **more)


def one_of(*allowed: str) -> Callable[[str], str]:
    """A parser of one of these words; of it, an error says what is allowed."""

    def read(text: str) -> str:
        if text not in allowed:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(allowed)}.")
        return text

    return read


def length(text: str) -> float:
    """Milliseconds out of `800ms`, `2s`, `1.5m` or `1h`.

    Raises:
        BadParameter: it is no length of time.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None or (milliseconds := float(found[1]) * _MS[found[2]]) >= MOST:
        raise typer.BadParameter(f"{text!r} is not one such as 800ms, 2s or 1.5m.")
    return milliseconds


def attribute(text: str) -> tuple[str, Any]:
    """The name and value of an attribute out of `KEY=VALUE`.

    Raises:
        BadParameter: it is none, or the value is too long to be found by.
    """
    name, value = pair(text)
    try:
        attribute_terms(opaque.dumps({name: value}))
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    return name, value


Session = Annotated[str | None, _filter("--session", told="Of this session.", metavar="ID")]
Agent = Annotated[
    str | None, _filter("--agent", told="This agent took part in it.", metavar="NAME")
]
User = Annotated[str | None, _filter("--user", told="Of this user.", metavar="NAME")]
Kind = Annotated[
    Any,
    _filter(
        "--kind",
        told=f"Has a span of this kind: {', '.join(each for each in get_args(Operation) if each)}.",
        metavar="KIND",
        parser=one_of(*(each for each in get_args(Operation) if each)),
    ),
]
Model = Annotated[str | None, _filter("--model", told="Has a call of this model.", metavar="NAME")]
Tool = Annotated[str | None, _filter("--tool", told="Has a call of this tool.", metavar="NAME")]
Environment = Annotated[
    str | None,
    _filter("--environment", told="Of this deployment environment.", metavar="NAME"),
]
Tag = Annotated[str | None, _filter("--tag", told="Has this tag.", metavar="TAG")]
Status = Annotated[
    Any,
    _filter("--status", told="Is ok, or error.", metavar="STATUS", parser=one_of("ok", "error")),
]
MinDuration = Annotated[
    Any,
    _filter(
        "--min-duration",
        told="Took so long or longer: 800ms, 2s, 1.5m.",
        metavar="LENGTH",
        parser=length,
    ),
]
MinCost = Annotated[
    float | None,
    _filter("--min-cost", told="Cost so many dollars or more.", metavar="USD", min=0, max=MOST - 1),
]
Feedback = Annotated[
    Any,
    _filter(
        "--feedback",
        told="Has a thumbs up, a thumbs down, or none: up, down or none.",
        metavar="VOTE",
        parser=one_of(*get_args(Votes)),
    ),
]
Attribute = Annotated[
    list[Any] | None,
    _filter(
        "--attribute",
        told="Has a span with this attribute; all of several are of one span.",
        metavar="KEY=VALUE",
        parser=attribute,
    ),
]
Since = Annotated[
    Any,
    _filter(
        "--since",
        told="Began at this time or later: RFC 3339, or how long ago: 30m, 2h, 7d.",
        metavar="TIME",
        parser=moment,
    ),
]
Until = Annotated[
    Any, _filter("--until", told="Began before this time.", metavar="TIME", parser=moment)
]
Words = Annotated[
    Any,
    _filter(
        "--query",
        "-q",
        told="Has a span with all these words in its name, input or output; `refund*` finds what"
        " begins so.",
        metavar="WORDS",
        parser=words,
    ),
]
Order = Annotated[
    Any,
    typer.Option(
        "--sort",
        help="Newest, longest or dearest first: time, duration or cost.",
        metavar="ORDER",
        parser=one_of(*get_args(Sort)),
        show_default=False,
    ),
]


def query(given: Mapping[str, Any]) -> TraceQuery:
    """What to ask for, out of the values of the options above; what a command lacks is not asked."""
    attributes = dict(given["attribute"] or ())
    return TraceQuery(
        session_id=given["session"],
        status=given["status"],
        since=_micros(given.get("since")),
        until=_micros(given.get("until")),
        agent=given["agent"],
        user=given["user"],
        kind=given["kind"],
        model=given["model"],
        tool=given["tool"],
        environment=given["environment"],
        tag=given["tag"],
        min_duration_ms=given["min_duration"],
        min_cost_usd=given["min_cost"],
        feedback=given["feedback"],
        attributes=opaque.dumps(attributes) if attributes else None,
        q=given["words"],
        sort=given.get("sort") or "time",
    )


def _micros(value: int | None) -> Micros | None:
    return None if value is None else Micros(value)
