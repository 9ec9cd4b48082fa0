"""The service's application, and the router that an agent mounts on its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from commonhold._version import __version__
from commonhold.auth import Authenticator
from commonhold.auth.matrix import PUBLIC
from commonhold.auth.none import authenticate as anonymous
from commonhold.contract.stores import Stores
from commonhold.errors import (
    CommonholdError,
    FieldError,
    InvalidRequest,
    NotFound,
    Unavailable,
    from_problem,
)
from commonhold.http import feedback, feedback_export, messages, scores, sessions, traces, turns
from commonhold.http.audit import Auditing, audit_operations
from commonhold.http.binding import ByAuthor, as_given
from commonhold.http.call import REQUEST_ID, Header, request_id
from commonhold.http.erasures import ErasuresOf, erasure_operations
from commonhold.http.health import Check, health_operations
from commonhold.http.keys import key_operations
from commonhold.http.lean import Serving, register
from commonhold.http.metrics import Metrics
from commonhold.http.observe import Observed
from commonhold.http.openapi import components, described_by_reference, described_inline
from commonhold.http.operation import Operation
from commonhold.http.options import HttpOptions
from commonhold.http.problems import problem_of
from commonhold.http.redaction import redaction_operations
from commonhold.http.registry import registry_operations
from commonhold.http.table import RouteTable
from commonhold.http.tenants import tenant_operations
from commonhold.http.votes import Keys, VoteDesk, vote_operations
from commonhold.http.webhooks import WebhooksOf, webhook_operations
from commonhold.service.audit_watch import Watch
from commonhold.service.gate import Gate
from commonhold.service.keys import KeyRing
from commonhold.service.limits import Limits
from commonhold.service.redaction import PolicyDesk
from commonhold.service.registry import AgentRegistry
from commonhold.service.tenants import TenantList
from commonhold.wrap import Bind

API: tuple[Operation, ...] = (
    *sessions.OPERATIONS,
    *messages.OPERATIONS,
    *turns.OPERATIONS,
    *traces.OPERATIONS,
    *feedback_export.OPERATIONS,
    *feedback.OPERATIONS,
    *scores.OPERATIONS,
)
"""Every operation below /v1."""

DEFAULTS = HttpOptions()

_log = logging.getLogger("commonhold.http")

_ABOUT = """Sessions, traces and feedback of a whole fleet of AI agents, held in common.

