"""The composition root: stores over a database, and the application that serves them."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import Any

from commonhold import http, pricing, web
from commonhold._version import __version__
from commonhold.compose.callers import Callers
from commonhold.compose.otlp_grpc import otlp_grpc
from commonhold.compose.redaction import policies_of
from commonhold.compose.registry import registry_over
from commonhold.compose.storage import LateBackend, open_to_serve
from commonhold.compose.tenants import Tenancy
from commonhold.compose.upkeep import Chores
from commonhold.compose.vote_keys import VoteKeys
from commonhold.contract.stores import Stores
from commonhold.model import clock
from commonhold.otlp.requests import spans_of
from commonhold.settings import Settings, metrics_dir
from commonhold.wrap import ObservedBackend, RedactedBackend, Redaction

Lifespan = Callable[[http.Service], AbstractAsyncContextManager[None]]

SWITCH_S = 0.0001
"""How soon a thread that waits for the interpreter gets it, in seconds. The usual 5 ms would hold
up the SQLite writer, which lets go of it at every statement, ten times longer than an fsync."""

NURSERY = 20_000
"""Objects after which the garbage collector looks at new ones. After the usual 700 it would look at
those of each request of spans several times while they wait for their commit."""

REMINDER_S = 60.0
"""How often the log is reminded that nobody is asked who they are."""

_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "postgres": "PostgreSQL"}
_log = logging.getLogger("commonhold.compose")


def create_app(settings: Settings | None = None) -> http.Service:
    """The service. Without `settings` they are read from the environment, as a worker does.

    Raises:
        InvalidSettings: a setting is wrong, or the combination would let anyone in.
    """
    settings = settings or Settings.load()
    settings.refuse_unsafe()
    late = LateBackend(lambda: open_to_serve(settings))
    chores = Chores(late, settings)
    options = _http_options(settings)
    metrics = http.Metrics(options.multiprocess_dir)
    metrics.watch(late.stats)
    metrics.watch(chores.stats)
    policies = policies_of(settings, late)
    redaction = Redaction(policies.policy_of, spans_of, metrics.redacted)
    stores = Stores.on(ObservedBackend(RedactedBackend(late, redaction), metrics.operated))
    tenancy = Tenancy(settings, late)
    callers = Callers(settings, late, tenancy)
    ring = callers.keys.ring if callers.keys else None
    return http.create_app(
        stores,
        options,
        authenticate=callers.authenticate,
        metrics=metrics,
        lifespan=_lifespan(settings, late, chores, callers),
        routers=[web.router(_site(settings), stores)],
        extras=http.Extras(
            VoteKeys(settings.secret, late),
            chores.webhooks.of,
            ring,
            tenancy.tenants,
            tenancy.door.check if tenancy.door else None,
            http.Auditing(chores.audit.watch, chores.audit.log),
            policies,
            registry_over(late, callers.forget, callers.issuers),
            chores.erasures.of,
        ),
    )


def _http_options(settings: Settings) -> http.HttpOptions:
    return http.HttpOptions(
        max_body_bytes=settings.max_body_bytes,
        max_inflight_bytes=settings.max_inflight_bytes,
        max_inflight_requests=settings.max_inflight_requests,
        max_followers=settings.max_followers,
        loopback_only=settings.auth == "none" and not settings.insecure,
        asks_nobody=settings.auth == "none",
        multiprocess_dir=metrics_dir(),
        vote_token_ttl_s=settings.vote_token_ttl_s,
        cors_origins=settings.cors_origins,
        sessions_sharing=settings.sessions_sharing,
        admin_per_minute=settings.limit_admin_per_minute,
        failed_per_minute=settings.limit_failed_per_minute,
    )


def _site(settings: Settings) -> web.Site:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return web.Site(
        version=__version__,
        database=_KINDS[settings.database.partition(":")[0]],
        auth=settings.auth,
        address=f"http://{host}:{settings.port}",
        started_at=clock.now(),
        insecure=settings.auth == "none" and settings.insecure,
    )


def _lifespan(settings: Settings, late: LateBackend, chores: Chores, callers: Callers) -> Lifespan:
    @asynccontextmanager
    async def lifespan(service: http.Service) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        gc.set_threshold(NURSERY, *gc.get_threshold()[1:])
        _let_go_of_followers(service)
        reminder = asyncio.create_task(_remind(settings))
        await late.start()
        # The price list takes a moment to load, which no span should wait for.
        prices = asyncio.create_task(asyncio.to_thread(pricing.preload))
        chores.upkeep.start()
        try:
            async with otlp_grpc(settings, service):
                yield
        finally:
            reminder.cancel()
            await prices
            await chores.aclose()
            await callers.aclose()
            await late.aclose()
            _log.info("The database is closed.")

    return lifespan


def _let_go_of_followers(service: http.Service) -> None:
    """When told to stop, end what would never end by itself before the server waits for it."""
    if threading.current_thread() is not threading.main_thread():
        return  # signals are somebody else's here
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(each)

        def stop(number: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(service.gate.close)
            if callable(before):
                before(number, frame)

        signal.signal(each, stop)


async def _remind(settings: Settings) -> None:
    while settings.auth == "none" and settings.insecure:
        _log.warning(
            "COMMONHOLD_INSECURE is on: everyone who can connect may read and write everything."
        )
        await asyncio.sleep(REMINDER_S)
