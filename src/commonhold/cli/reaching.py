"""Where the commands look for sessions and traces: any place `connect` can reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Annotated, Any

import typer

from commonhold import compose
from commonhold.connect import Connection, connect
from commonhold.contract.erasures import Erasures, KeepsErasures
from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Stores
from commonhold.contract.traces import Traces
from commonhold.contract.webhooks import KeepsWebhooks, Webhooks
from commonhold.errors import InvalidRequest, NotFound, Unavailable, Unsupported
from commonhold.settings import ClientSettings, Settings

HERE = f"http://127.0.0.1:{Settings().port}"
"""The service of this machine, as `commonhold serve` starts it."""

_DATABASES = ("sqlite:", "postgresql:", "postgres:")


def _url(what: str) -> Any:
    return typer.Option(
        "--url",
        metavar="URL",
        help=f"Where the {what} are: the http(s) URL of a service, sqlite:///file.db, or"
        f" postgresql://host/name.\n\n[dim]COMMONHOLD_URL, default {HERE}[/dim]",
        rich_help_panel="Where",
        show_default=False,
    )


Url = Annotated[str | None, _url("sessions")]
TracesUrl = Annotated[str | None, _url("traces")]
FeedbackUrl = Annotated[str | None, _url("records")]
WebhooksUrl = Annotated[str | None, _url("webhooks")]
ErasuresUrl = Annotated[str | None, _url("sessions, traces and feedback of the user")]


def place(url: str | None) -> str:
    """Where sessions are: the URL given, else that of the environment, else this machine's."""
    known = ClientSettings.from_env()
    return url or known.sessions_url or known.url or HERE


def trace_place(url: str | None) -> str:
    """Where traces are, likewise."""
    known = ClientSettings.from_env()
    return url or known.traces_url or known.url or HERE


def feedback_place(url: str | None) -> str:
    """Where feedback is, likewise."""
    known = ClientSettings.from_env()
    return url or known.feedback_url or known.url or HERE


@asynccontextmanager
async def sessions_at(url: str | None) -> AsyncIterator[Sessions]:
    """The sessions there; closed at the end.

    Raises:
        BadParameter: it is no URL of a place.
        NotFound: it is a file that does not exist: looking makes none.
        Unavailable: nothing answers, and what to do about it.
    """
    where = place(url)
    async with _opened(where, lambda: connect(where), "sessions") as stores:
        yield stores.sessions


@asynccontextmanager
async def traces_at(url: str | None) -> AsyncIterator[Traces]:
    """The traces there; closed at the end. What is raised is the same."""
    where = trace_place(url)
    # Traces only: a collector, which keeps nothing else, says itself that it gives nothing back.
    async with _opened(where, lambda: connect("null:", traces=where), "traces") as stores:
        yield stores.traces


@asynccontextmanager
async def feedback_at(url: str | None) -> AsyncIterator[Stores]:
    """The feedback there, and the sessions it is about; closed at the end."""
    where, talks = feedback_place(url), place(url)
    # No traces: they may be at a collector, which is none of its business.
    opened = partial(connect, sessions=talks, traces="null:", feedback=where)
    async with _opened(where, opened, "records") as stores:
        yield stores


@asynccontextmanager
async def webhooks_at(url: str | None) -> AsyncIterator[Webhooks]:
    """The webhooks there, beside the feedback. What is raised is the same.

    Raises:
        Unsupported: no webhooks are kept there.
    """
    where = feedback_place(url)
    async with _opened(where, lambda: connect("null:", feedback=where), "webhooks") as stores:
        backend = stores.backends[stores.owners[2]]
        if not isinstance(backend, KeepsWebhooks):
            raise Unsupported("No webhooks are kept there: name a service or a database.")
        yield backend.webhooks


def places(url: str | None) -> tuple[str, ...]:
    """Where anything is, each once."""
    return tuple(dict.fromkeys((place(url), trace_place(url), feedback_place(url))))


def is_database(where: str) -> bool:
    """Whether a place is a database, with no service before it."""
    return where.startswith(_DATABASES)


@asynccontextmanager
async def erasures_at(where: str, tenant: str | None = None) -> AsyncIterator[Erasures]:
    """The erasures at a place, whatever else is there. What is raised is the same.

    A database may have several tenants, and then `tenant` is one of them.

    Raises:
        Unsupported: nothing is kept there that could be erased.
        SchemaOutdated: it is a database that has no place for them yet.
    """
    if where.startswith("otlp+"):
        raise Unsupported("Traces go to a collector: what it keeps of them is erased there.")
    if is_database(where):
        with _misused():
            _require_file(where, "sessions")
        tenancy = "required" if tenant else Settings.load().tenancy
        settings = Settings(database=where, tenancy=tenancy)
        caller = await compose.caller_of(settings, tenant)
        async with compose.open_erasures(settings, caller) as erasures:
            yield erasures
        return
    if tenant:
        raise typer.BadParameter("--tenant is for a database: at a service the key says whose.")
    async with _opened(where, lambda: connect(where), "sessions") as stores:
        backend = stores.backends[stores.owners[0]]
        if not isinstance(backend, KeepsErasures):
            raise Unsupported("Nothing is kept there: name a service or a database.")
        yield backend.erasures


@asynccontextmanager
async def _opened(where: str, open_: Callable[[], Connection], what: str) -> AsyncIterator[Stores]:
    with _misused():
        connection = open_()
        _require_file(where, what)
    try:
        async with connection as stores:
            yield stores
    except Unavailable as error:
        if not error.detail.startswith("Cannot reach http"):
            raise
        raise Unavailable(
            f"{error.detail} Start a service with `commonhold serve`, or name another place with"
            " --url."
        ) from error


@contextmanager
def _misused() -> Iterator[None]:
    """A URL of no place is a mistake of whoever typed it."""
    try:
        yield
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None


def _require_file(where: str, what: str) -> None:
    path = compose.sqlite_file(Settings(database=where))
    if path is not None and not path.exists():
        raise NotFound(f"{path} does not exist, so there are no {what} in it.")
