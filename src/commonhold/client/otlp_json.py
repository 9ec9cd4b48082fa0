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
from commonhold.client.otlp_answers import MEDIA, rejected_of
from commonhold.client.problems import Answer, retry_after_s
from commonhold.errors import (
    CommonholdError,
    InvalidRequest,
    Unavailable,
    Unsupported,
    from_problem,
)
from commonhold.model.native_otel import otel_spans
from commonhold.model.otel import OtelLog, OtelSpan, Rejected, Request, Resource, Scope
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


def request(sent: Request) -> Call:
    """A request as somebody else sent it.

    Raises:
        Unsupported: a collector does not understand it.
    """
    if sent.form == "openai-agents":
        raise Unsupported("A collector takes OTLP, and not what openai-agents exports.")
    return Call("POST", PATH, sent.body, {"Content-Type": MEDIA[sent.form]})


def taken(answer: Answer) -> Rejected:
    """What the collector left out.

    Raises:
        Unavailable: it cannot take spans now, or something else answered.
        CommonholdError: the error its status stands for.
    """
    if not answer.is_success:
        raise _refusal(answer)
    kind = answer.headers.get("content-type", "")
    if "html" in kind:
        raise Unavailable(f"{_said(answer)} with a web page. Check the URL, its path included.")
    rejected = rejected_of(answer.body, is_protobuf="protobuf" in kind)
    if rejected.reason and not rejected.count:
        log.warning("the collector at %s says: %s", answer.source, rejected.reason)
    return rejected


def check_taken(answer: Answer) -> None:
    """Return when the collector has taken every span.

    Raises:
        Unavailable: it cannot now, or something else answered.
        InvalidRequest: it left spans out, and says why.
        CommonholdError: the error its status stands for.
    """
    rejected = taken(answer)
    if rejected.count > 0:
        reason = rejected.reason or "it does not say why"
        raise InvalidRequest(
            f"The collector at {answer.source} left out {rejected.count} spans: {reason}"
        )


class _StatusShape(msgspec.Struct):
    """A google.rpc.Status."""

    message: str = ""


_STATUS = msgspec.json.Decoder(_StatusShape)


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
