"""What a collector is sent, and what its answers mean. Pure.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP".
"""

from __future__ import annotations

import gzip
import logging
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from commonhold._version import __version__
from commonhold.client.call import Call
from commonhold.client.problems import Answer, retry_after_s
from commonhold.errors import CommonholdError, InvalidRequest, Unavailable, from_problem
from commonhold.model.native_otel import otel_spans
from commonhold.model.otel import OtelLog, OtelSpan, Resource, Scope
from commonhold.model.scope import Author
from commonhold.model.trace import Trace, check_trace
from commonhold.otlp.encode import logs_to_otlp_json, to_otlp_json

T = TypeVar("T")

log = logging.getLogger("commonhold.client")

PATH = "/v1/traces"
"""Where a collector takes spans, below its URL."""

LOGS_PATH = "/v1/logs"

COMPRESSED_FROM = 1024
"""Bodies of at least so many bytes are compressed: smaller ones fit into one packet anyhow."""

NOT_NOW = frozenset({429, 502, 503, 504})
"""The answers after which a request may be sent again, and no other (OTLP/HTTP, "Failures")."""

_SCOPE = Scope("commonhold", __version__)
_SPEED = 5  # of zlib: the higher levels take twice as long to save a few percent of such JSON
_LONGEST_REASON = 300

# Asked once: whoever asks whether a collector is there wants to know about now.
READY = Call("POST", PATH, b'{"resourceSpans":[]}', idempotent=False)

_HINTS = {
    401: "Put the user and the password it wants into the URL.",
    403: "Put the user and the password it wants into the URL.",
    404: f"Check the URL: spans are sent to {PATH} below it.",
    405: f"Check the URL: spans are sent to {PATH} below it.",
    413: "The trace is larger than it takes: raise its limit.",
    415: "It must take OTLP as JSON, and gzip.",
}


def export(trace: Trace, author: Author) -> Call:
    """A trace, as a request. Its ids never change, so that a second attempt adds no other span.

    Raises:
        InvalidRequest: no store could keep it, or OTLP cannot say it.
    """
    check_trace(trace)
    resource = Resource({"service.name": author.agent or "unknown_service"})
    return export_spans(otel_spans(trace, resource, _SCOPE, {"user.id": author.user}))


def export_spans(spans: Sequence[OtelSpan]) -> Call:
    """Spans as they are, as a request.

    Raises:
        InvalidRequest: a text of them has no JSON form.
    """
    return _packed(PATH, to_otlp_json, spans)


def export_logs(logs: Sequence[OtelLog]) -> Call:
    """Log records as they are, as a request.

    Raises:
        InvalidRequest: a text of them has no JSON form.
    """
    return _packed(LOGS_PATH, logs_to_otlp_json, logs)


def _packed(path: str, encode: Callable[[Sequence[T]], str], records: Sequence[T]) -> Call:
    try:
        body = encode(records).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"A text of this trace has no JSON form: {error}.") from None
    if len(body) < COMPRESSED_FROM:
        return Call("POST", path, body)
    packed = gzip.compress(body, _SPEED, mtime=0)
    return Call("POST", path, packed, {"Content-Encoding": "gzip"})


def check_taken(answer: Answer) -> None:
    """Return when the collector has taken every span.

    Raises:
        Unavailable: it cannot now, or something else answered.
        InvalidRequest: it left spans out, and says why.
        CommonholdError: the error its status stands for.
    """
    if not answer.is_success:
        raise _refusal(answer)
    if "html" in answer.headers.get("content-type", ""):
        raise Unavailable(f"{_said(answer)} with a web page. Check the URL, its path included.")
    rejected, message = _partial(answer.body)
    if rejected > 0:
        reason = message or "it does not say why"
        raise InvalidRequest(
            f"The collector at {answer.source} left out {rejected} spans: {reason}"
        )
    if message:
        log.warning("the collector at %s says: %s", answer.source, message)


class _Shape(msgspec.Struct, rename="camel"):
    """An object of OTLP JSON. A number of 64 bits may be a text."""


class _PartialShape(_Shape):
    rejected_spans: int | str | None = None
    error_message: str | None = None


class _TakenShape(_Shape):
    partial_success: _PartialShape | None = None


class _StatusShape(msgspec.Struct):
    """A google.rpc.Status."""

    message: str = ""


_TAKEN = msgspec.json.Decoder(_TakenShape)
_STATUS = msgspec.json.Decoder(_StatusShape)


def _partial(body: bytes) -> tuple[int, str]:
    """Spans that were left out, and what there is to say. Any success is one, whatever its body."""
    try:
        told = _TAKEN.decode(body).partial_success or _PartialShape()
        return int(told.rejected_spans or 0), told.error_message or ""
    except (ValueError, RecursionError):
        return 0, ""


def _refusal(answer: Answer) -> CommonholdError:
    status, said = answer.status, f"{_said(answer)}{_reason(answer)}."
    if 300 <= status < 400:
        return Unavailable(f"{said} It points elsewhere: use the URL of the collector itself.")
    if status == 408 or status in NOT_NOW:
        wait_s = retry_after_s(answer)
        return Unavailable(said, retry_after_s=None if wait_s is None else math.ceil(wait_s))
    return from_problem(status, {"detail": f"{said} {_HINTS.get(status, '')}".rstrip()})


def _said(answer: Answer) -> str:
    return f"The collector at {answer.source} answered {answer.status}"


def _reason(answer: Answer) -> str:
    """Its own words; those of a page are for a browser."""
    try:
        text = _STATUS.decode(answer.body).message
    except (ValueError, RecursionError):
        is_text = answer.headers.get("content-type", "").startswith("text/plain")
        text = answer.body.decode(errors="replace") if is_text else ""
    text = text.strip().rstrip(".")[:_LONGEST_REASON]
    return f": {text}" if text else ""