Every path is served with and without a trailing slash, HEAD wherever GET is, and each of them
also below `/a/{agent}`, which names the author of what is written. Lists are bare arrays; the next
page is in the `Link` header. Errors are RFC 9457 problem documents."""


class Service(FastAPI):
    """A FastAPI application that answers its own API before any layer of the framework.

    The framework's layers and its walk along the routes cost more than our endpoints do.
    """

    front: ASGIApp | None = None
    operations: Sequence[Operation] = ()
    gate: Gate
    bind: Bind
    metrics: Metrics
    watch: Watch | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP through the front, anything else as FastAPI does."""
        if scope["type"] == "http" and self.front is not None:
            await self.front(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What FastAPI itself serves: documentation, added routers, unknown paths."""
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """FastAPI's description of the routes, with the shapes they refer to."""
        schema = super().openapi()
        named = schema.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in named:
            named.update(components(self.operations))
        return schema


@dataclass(frozen=True, slots=True)
class Extras:
    """What a service has beside its stores.

    Without `vote_keys` no vote token is given out, and without `webhooks`, which somebody has to
    deliver, there are no routes below `/v1/webhooks`. Without a `key_ring` no key is made. Without
    `tenants` there is one; `check_tenant` raises where nobody of a tenant is let in. Without
    `auditing` nobody is told who did what, without `policies` there is no route that tells or
    changes what is redacted, without a `registry` no agent is registered, and without `erasures`
    nobody is erased.
    """

    vote_keys: Keys | None = None
    webhooks: WebhooksOf | None = None
    key_ring: KeyRing | None = None
    tenants: TenantList | None = None
    check_tenant: Callable[[str], Awaitable[None]] | None = None
    auditing: Auditing | None = None
    policies: PolicyDesk | None = None
    registry: AgentRegistry | None = None
    erasures: ErasuresOf | None = None

    def operations(self) -> tuple[Operation, ...]:
        """The routes of what there is."""
        told = webhook_operations(self.webhooks) if self.webhooks else ()
        keys, tenants = key_operations(self.key_ring), tenant_operations(self.tenants)
        audit = audit_operations(self.auditing) if self.auditing else ()
        policies = redaction_operations(self.policies) if self.policies else ()
        agents = registry_operations(self.registry) if self.registry else ()
        erased = erasure_operations(self.erasures) if self.erasures else ()
        return (*told, *keys, *tenants, *audit, *policies, *agents, *erased)


def router(stores: Stores, options: HttpOptions = DEFAULTS) -> APIRouter:
    """Every /v1 route over `stores`, for `app.include_router`.

    The stores are used as they are bound: in an agent, on behalf of that agent. Needs no
    middleware: problem documents, both slash forms, HEAD and the limits come with the routes.
    """
    made = APIRouter()
    register(made, API, _serving(as_given(stores), options), described_inline)
    return made


def create_app(
    stores: Stores | Callable[[], Stores],
    options: HttpOptions = DEFAULTS,
    *,
    authenticate: Authenticator = anonymous,
    metrics: Metrics | None = None,
    lifespan: Lifespan[Any] | None = None,
    routers: Iterable[APIRouter] = (),
    extras: Extras = Extras(),
) -> Service:
    """The service: the API, health, metrics and documentation, and whatever `routers` add.

    `stores` may be a function that returns them once `lifespan` has opened them.

    Raises:
        ValueError: one of `routers` has a route that is not for everybody, and asks nobody.
    """
    source = _source(stores)
    metrics = metrics or Metrics(options.multiprocess_dir)
    bind = ByAuthor(source, authenticate, options.sessions_sharing)
    desk = VoteDesk(bind, extras.vote_keys, options.vote_token_ttl_s, extras.check_tenant)
    watch = extras.auditing.watch if extras.auditing else None
    serving = replace(_serving(bind, options), admit=desk.admit, ask=bind.grants_of, watch=watch)
    metrics.watch(serving.gate.stats)
    app = _application(lifespan, has_docs=options.asks_nobody)
    app.gate, app.bind, app.metrics = serving.gate, bind, metrics
    app.watch = serving.watch

    health = health_operations(metrics, _check(source, options), options.ready_timeout_s)
    app.operations = (*API, *vote_operations(desk), *extras.operations(), *health)
    routes = register(app.router, app.operations, serving, described_by_reference)
    for extra in routers:
        _require_public(extra)
        app.include_router(extra)
    _answer_problems(app)
    table = RouteTable(routes, options.cors_origins)
    app.front = Observed(app.behind, table, metrics, loopback_only=options.loopback_only)
    return app


def _check(source: Callable[[], Stores], options: HttpOptions) -> Check:
    """Whether the storage can serve; why not is told where nobody is asked who they are."""

    async def check() -> None:
        try:
            await source().check()
        except Unavailable as error:
            if options.asks_nobody:
                raise
            _log.info("Not ready: %s", error.detail)
            raise Unavailable("The service is not ready. Its log says why.") from None

    return check


def _require_public(extra: APIRouter) -> None:
    """Let in only pages that are for everybody, since no credential is asked for them."""
    for route in extra.routes:
        if getattr(route, "name", None) not in PUBLIC:
            raise ValueError(f"{route} declares no operation that is for everybody")


def _application(lifespan: Lifespan[Any] | None, *, has_docs: bool) -> Service:
    return Service(
        title="Commonhold",
        version=__version__,
        description=_ABOUT,
        openapi_url="/openapi.json" if has_docs else None,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )


def _source(stores: Stores | Callable[[], Stores]) -> Callable[[], Stores]:
    if not isinstance(stores, Stores):
        return stores
    given = stores
    return lambda: given


def _serving(bind: Bind, options: HttpOptions) -> Serving:
    gate = Gate(options.max_inflight_requests, options.max_inflight_bytes, options.max_followers)
    limits = Limits(admin=options.admin_per_minute, failed=options.failed_per_minute)
    return Serving(bind, gate, options.max_body_bytes, None if options.asks_nobody else limits)


def _answer_problems(app: FastAPI) -> None:
    """Let routes that are not ours answer errors as ours do."""

    async def answer(request: Request, error: Exception) -> Response:
        known: Exception = error
        headers: tuple[Header, ...] = ()
        if isinstance(error, HTTPException):
            known, headers = _from_framework(error), _headers(error)
        elif isinstance(error, RequestValidationError):
            known = InvalidRequest(
                "The request is not valid.",
                errors=[FieldError(tuple(each["loc"]), each["msg"]) for each in error.errors()],
            )
        identity: bytes = request.scope.get(REQUEST_ID) or request_id(None)
        return problem_of(known, identity, headers)

    for kind in (HTTPException, RequestValidationError, CommonholdError, Exception):
        app.add_exception_handler(kind, answer)


def _from_framework(error: HTTPException) -> CommonholdError:
    if error.status_code == NotFound.status:
        return NotFound("No route answers to this path. The API is described in /openapi.json.")
    return from_problem(error.status_code, {"detail": error.detail})


def _headers(error: HTTPException) -> tuple[Header, ...]:
    given = error.headers or {}
    return tuple((name.lower().encode(), value.encode()) for name, value in given.items())
