"""The filters that `sessions list` and `sessions export` share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer

from commonhold.cli.times import moment
from commonhold.errors import InvalidRequest
from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.labels import labels_asked
from commonhold.model.session import SessionQuery, check_status
from commonhold.model.words import search_terms


def _filter(*names: str, told: str, **more: Any) -> Any:
    return typer.Option(*names, help=told, rich_help_panel="Which sessions", **more)


def pair(text: str) -> tuple[str, Any]:
    """The name and value out of `KEY=VALUE`; a number, true or false is one.

    Raises:
        BadParameter: there is no name, or no value.
    """
    name, equals, given = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE.")
    value: Any = given
    with suppress(InvalidRequest):
        read = opaque.loads(given)
        value = read if isinstance(read, int | float) else given
    return name, value


def label(text: str) -> tuple[str, Any]:
    """The name and value of a label.

    Raises:
        BadParameter: it is none, or too long for one.
    """
    name, value = pair(text)
    try:
        labels_asked(opaque.dumps({name: value}))
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    return name, value


def status(text: str) -> str:
    """A status.

    Raises:
        BadParameter: it is none.
    """
    try:
        check_status(text)
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    return text


def words(text: str) -> str:
    """A search.

    Raises:
        BadParameter: there is no word in it, or there are too many.
    """
    try:
        search_terms(text)
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    return text


Agent = Annotated[str | None, _filter("--agent", told="Created by this agent.", metavar="NAME")]
Participant = Annotated[
    str | None, _filter("--participant", told="This agent wrote in it.", metavar="NAME")
]
User = Annotated[str | None, _filter("--user", told="Of this user.", metavar="NAME")]
Holder = Annotated[str | None, _filter("--holder", told="With this agent now.", metavar="NAME")]
State = Annotated[
    Any,
    _filter(
        "--status",
        told="In this state now: running, waiting or idle.",
        metavar="STATUS",
        parser=status,
    ),
]
Parent = Annotated[str | None, _filter("--parent", told="Forked from this session.", metavar="ID")]
Metadata = Annotated[
    list[Any] | None,
    _filter(
        "--metadata",
        told="Has this value in its metadata; may be repeated.",
        metavar="KEY=VALUE",
        parser=label,
    ),
]
Since = Annotated[
    Any,
    _filter(
        "--since",
        told="Created at this time or later: RFC 3339, or how long ago: 30m, 2h, 7d.",
        metavar="TIME",
        parser=moment,
    ),
]
Until = Annotated[
    Any, _filter("--until", told="Created before this time.", metavar="TIME", parser=moment)
]
Words = Annotated[
    Any,
    _filter(
        "--query",
        "-q",
        told="Has all these words in a message or its title; `refund*` finds what begins so.",
        metavar="WORDS",
        parser=words,
    ),
]


def query(given: Mapping[str, Any]) -> SessionQuery:
    """What to ask for, out of the values of the options above."""
    labels = dict(given["metadata"] or ())
    return SessionQuery(
        agent=given["agent"],
        user=given["user"],
        parent=given["parent"],
        since=_micros(given["since"]),
        until=_micros(given["until"]),
        participant=given["participant"],
        holder=given["holder"],
        status=given["status"],
        metadata=opaque.dumps(labels) if labels else None,
        q=given["words"],
    )


def _micros(value: int | None) -> Micros | None:
    return None if value is None else Micros(value)
