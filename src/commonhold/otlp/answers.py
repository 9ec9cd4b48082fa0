"""What a sender of OTLP is answered, in the encoding of its request.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP Response".
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from commonhold.model.otel import Rejected
from commonhold.otlp.decode import RESPONSES, ExportTracePartialSuccess

Signal = Literal["traces", "logs", "metrics"]
"""What a request holds."""

MAX_MESSAGE = 4000
"""Characters of a message; so an answer is shorter than the 64 KiB that the Collector reads."""

MAX_DETAIL = 32 * 1024
"""Bytes of a detail that is more than the message again."""

_JSON_FIELDS = {
    "traces": "rejectedSpans",
    "logs": "rejectedLogRecords",
    "metrics": "rejectedDataPoints",
}
_PROTOBUF_FIELDS = {
    "traces": "rejected_spans",
    "logs": "rejected_log_records",
    "metrics": "rejected_data_points",
}
_encode = msgspec.json.Encoder().encode


def accepted(is_json: bool, rejected: Rejected, signal: Signal = "traces") -> bytes:  # noqa: FBT001  (which of two encodings)
    """An Export…ServiceResponse, which says what of the request was left out, if anything was."""
    message = _short(rejected.reason)
    partial = rejected.count > 0 or bool(message)
    if is_json:
        told = {_JSON_FIELDS[signal]: str(rejected.count), "errorMessage": message}
        return _encode({"partialSuccess": told} if partial else {})
    fields = {_PROTOBUF_FIELDS[signal]: rejected.count, "error_message": message}
    response = RESPONSES[signal](partial_success=fields) if partial else RESPONSES[signal]()
    body: bytes = response.SerializeToString()
    return body


def refused(is_json: bool, code: int, message: str, detail: Any = None) -> bytes:  # noqa: FBT001  (which of two encodings)
    """A google.rpc.Status (google/rpc/status.proto), with `code` as in google/rpc/code.proto.

    In JSON, `detail` says it again for clients that know FastAPI's errors.
    """
    message = _short(message)
    if is_json:
        return _encode({"code": code, "message": message, "detail": _detail(detail, message)})
    # The same two fields of the same types, in a message that we have.
    status = ExportTracePartialSuccess(rejected_spans=code, error_message=message)
    body: bytes = status.SerializeToString()
    return body


def _detail(detail: Any, message: str) -> Any:
    return message if detail is None or len(_encode(detail)) > MAX_DETAIL else detail


def _short(message: str) -> str:
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    return message.encode(errors="replace").decode()
