"""The `Export` methods of OpenTelemetry's collector services."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from commonhold.contract.stores import Stores
from commonhold.errors import CommonholdError, Internal
from commonhold.model import ids
from commonhold.model.clock import monotonic
from commonhold.model.otel import Rejected, Request
from commonhold.otlp import answers
from commonhold.otlp.answers import Signal
from commonhold.otlp.decode import logs_from_protobuf, metric_points
from commonhold.rpc.desk import Desk
from commonhold.rpc.message import Inbox
from commonhold.rpc.peer import address_of, check_local
from commonhold.rpc.refusal import refuse
from commonhold.service.audit_watch import Asked
from commonhold.service.otlp import decline_metrics, keep_logs

GONE = 499
"""What is noted of a caller that went away before it was answered."""

_access = logging.getLogger("commonhold.access")
_log = logging.getLogger("commonhold.rpc")


async def take_spans(stores: Stores, message: bytes) -> Rejected:
    """Keep spans."""
    return await stores.traces.take(Request(message, "protobuf"))


async def take_logs(stores: Stores, message: bytes) -> Rejected:
    """Keep the GenAI events among log records."""
    return await keep_logs(stores.traces, message, logs_from_protobuf)


async def take_metrics(_stores: Stores, message: bytes) -> Rejected:
    """Decline metrics."""
    return await decline_metrics(message, partial(metric_points, is_json=False))


@dataclass(frozen=True, slots=True)
class Method:
    """One service: its full name, what it is sent, what becomes of that, and who may: `action`."""

    service: str
    signal: Signal
    take: Callable[[Stores, bytes], Awaitable[Rejected]]
    action: str = "traces.write"

    @property
    def route(self) -> str:
        """Its path on the wire."""
        return f"/{self.service}/Export"


METHODS = (
    Method("opentelemetry.proto.collector.trace.v1.TraceService", "traces", take_spans),
    Method("opentelemetry.proto.collector.logs.v1.LogsService", "logs", take_logs),
    Method("opentelemetry.proto.collector.metrics.v1.MetricsService", "metrics", take_metrics),
)


class Export:
    """Answers one method."""

    def __init__(self, method: Method, desk: Desk, inbox: Inbox) -> None:
        self._method = method
        self._desk = desk
        self._inbox = inbox

    async def respond(self, messages: AsyncIterator[bytes], context: Any) -> bytes:
        """The answer to a request, whatever happens; `context` is grpc's."""
        started = monotonic()
        status, request_id = GONE, ids.new_id("req")
        try:
            answer = await self._answer(messages, context, request_id)
            status = 200
        except CommonholdError as error:
            status, refusal = error.status, error
        except Exception as error:  # noqa: BLE001 - a caller never sees a stack trace
            fields = {"request_id": request_id}
            _log.error("A request failed.", exc_info=error, extra={"fields": fields})
            status, refusal = Internal.status, Internal()
        else:
            return answer
        finally:
            self._note(status, monotonic() - started, request_id)
        return await refuse(context, refusal, request_id)

    async def _answer(self, messages: AsyncIterator[bytes], context: Any, request_id: str) -> bytes:
        if self._desk.loopback_only:
            check_local(context.peer())
        with self._desk.admitted() as holding:
            stores = await self._stores(context, request_id)
            message = await self._inbox.take(messages, holding)
            rejected = await self._method.take(stores, message)
        return answers.accepted(False, rejected, self._method.signal)

    async def _stores(self, context: Any, request_id: str) -> Stores:
        """The stores of whoever comes, if this is something they may do.

        Raises:
            Unauthenticated: nobody knows who it is.
            Forbidden: it is not.
        """
        headers, bound = _headers(context), None
        try:
            bound = await self._desk.bind(headers, None)
            bound.grants.allow(self._method.action)
        except CommonholdError as error:
            if self._desk.watch is not None:
                self._desk.watch.refused(
                    Asked(
                        operation=self._method.action,
                        is_write=True,
                        peer=address_of(context.peer()),
                        request_id=request_id,
                        headers=headers,
                        grants=bound.grants if bound else None,
                    ),
                    error,
                )
            raise
        return bound.stores

    def _note(self, status: int, seconds: float, request_id: str) -> None:
        route, duration_ms = self._method.route, round(seconds * 1000, 3)
        self._desk.answered("POST", route, status, seconds)
        fields = {
            "method": "POST",
            "route": route,
            "status": status,
            "duration_ms": duration_ms,
            "request_id": request_id,
        }
        told = ("POST", route, status, duration_ms)
        _access.info("%s %s %d in %.1f ms", *told, extra={"fields": fields})


def _headers(context: Any) -> Mapping[bytes, bytes]:
    """What came with a request, as an authenticator reads it."""
    return {key.encode(): _bytes(value) for key, value in context.invocation_metadata()}


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
