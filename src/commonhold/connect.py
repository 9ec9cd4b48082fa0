"""Topology is a URL: `connect` turns one, or one per surface, into stores."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType

from commonhold.contract.stores import Backend, Stores
from commonhold.errors import InvalidRequest, Unsupported
from commonhold.model.ids import check_agent
from commonhold.model.scope import Author, Scope
from commonhold.settings import ClientSettings

SCHEMES = ("null", "sqlite", "postgresql", "postgres", "http", "https")
COLLECTORS = ("otlp+http", "otlp+https")

_SURFACES = ("sessions", "traces", "feedback")
_ALLOWED = (
    "null:, sqlite:///file.db, postgresql://host/name, http://host and https://host, and "
    "otlp+http://host:4318 for traces only"
)


class Connection:
    """What `connect` returns: await it, or enter it with `async with`.

    Awaited, it opens the stores, which are yours to close; entered, it closes them at the end.
    """

    def __init__(self, urls: tuple[str, str, str], *, agent: str | None, token: str | None) -> None:
        self._urls = urls
        self._agent = agent
        self._token = token
        self._entered: list[Stores] = []

    def __await__(self) -> Generator[object, None, Stores]:
        return self._open().__await__()

    async def __aenter__(self) -> Stores:
        stores = await self._open()
        self._entered.append(stores)
        return stores

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._entered.pop().aclose()

    async def _open(self) -> Stores:
        backends: dict[str, Backend] = {}
        async with AsyncExitStack() as opened:
            for url in dict.fromkeys(self._urls):
                backends[url] = await _open_backend(url, self._agent, self._token)
                opened.push_async_callback(backends[url].aclose)
            opened.pop_all()
        return Stores.over(*(backends[url] for url in self._urls))


def connect(
    url: str | None = None,
    *,
    sessions: str | None = None,
    traces: str | None = None,
    feedback: str | None = None,
    agent: str | None = None,
    token: str | None = None,
    settings: ClientSettings | None = None,
) -> Connection:
    """Connect to where sessions, traces and feedback are kept.

    `url` is for every surface that has no URL of its own: `null:`, `sqlite:///file.db` (four
    slashes for an absolute path), `postgresql://...`, or the `http(s)://` URL of a service.
    `traces` may also be an OpenTelemetry collector, `otlp+http://host:4318`. What is not given
    comes from the environment, `COMMONHOLD_URL` and its kin. `agent` is who writes, `token` the
    credential for a service; a collector never gets it.

        async with commonhold.connect("sqlite:///agent.db") as stores: ...
        stores = await commonhold.connect()

    Raises:
        InvalidRequest: no URL is given for a surface, or one that cannot be used.
        Unsupported: what the URL needs is not installed (when awaited).
        Unavailable: the database cannot be opened (when awaited).
    """
    known = settings or ClientSettings.from_env()
    given = (sessions or url, traces or url, feedback or url)
    outside = (known.sessions_url, known.traces_url, known.feedback_url)
    urls = [one or other or known.url for one, other in zip(given, outside, strict=True)]
    author = agent or known.agent
    if author:
        check_agent(author)
    return Connection(_complete(urls), agent=author, token=token or known.token)


def _complete(urls: Sequence[str | None]) -> tuple[str, str, str]:
    lacking = [surface for surface, url in zip(_SURFACES, urls, strict=True) if not url]
    if lacking:
        variables = ", ".join(f"COMMONHOLD_{surface.upper()}_URL" for surface in lacking)
        raise InvalidRequest(
            f"No URL says where to keep {' and '.join(lacking)}. Pass one to connect(), or set "
            f"COMMONHOLD_URL (or {variables}). Allowed are {_ALLOWED}."
        )
    sessions, traces, feedback = (
        _check(url, surface) for surface, url in zip(_SURFACES, urls, strict=True) if url
    )
    return sessions, traces, feedback


def _check(url: str, surface: str) -> str:
    """The URL, its scheme in lower case.

    A message about it repeats no more than the scheme, which holds no secret.
    """
    url = url.strip()
    if _scheme(url) in COLLECTORS and surface != "traces":
        raise InvalidRequest(
            f"A collector takes traces only: give {surface} another URL. Allowed are {_ALLOWED}."
        )
    if _scheme(url) in (*SCHEMES, *COLLECTORS):
        return f"{_scheme(url)}:{url.partition(':')[2]}"
    raise InvalidRequest(
        f"{_scheme(url) or 'A text without a scheme'} is not a place Commonhold can keep anything: "
        f"allowed are {_ALLOWED}."
    )


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition(":")
    return scheme.lower() if colon else ""


async def _open_backend(url: str, agent: str | None, token: str | None) -> Backend:
    """Imports by scheme, so that a client loads no database driver and a database no HTTP."""
    scheme = _scheme(url)
    if scheme in ("http", "https"):
        from commonhold.client import open_backend

        return open_backend(url, agent=agent, token=token)
    if scheme in COLLECTORS:
        from commonhold.client.otlp import open_collector

        return open_collector(url, agent=agent)
    if scheme == "null":
        from commonhold.client.null import NullBackend

        backend: Backend = NullBackend()
    else:
        backend = await _open_sql(url)
    return backend if agent is None else backend.bind(_own(agent))


async def _open_sql(url: str) -> Backend:
    try:
        from commonhold.sql import open_backend

        return await open_backend(url)
    except ModuleNotFoundError as error:
        raise Unsupported(
            f"{_scheme(url)}:// needs {error.name}, which is not installed. "
            "Run: pip install 'commonhold[postgres]'"
        ) from error


def _own(agent: str) -> Scope:
    """In process nobody stands between the agent and its store: it writes as itself."""
    return Scope(author=Author(agent=agent, actor=f"agent:{agent}", delegation="self"))
