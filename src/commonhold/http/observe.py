"""The outermost layer of the service: ids, protection, numbers and one log line per request.

It also finds the route itself. A request that has one is answered without passing through the
application's own layers; everything else (documentation, pages, unknown paths) goes to them.
"""

from __future__ import annotations

import logging
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commonhold.errors import CommonholdError
from commonhold.http.call import REQUEST_ID, Call, headers_of
from commonhold.http.lean import HIDDEN_SLASH
from commonhold.http.locality import check_local
from commonhold.http.logs import ACCESS, AccessRecord, trace_id
from commonhold.http.metrics import UNMATCHED, Metrics
from commonhold.http.problems import identified, problem, problem_of
from commonhold.http.table import RouteTable
from commonhold.model import ids
from commonhold.model.clock import monotonic

AGENT_PREFIX = "/a/"


class Observed:
    """An ASGI application in front of `app`, which answers what is in `table` itself."""

    def __init__(
        self, app: ASGIApp, table: RouteTable, metrics: Metrics, *, loopback_only: bool
    ) -> None:
        self._app = app
        self._table = table
        self._metrics = metrics
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = monotonic()
        call = Call(scope, receive, headers_of(scope))
        try:
            found = self._table.find(_path(call))
            if self._loopback_only:
                is_welcome = found is not None and found[0].welcomes(call)
                check_local(scope, call.head, is_welcome=is_welcome)
        except CommonholdError as error:
            answer = identified(problem(error, call.request_id), call)
            route = UNMATCHED
        else:
            if found is None or HIDDEN_SLASH in scope.get("raw_path", b"").lower():
                await self._pass_on(call, send, started)
                return
            resource, call.key, call.part = found
            route = resource.template
            answer = await resource.respond(call)
        await answer(scope, receive, send)
        size = 0 if scope["method"] == "HEAD" else answer.size
        self._note(call, route, answer.status_code, started, size)

    async def _pass_on(self, call: Call, send: Send, started: float) -> None:
        """Let the application answer, and watch what it sends."""
        watched = _Watched(call, send)
        try:
            await self._app(call.scope, call.receive, watched)
        except Exception as error:  # noqa: BLE001 - a caller never sees a stack trace
            # Its own error handler has answered and logged this. Otherwise nobody has.
            if not watched.status:
                answer = problem_of(error, call.request_id)
                await answer(call.scope, call.receive, watched)
        finally:
            route = getattr(call.scope.get("route"), "path", UNMATCHED)
            self._note(call, route, watched.status, started, watched.size)

    def _note(self, call: Call, route: str, status: int, started: float, size: int) -> None:
        seconds = monotonic() - started
        self._metrics.answered(call.scope["method"], route, status, seconds)
        if ACCESS.isEnabledFor(logging.INFO):
            ACCESS.handle(AccessRecord(_line(call, route, status, seconds, size)))


class _Watched:
    """Sends for an application that knows nothing of request ids."""

    def __init__(self, call: Call, send: Send) -> None:
        self._call = call
        self._send = send
        self.status = 0
        self.size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self._call.request_id)]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)


def _path(call: Call) -> str:
    """The path within the service; an agent prefix moves to the root path, as ASGI has it.

    Raises:
        InvalidRequest: the prefix names no possible agent.
    """
    scope = call.scope
    scope[REQUEST_ID] = call.request_id
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(f"{root}/"):
        path = path[len(root) :]
    if not path.startswith(AGENT_PREFIX):
        return path
    agent, slash, rest = path[len(AGENT_PREFIX) :].partition("/")
    if not rest.startswith("v1/"):
        return path
    call.agent = ids.check_agent(agent)
    scope["root_path"] = f"{root}{AGENT_PREFIX}{agent}"
    return slash + rest


def _line(call: Call, route: str, status: int, seconds: float, size: int) -> dict[str, Any]:
    line = {
        "method": call.scope["method"],
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 3),
        "bytes_in": call.received,
        "bytes_out": size,
        "request_id": call.request_id.decode(),
        "trace_id": trace_id(call.head.get(b"traceparent")),
        "agent": call.agent,
    }
    return line | {"key_id": call.key_id} if call.key_id else line
