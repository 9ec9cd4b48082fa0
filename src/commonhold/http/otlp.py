"""What exporters of OpenTelemetry send: traces, logs and metrics, as protobuf or JSON.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP". Answers are in the encoding of the request.
Bad data is 400, which exporters do not send again; overload is 503, which they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from commonhold.errors import (
    CommonholdError,
    InvalidRequest,
    UnsupportedMediaType,
)
from commonhold.http import trace_schemas as schemas
from commonhold.http.call import JSON, NO_STORE, Answer, Call, Header
from commonhold.http.decode import is_json
from commonhold.http.operation import Body, Endpoint, Operation, Reply
from commonhold.http.problems import MEDIA_TYPE as PROBLEM
from commonhold.http.problems import told_of
from commonhold.model.otel import Form, Rejected, Request
from commonhold.otlp import answers
from commonhold.otlp.answers import Signal
from commonhold.otlp.decode import (
    logs_from_json,
    logs_from_protobuf,
    metric_points,
)
from commonhold.service.otlp import decline_metrics, keep_logs

PROTOBUF_MEDIA = "application/x-protobuf"
PROTOBUF: tuple[Header, ...] = ((b"content-type", PROTOBUF_MEDIA.encode()), NO_STORE)
BINARY = (PROTOBUF_MEDIA, "application/protobuf")
_MEDIA = frozenset(name.encode() for name in BINARY)

CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 413: 8, 415: 3, 422: 3, 429: 8, 503: 14}
"""Codes of google.rpc.Status (google/rpc/code.proto) by the status of an answer; else 13."""


def is_protobuf(call: Call) -> bool:
    """Whether the body says that it is protobuf."""
    media = call.head.get(b"content-type")
    return media is not None and media.partition(b";")[0].strip().lower() in _MEDIA


def check_media(call: Call, wanted: str) -> None:
    """Decide by the media type first, and never by looking into the body (contracts 2.4).

    Raises:
        UnsupportedMediaType: it is neither protobuf nor JSON.
    """
    media = call.head.get(b"content-type")
    if media is None:
        if not call.content.lstrip().startswith(b"{"):
            raise UnsupportedMediaType("Say what the body is with Content-Type: application/json.")
    elif not is_protobuf(call) and not is_json(media):
        name = media.decode("latin-1")
        raise UnsupportedMediaType(f"The body is {name}; send {wanted}.")


async def take_spans(call: Call) -> Answer:
    """Spans of a request that is OTLP: kept, or left out and told."""
    form: Form = "protobuf" if is_protobuf(call) else "json"
    rejected = await call.stores.traces.take(Request(call.content, form))
    return _accepted(call, rejected, "traces")


async def take_openai_agents(call: Call) -> Answer:
    """The native export of `openai-agents`, whose exporter looks at the status alone."""
    rejected = await call.stores.traces.take(Request(call.content, "openai-agents"))
    return _accepted(call, rejected, "traces")


async def post_otlp_traces(call: Call) -> Answer:
    """Where OTLP is all that is taken."""
    check_media(call, "OTLP as application/x-protobuf or application/json")
    return await take_spans(call)


async def post_openai_agents(call: Call) -> Answer:
    """Where `openai-agents` is told to export to."""
    check_media(call, "JSON as application/json")
    return await take_openai_agents(call)


async def post_logs(call: Call) -> Answer:
    """Records of `gen_ai.` events are kept with their spans; others are left out and told."""
    check_media(call, "OTLP as application/x-protobuf or application/json")
    decode = logs_from_protobuf if is_protobuf(call) else logs_from_json
    rejected = await keep_logs(call.stores.traces, call.content, decode)
    return _accepted(call, rejected, "logs")


async def post_metrics(call: Call) -> Answer:
    """Declined politely."""
    check_media(call, "OTLP as application/x-protobuf or application/json")
    count = partial(metric_points, is_json=not is_protobuf(call))
    return _accepted(call, await decline_metrics(call.content, count), "metrics")


def refusal(call: Call, error: CommonholdError) -> Answer | None:
    """An error in the encoding of the request, with a status that exporters understand.

    None, which is a problem document, for whoever asks for one: our own client does.
    """
    if PROBLEM.encode() in call.head.get(b"accept", b""):
        return None
    status = 400 if isinstance(error, InvalidRequest) and error.status == 422 else error.status
    told = answers.refused(not is_protobuf(call), CODES.get(status, 13), error.detail)
    fields = PROTOBUF if is_protobuf(call) else JSON
    return Answer(told, status, (*fields, *told_of(error)))


def _accepted(call: Call, rejected: Rejected, signal: Signal) -> Answer:
    as_json = not is_protobuf(call)
    return Answer(answers.accepted(as_json, rejected, signal), 200, JSON if as_json else PROTOBUF)


_TAKEN = "Taken. What had to be left out is counted in `partialSuccess`, with the reason."
_OTLP_BODY = "An OTLP request: protobuf, or JSON with the names and ids of OTLP."


def _operation(path: str, signal: Signal, summary: str, doc: str) -> Operation:
    endpoint, request, response = _SIGNALS[signal]
    return Operation(
        "POST",
        path,
        endpoint,
        {200: Reply(_TAKEN, (response,), binary=(PROTOBUF_MEDIA,))},
        summary,
        "traces",
        action="traces.write",
        body=Body((request,), _OTLP_BODY, binary=BINARY),
        doc=doc,
        refuse=refusal,
        name=f"post{path.replace('/', '_')}",
    )


_SIGNALS: Mapping[Signal, tuple[Endpoint, type, type]] = {
    "traces": (post_otlp_traces, schemas.OtlpTraces, schemas.OtlpTracesResponse),
    "logs": (post_logs, schemas.OtlpLogs, schemas.OtlpLogsResponse),
    "metrics": (post_metrics, schemas.OtlpMetrics, schemas.OtlpMetricsResponse),
}

OPERATIONS = (
    _operation(
        "/v1/logs",
        "logs",
        "Keep the GenAI events among log records",
        "Records whose event name begins with `gen_ai.` and that belong to a trace are kept with"
        " their span: content, user and session. All others are left out and counted.",
    ),
    _operation(
        "/v1/metrics",
        "metrics",
        "Decline metrics",
        "No metrics are kept; the answer says so without an error, which exporters would log.",
    ),
    _operation(
        "/api/public/otel/v1/traces",
        "traces",
        "Merge spans (where Langfuse's SDK sends them)",
        "The same as OTLP to `/v1/traces`.",
    ),
    _operation(
        "/otel/v1/traces",
        "traces",
        "Merge spans (below /otel)",
        "The same as OTLP to `/v1/traces`.",
    ),
    Operation(
        "POST",
        "/v1/traces/ingest",
        post_openai_agents,
        {200: Reply(_TAKEN, (schemas.OtlpTracesResponse,))},
        "Merge traces as `openai-agents` exports them",
        "traces",
        action="traces.write",
        body=Body((schemas.OpenAiAgentsExport,)),
        doc="Point the SDK's `BackendSpanExporter` here. `group_id` is the session.",
        refuse=refusal,
    ),
)
