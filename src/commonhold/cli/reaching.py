"""Where the `sessions` commands look: any place `connect` can reach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from commonhold import compose
from commonhold.connect import connect
from commonhold.contract.sessions import Sessions
from commonhold.errors import InvalidRequest, NotFound, Unavailable
from commonhold.settings import ClientSettings, Settings

HERE = f"http://127.0.0.1:{Settings().port}"
"""The service of this machine, as `commonhold serve` starts it."""

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Where the sessions are: the http(s) URL of a service, sqlite:///file.db, or"
        f" postgresql://host/name.\n\n[dim]COMMONHOLD_URL, default {HERE}[/dim]",
        rich_help_panel="Where",
        show_default=False,
    ),
]


def place(url: str | None) -> str:
    """The URL that is meant: the one given, else that of the environment, else this machine's."""
    known = ClientSettings.from_env()
    return url or known.sessions_url or known.url or HERE


@asynccontextmanager
async def sessions_at(url: str | None) -> AsyncIterator[Sessions]:
    """The sessions there; closed at the end.

    Raises:
        BadParameter: it is no URL of a place.
        NotFound: it is a file that does not exist: looking makes none.
        Unavailable: nothing answers, and what to do about it.
    """
    where = place(url)
    try:
        connection = connect(where)
        _require_file(where)
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    try:
        async with connection as stores:
            yield stores.sessions
    except Unavailable as error:
        if not error.detail.startswith("Cannot reach http"):
            raise
        raise Unavailable(
            f"{error.detail} Start a service with `commonhold serve`, or name another place with"
            " --url."
        ) from error


def _require_file(where: str) -> None:
    path = compose.sqlite_file(Settings(database=where))
    if path is not None and not path.exists():
        raise NotFound(f"{path} does not exist, so there are no sessions in it.")
