"""Requests as an exporter makes them, in both encodings, and its answers as it reads them."""

from __future__ import annotations

from typing import Any, Literal

import httpx2
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from tests.otlp.wire import SPAN, TRACE, any_value, as_json, pair

Encoding = Literal["protobuf", "json"]

BOTH = pytest.mark.parametrize("encoding", ["protobuf", "json"])
MEDIA = {"protobuf": "application/x-protobuf", "json": "application/json"}
TRACE_ID = TRACE.hex()
_RESPONSES: dict[str, tuple[Any, str]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


def encoded(sent: Any, encoding: Encoding) -> bytes:
    """A request as the exporter of an encoding writes it."""
    body: bytes = sent.SerializeToString() if encoding == "protobuf" else as_json(sent)
    return body


async def export(
    client: httpx2.AsyncClient,
    body: Any,
    encoding: Encoding,
    path: str = "/v1/traces",
    **headers: str,
) -> httpx2.Response:
    """The answer to a request, which may be bytes already."""
    content = body if isinstance(body, bytes) else encoded(body, encoding)
    told = {"content-type": MEDIA[encoding], **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await client.post(path, content=content, headers=told)


def left_out(
    answer: httpx2.Response, encoding: Encoding, signal: str = "traces"
) -> tuple[int, str]:
    """How many records a 200 says were left out, and why."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA[encoding]
    kind, field = _RESPONSES[signal]
    if encoding == "protobuf":
        partial = kind.FromString(answer.content).partial_success
        return getattr(partial, field), partial.error_message
    told = answer.json().get("partialSuccess", {})
    first, *rest = field.split("_")
    return int(told.get(first + "".join(map(str.title, rest)), 0)), told.get("errorMessage", "")


def refused(answer: httpx2.Response, encoding: Encoding, status: int) -> tuple[int, str]:
    """Code and message of the google.rpc.Status in an answer, which has the request's encoding."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA[encoding]
    if encoding == "json":
        told = answer.json()
        assert told["detail"] == told["message"]
        return told["code"], told["message"]
    # The same two fields: a code and a text (google/rpc/status.proto).
    read = ExportTracePartialSuccess.FromString(answer.content)
    return read.rejected_spans, read.error_message


async def kept(client: httpx2.AsyncClient, trace_id: str = TRACE_ID) -> list[dict[str, Any]]:
    """The spans of a trace as OTLP JSON; none where there is no such trace."""
    answer = await client.get(f"/v1/traces/{trace_id}", params={"format": "otlp"})
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, answer.text
    return [
        span
        for group in answer.json()["resourceSpans"]
        for scoped in group["scopeSpans"]
        for span in scoped["spans"]
    ]


def logs(*names: str) -> ExportLogsServiceRequest:
    """Log records of one span, each with the name of an event; without one a plain line."""
    sent = ExportLogsServiceRequest()
    group = sent.resource_logs.add()
    pair(group.resource.attributes, "service.name", "billing")
    scoped = group.scope_logs.add()
    for name in names:
        record = scoped.log_records.add(
            time_unix_nano=10**18, event_name=name, trace_id=TRACE, span_id=SPAN
        )
        record.body.CopyFrom(any_value({"content": f"body of {name}"}))
        pair(record.attributes, "user.id", "ann")
    return sent


def metrics(points: int) -> ExportMetricsServiceRequest:
    """One metric of some points."""
    sent = ExportMetricsServiceRequest()
    metric = sent.resource_metrics.add().scope_metrics.add().metrics.add(name="calls")
    for number in range(points):
        metric.sum.data_points.add(time_unix_nano=10**18, as_int=number)
    return sent
