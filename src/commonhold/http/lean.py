"""Routes that hand a raw request to an endpoint and send its bytes back.

FastAPI documents `get_route_handler` for replacing what happens around an endpoint. What it does
there by default (dependencies, pydantic, two exit stacks) costs more than our endpoints do, so
that none of it runs here. The routes are ordinary `APIRoute`s for everything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from commonhold.auth import Headers
from commonhold.auth.grants import Grants
from commonhold.auth.matrix import PUBLIC
from commonhold.contract.stores import Stores
from commonhold.errors import CommonholdError, Internal, MethodNotAllowed, TooManyRequests
from commonhold.http.audit import asked
from commonhold.http.body import read_body
from commonhold.http.call import Answer, Call, headers_of
from commonhold.http.openapi import Describe
from commonhold.http.operation import Operation
from commonhold.http.params import Params
from commonhold.http.problems import identified, problem, problem_of
from commonhold.service.audit_watch import Watch
from commonhold.service.gate import Gate
from commonhold.service.limits import Limits
from commonhold.wrap import Bind, Bound

HIDDEN_SLASH = b"%2f"
"""An id never has a slash: one that hides in its escape must not reach another route."""


FAILED = frozenset({401, 403, 404, 409})
ADMIN = (
    *("keys.", "agents.manage", "tenants.", "redaction.", "audit.", "export.", "webhooks."),
    "erasures.",
)
"""Operations that a person or a script does now and then, and no agent at every turn."""

NATIVE = ("sessions.", "traces.write")
"""Operations that are never told to come again: agents would wait, and exporters send it again."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes of one registration share.

    `admit` gives the stores of who comes with a vote token, where such a one may come, and None
    for anybody else. `ask` tells what a caller may do, without stores. `watch` is told of what is
    refused, and of what the audit log has an event of. Without `limits` callers may ask as often as
    they like.
    """

    bind: Bind
    gate: Gate
    max_body_bytes: int
    limits: Limits | None = None
    admit: Callable[[Call], Awaitable[Stores | None]] | None = None
    ask: Callable[[Headers, str | None], Awaitable[Grants]] | None = None
    watch: Watch | None = None


class LeanRoute(APIRoute):
    """One operation. Serves its path with and without a trailing slash, and HEAD where GET is."""

    def __init__(
        self, operation: Operation, serving: Serving, describe: Describe, allow: str, prefix: str
    ) -> None:
        self.operation = operation
        self.allow = allow
        self._serving = serving
        self._endpoint = operation.endpoint
        self._params = Params(operation.query) if operation.query else None
        self._is_probe = operation.is_probe
        self._asks_probe = operation.is_probe and operation.action not in PUBLIC
        self._reads_body = operation.body is not None
        self._watch = _watch_of(operation, serving)
        self._is_admin = operation.action.startswith(ADMIN)
        self._limits_failed = None if operation.action.startswith(NATIVE) else serving.limits
        super().__init__(
            prefix + operation.path,
            operation.endpoint,
            methods=[operation.method],
            status_code=next(iter(operation.replies)),
            summary=operation.summary,
            description=operation.doc or operation.summary,
            response_description=next(iter(operation.replies.values())).doc,
            tags=[operation.tag],
            operation_id=operation.id,
            response_model=None,
            response_class=Answer,
            openapi_extra=describe(operation),
        )
        # Where the route is reached directly, not even the wrapping around the handler is needed.
        self.app = self.serve
        is_get = operation.method == "GET"
        self._answered = {operation.method, "HEAD"} if is_get else {operation.method}

    async def respond(self, call: Call) -> Answer:
        """The complete answer to a request, whatever happens."""
        serving = self._serving
        gate = call.gate = serving.gate
        gate.requests += 1
        try:
            if not self._is_probe:
                gate.admit()
                call.stores = await self._stores(call)
                if self._is_admin and serving.limits is not None:
                    serving.limits.check_admin(_caller_of(call))
            elif self._asks_probe:
                await self._ask(call)
            if self._params is not None:
                call.args = self._params.read(call.scope["query_string"])
            if self._reads_body:
                call.content = await read_body(call, gate, serving.max_body_bytes)
            answer = await self._endpoint(call)
            if self._watch is not None:
                await self._watch.done(asked(call, self.operation), answer.status_code)
        except CommonholdError as error:
            answer = self._refusal(call, error)
        except Exception as error:  # noqa: BLE001 - a caller never sees a stack trace
            answer = self._failure(call, error)
        finally:
            gate.requests -= 1
            gate.bytes -= call.held
        if answer.status_code in FAILED and self._limits_failed is not None:
            answer = self._counted(answer, call, self._limits_failed)
        return identified(answer, call)

    def _counted(self, answer: Answer, call: Call, limits: Limits) -> Answer:
        """A refusal, or 429 in its place when its caller has had too many of them."""
        try:
            limits.check_failed(_caller_of(call))
        except TooManyRequests as error:
            return self._refusal(call, error)
        return answer

    async def _stores(self, call: Call) -> Stores:
        """The stores of whoever comes, with a vote token where one may."""
        admit = self._serving.admit
        found = await admit(call) if admit is not None and self.operation.takes_votes else None
        return found or (await self._caller(call)).stores

    async def _ask(self, call: Call) -> None:
        """Let a probe be served, whatever state the storage is in, if the caller may ask for it."""
        if self._serving.ask is not None:
            (await self._serving.ask(call.head, call.agent)).allow(self.operation.action)

    async def _caller(self, call: Call) -> Bound:
        """Whoever comes, if this is something they may do.

        Raises:
            Unauthenticated: nobody knows who it is.
            Forbidden: it is not.
        """
        bind = self._serving.bind
        bound = await bind(call.head, call.agent)
        call.grants = bound.grants
        call.recheck = partial(bind, call.head, call.agent)
        caller = bound.grants.principal
        call.agent, call.key_id = caller.agent or None, caller.credential_id
        bound.grants.allow(self.operation.action)
        return bound

    def _refusal(self, call: Call, error: CommonholdError) -> Answer:
        """An error in the caller's protocol, or else as a problem document."""
        if self._serving.watch is not None:
            self._serving.watch.refused(asked(call, self.operation), error)
        refuse = self.operation.refuse
        told = None if refuse is None else refuse(call, error)
        return told or problem_of(self.operation.locate(error), call.request_id)

    def _failure(self, call: Call, error: Exception) -> Answer:
        """What should not have happened is logged, and told as any error is."""
        answer = problem_of(error, call.request_id)
        if self.operation.refuse is None or answer.status_code != Internal.status:
            return answer
        return self.operation.refuse(call, Internal()) or answer

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The route as an ASGI application."""
        answer = await self._answer(scope, receive)
        await answer(scope, receive, send)

    def get_route_handler(self) -> Any:
        """What FastAPI calls when the router has been included in another."""

        async def handle(request: Request) -> Response:
            return await self._answer(request.scope, request.receive)

        return handle

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        call = Call(scope, receive, headers_of(scope))
        named = scope.get("path_params", {})
        call.key = named.get(self.operation.key_name, "")
        call.part = named.get(self.operation.part_name, "")
        return await self.respond(call)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or HIDDEN_SLASH in scope.get("raw_path", b"").lower():
            return Match.NONE, {}
        match, child = super().matches(scope)
        if match is Match.NONE and scope["path"].endswith("/"):
            match, child = super().matches({**scope, "path": scope["path"][:-1]})
        if match is Match.PARTIAL and scope["method"] in self._answered:
            match = Match.FULL
        return match, child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method not in self._answered:
            await self.refuse(Call(scope, receive, headers_of(scope)))(scope, receive, send)
        elif method == "HEAD" and self.operation.method == "GET":
            await super().handle({**scope, "method": "GET"}, receive, _without_body(send))
        else:
            await super().handle(scope, receive, send)

    def refuse(self, call: Call) -> Answer:
        """The answer to a method that this path does not have."""
        error = MethodNotAllowed(f"This path answers to {self.allow}.")
        allow = (b"allow", self.allow.encode())
        return identified(problem(error, call.request_id, (allow,)), call)


def _caller_of(call: Call) -> str:
    """Whoever is counted: a key, or who came by a token or a gateway, or else an address.

    Those who come by a gateway have one address, and a token is another one every few minutes.
    """
    grants = getattr(call, "grants", None)
    if grants is None:
        peer = call.scope.get("client")
        return str(peer[0]) if peer else ""
    caller = grants.principal
    named = caller.method == "key" and caller.credential_id
    return named or f"{caller.tenant} {caller.actor} {caller.subject}"


def _watch_of(operation: Operation, serving: Serving) -> Watch | None:
    """What hears of an operation that was done; None where the audit log has no events of it."""
    watch, is_write = serving.watch, operation.method != "GET"
    return watch if watch and watch.looks_at(operation.action, is_write=is_write) else None


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head


def register(
    target: APIRouter, operations: Iterable[Operation], serving: Serving, describe: Describe
) -> list[LeanRoute]:
    """Add a route for each operation directly to `target`, and return them."""
    operations = tuple(operations)
    methods: MutableMapping[str, list[str]] = defaultdict(list)
    for operation in operations:
        methods[operation.path].append(operation.method)
    allow = {path: _allow(names) for path, names in methods.items()}
    routes = [
        LeanRoute(operation, serving, describe, allow[operation.path], target.prefix)
        for operation in operations
    ]
    # Not add_api_route: it would build routes of its own arguments. Not include_router: an
    # included router is matched twice for every request.
    target.routes.extend(routes)
    return routes


def _allow(methods: list[str]) -> str:
    return ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))
