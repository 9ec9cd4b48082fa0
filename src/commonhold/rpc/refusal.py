"""Errors as gRPC tells them, so that an exporter sends again what can be taken later, and no more.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/gRPC Throttling"; google/rpc/error_details.proto.
"""

from __future__ import annotations

import random
from typing import Any, NoReturn

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from commonhold.errors import CommonholdError, Unavailable

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    # Not RESOURCE_EXHAUSTED: Python's exporter would send the same again, as often as it can.
    413: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    # Without RetryInfo, which tells exporters to drop it: it is too much until tomorrow.
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""By the status of an error; any other is INTERNAL."""

LEAST_DELAY_S, MOST_DELAY_S = 1.0, 2.0
"""When to come back. Exporters that were refused together do not return together, and none is told
to wait past the ten seconds after which it drops what it holds."""

MAX_MESSAGE = 500
"""Characters of a message. Callers accept 8 KiB of trailing metadata, three bytes for each one
that is not ASCII, and the message may stand in it twice."""

Metadata = tuple[tuple[str, bytes], ...]


async def refuse(context: Any, error: CommonholdError, request_id: str) -> NoReturn:
    """End the request with `error`."""
    code = _CODES.get(error.status, grpc.StatusCode.INTERNAL)
    told = _short(error.detail)
    throttled = throttling(told) if isinstance(error, Unavailable) else ()
    await context.abort(code, told, (("x-request-id", request_id), *throttled))
    raise AssertionError("abort() raises")


def throttling(told: str) -> Metadata:
    """When to try again, in both places where callers look for it."""
    delay = RetryInfo()
    delay.retry_delay.FromMilliseconds(_delay_ms())
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=told)
    status.details.add().Pack(delay)
    return (
        ("google.rpc.retryinfo-bin", delay.SerializeToString()),  # OpenTelemetry for Python
        ("grpc-status-details-bin", status.SerializeToString()),  # the Collector, and Go
    )


def _delay_ms() -> int:
    seconds = random.uniform(LEAST_DELAY_S, MOST_DELAY_S)  # noqa: S311  (not a secret)
    return int(seconds * 1000)


def _short(message: str) -> str:
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    return message.encode(errors="replace").decode()
