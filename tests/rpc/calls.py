"""Requests as gRPC has them, and what real exporters send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

Noted = tuple[str, str, int, float]
"""Method, route, status and seconds of a request."""

SERVICE = "/opentelemetry.proto.collector"
TRACES = f"{SERVICE}.trace.v1.TraceService/Export"
LOGS = f"{SERVICE}.logs.v1.LogsService/Export"
METRICS = f"{SERVICE}.metrics.v1.MetricsService/Export"


async def call(channel: grpc.aio.Channel, method: str, body: bytes, **more: Any) -> bytes:
    """The answer to one request."""
    answer: bytes = await channel.unary_unary(method)(body, timeout=30, **more)
    return answer


async def refused(
    channel: grpc.aio.Channel, method: str, body: bytes, **more: Any
) -> grpc.aio.AioRpcError:
    """How one request was refused."""
    try:
        answer = await call(channel, method, body, **more)
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"It was taken: {answer!r}")


def trailing(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """What came behind an error."""
    return dict(error.trailing_metadata())


def delays(error: grpc.aio.AioRpcError) -> list[float]:
    """When to come back, in seconds: as Python's exporter reads it, and as the Collector does."""
    metadata = trailing(error)
    plain, packed, status = RetryInfo(), RetryInfo(), Status()
    plain.ParseFromString(metadata["google.rpc.retryinfo-bin"])
    status.ParseFromString(metadata["grpc-status-details-bin"])
    assert status.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert status.details[0].Unpack(packed)
    return [told.retry_delay.ToMilliseconds() / 1000 for told in (plain, packed)]


@contextmanager
def exporting(url: str, **options: Any) -> Iterator[OTLPSpanExporter]:
    """The exporter of OpenTelemetry for Python."""
    exporter = OTLPSpanExporter(endpoint=url, **options)
    try:
        yield exporter
    finally:
        exporter.shutdown()


def finished_span(name: str = "work", **attributes: Any) -> ReadableSpan:
    """A span of the SDK."""
    provider = TracerProvider(
        resource=Resource({"service.name": "weather"}), shutdown_on_exit=False
    )
    span = provider.get_tracer("tests").start_span(name, attributes=attributes)
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def trace_id(span: ReadableSpan) -> str:
    """Its trace, as it is asked for."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def export(url: str, spans: list[ReadableSpan], **options: Any) -> SpanExportResult:
    """Export them, as the SDK's own thread would."""
    with exporting(url, **options) as exporter:
        return exporter.export(spans)
