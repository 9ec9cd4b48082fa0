"""The page at `/`: what runs here, whether it is ready, and how to send the first data."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from commonhold.contract.stores import Stores
from commonhold.errors import CommonholdError
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackQuery
from commonhold.model.session import SessionQuery
from commonhold.model.trace import TraceQuery
from commonhold.web import pages

PUBLIC_PAGE = "service.page"
"""The operation of these routes: what is on them is for everybody."""

PATIENCE_S = 2.0
"""How long the page waits for the database before it says so."""

_HOST = re.compile(r"[A-Za-z0-9.\-_]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


@dataclass(frozen=True, slots=True)
class Site:
    """What the page says about the service: `database` is its kind, `address` how it is reached."""

    version: str
    database: str
    auth: str
    address: str
    started_at: Micros
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Surface:
    """One of the three things kept here, and when the newest of them came."""

    name: str
    href: str
    latest: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether the service can serve, why not, and what it holds when it can."""

    reason: str | None
    surfaces: tuple[Surface, ...] = ()


def router(site: Site, stores: Stores) -> APIRouter:
    """The routes of the pages, over the stores they tell about."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=["GET", "HEAD"], name=PUBLIC_PAGE)
    async def home(request: Request) -> Response:
        condition = await _condition(stores, tells_all=site.auth == "none")
        return pages.render(
            "home.html",
            site=site,
            condition=condition,
            base=_base_url(request, site),
            up=elapsed(site.started_at, clock.now()),
        )

    routes.add_api_route("/static/{name}", pages.static, methods=["GET", "HEAD"], name=PUBLIC_PAGE)
    return routes


async def _condition(stores: Stores, *, tells_all: bool) -> Condition:
    """How the service is; without `tells_all`, nothing of what it holds, or of why it cannot serve."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await stores.check()
            return Condition(None, await _surfaces(stores) if tells_all else ())
    except TimeoutError:
        return Condition(f"The database did not answer within {PATIENCE_S:g} seconds.")
    except CommonholdError as error:
        return Condition(error.detail if tells_all else "The log of the service says why.")


async def _surfaces(stores: Stores) -> tuple[Surface, ...]:
    now = clock.now()
    sessions = await stores.sessions.list(SessionQuery(limit=1))
    traces = await stores.traces.list(TraceQuery(limit=1))
    votes = await stores.feedback.list(FeedbackQuery(limit=1))

    def surface(name: str, times: list[Micros]) -> Surface:
        return Surface(name, f"v1/{name.lower()}", elapsed(times[0], now) if times else None)

    return (
        surface("Sessions", [session.created_at for session in sessions.items]),
        surface("Traces", [trace.started_at for trace in traces.items]),
        surface("Feedback", [vote.created_at for vote in votes.items]),
    )


def elapsed(then: Micros, now: Micros) -> str:
    """The distance between two times in words, in its largest unit."""
    seconds = max(1, (now - then) // 1_000_000)
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    count, unit = next((seconds // width, unit) for width, unit in units if seconds >= width)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _base_url(request: Request, site: Site) -> str:
    """The address the reader used, since a copied line must work for them.

    It goes into lines that people paste into a shell: a Host header that is no host is not shown.
    """
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        return site.address
    root = str(request.scope.get("root_path", ""))
    prefix = root.rstrip("/") if re.fullmatch(r"[A-Za-z0-9/._\-]*", root) else ""
    return f"{request.url.scheme}://{host}{prefix}"
