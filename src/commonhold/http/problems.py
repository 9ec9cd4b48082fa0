"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import logging
from typing import Any

from starlette.requests import ClientDisconnect

from commonhold.errors import (
    CommonholdError,
    FieldError,
    Internal,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from commonhold.http.call import NO_STORE, VARY, Answer, Call, Header, encode

MEDIA_TYPE = "application/problem+json"
GONE = 499
"""What is logged for a caller that hung up before its body was complete."""

WHO: Header = (b"www-authenticate", b"Bearer")
"""What is asked of a caller that nobody knows."""

_FIELDS: tuple[Header, ...] = ((b"content-type", MEDIA_TYPE.encode()), NO_STORE)
_log = logging.getLogger("commonhold.http")


def problem(error: CommonholdError, request_id: bytes, extra: tuple[Header, ...] = ()) -> Answer:
    """The answer that tells an error, and from which a client rebuilds it."""
    body: dict[str, Any] = {
        "type": f"urn:commonhold:problem:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "instance": request_id.decode(),
        **error.extras(),
    }
    if error.errors:
        body["errors"] = [_field(each) for each in error.errors]
    return Answer(_bytes(body), error.status, (*_FIELDS, *extra, *told_of(error)))


def told_of(error: CommonholdError) -> tuple[Header, ...]:
    """What the headers say of an error: when to come again, and what is asked of a caller."""
    if isinstance(error, Unavailable | TooManyRequests):
        return ((b"retry-after", b"%d" % error.retry_after_s),)
    return (WHO,) if isinstance(error, Unauthenticated) else ()


def problem_of(error: Exception, request_id: bytes, extra: tuple[Header, ...] = ()) -> Answer:
    """The answer for whatever an endpoint raised. What should not have happened is logged."""
    if isinstance(error, ClientDisconnect):
        return Answer(b"", GONE, ())
    known = error if isinstance(error, CommonholdError) else Internal()
    if known.status == Internal.status:
        fields = {"request_id": request_id.decode()}
        _log.error("A request failed.", exc_info=error, extra={"fields": fields})
    return problem(known, request_id, extra)


def identified(answer: Answer, call: Call) -> Answer:
    """The answer with the id of its request, for nobody but who asked."""
    answer.raw_headers.append((b"x-request-id", call.request_id))
    answer.raw_headers.append(VARY)
    return answer


def _field(error: FieldError) -> dict[str, Any]:
    return {"loc": error.loc, "msg": error.msg}


def _bytes(body: dict[str, Any]) -> bytes:
    try:
        return encode(body)
    except UnicodeEncodeError:
        # An error may quote its cause, and a text of the caller may hold half a surrogate pair.
        texts = {name: value for name, value in body.items() if isinstance(value, str)}
        clean = {name: text.encode(errors="replace").decode() for name, text in texts.items()}
        return encode({**body, **clean, "errors": []})
