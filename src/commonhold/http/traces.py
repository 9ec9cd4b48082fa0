"""The routes of traces."""

from __future__ import annotations

from typing import NoReturn

import msgspec
from msgspec import UNSET, Raw, UnsetType

from commonhold.errors import MalformedBody, UnsupportedMediaType
from commonhold.http import bodies, schemas
from commonhold.http.call import APPLIED, Answer, Call, reply
from commonhold.http.decode import decode, invalid, is_json, list_of, object_of
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import CURSOR, SINCE, UNTIL, integer, text
from commonhold.model import wire
from commonhold.model.clock import from_rfc3339
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from commonhold.model.trace import Span, Trace, TraceQuery

_NATIVE_KEYS = ("trace_id", "started_at", "spans")


class _Posted(bodies.TraceBody):
    """A native trace, or OTLP: receivers of OTLP ignore unknown keys, so that its key wins."""

    resource_spans: Raw | UnsetType = msgspec.field(default=UNSET, name="resourceSpans")


_POSTED = msgspec.json.Decoder(_Posted)
_KEYS = msgspec.json.Decoder(dict[str, Raw])


async def post_trace(call: Call) -> Answer:
    _check_media(call)
    body = _posted(call)
    await call.stores.traces.put(_trace(body))
    applied = (APPLIED,) if call.wants_representation else ()
    return reply({"trace_id": body.trace_id, "saved": True}, 201, applied)


async def list_traces(call: Call) -> Answer:
    page = await call.stores.traces.list(TraceQuery(**call.args))
    items = [wire.summary_out(summary) for summary in page.items]
    return reply(items, extra=next_page(call, page.cursor))


async def get_trace(call: Call) -> Answer:
    return reply(wire.trace_out(await call.stores.traces.get(call.key)))


def _check_media(call: Call) -> None:
    """Decide by the media type first, and never by looking into the body (contracts 2.4)."""
    media = call.head.get(b"content-type")
    if media is None:
        if not call.content.lstrip().startswith(b"{"):
            raise UnsupportedMediaType("Say what the body is with Content-Type: application/json.")
    elif media.partition(b";")[0].strip().lower() in (
        b"application/x-protobuf",
        b"application/protobuf",
    ):
        raise UnsupportedMediaType(
            "OTLP is not received here yet; send native traces as application/json."
        )
    elif not is_json(media):
        name = media.decode("latin-1")
        raise UnsupportedMediaType(f"The body is {name}; send a trace as application/json.")


def _posted(call: Call) -> _Posted:
    try:
        body = _POSTED.decode(call.content)
    except msgspec.ValidationError as error:
        _refuse(decode(_KEYS, call), error)
    except (ValueError, RecursionError):
        # Decoded again for the one error that says what is wrong.
        return decode(_POSTED, call)
    if body.resource_spans is not UNSET:
        _refuse({"resourceSpans": Raw()}, None)
    return body if b"\\u0000" not in call.content else decode(_POSTED, call)


def _refuse(keys: dict[str, Raw], error: msgspec.ValidationError | None) -> NoReturn:
    """A body that is no complete native trace: say what it seems to be."""
    if "resourceSpans" in keys:
        raise MalformedBody("OTLP JSON is not received here yet; send native traces.")
    if "resource_spans" in keys:
        raise MalformedBody("OTLP JSON spells it resourceSpans, and is not received here yet.")
    if error is not None and any(key in keys for key in _NATIVE_KEYS):
        raise invalid(error)
    raise MalformedBody("This is no trace: it has neither trace_id, started_at nor spans.")


def _trace(body: bodies.TraceBody) -> Trace:
    return Trace(
        trace_id=body.trace_id,
        started_at=from_rfc3339(body.started_at, "started_at"),
        ended_at=None if body.ended_at is None else from_rfc3339(body.ended_at, "ended_at"),
        model=body.model,
        session_id=body.session_id,
        status=body.status or "ok",
        spans=tuple(
            _span(span, body.trace_id, index) for index, span in enumerate(body.spans or ())
        ),
    )


def _span(body: bodies.SpanBody, trace_id: str, index: int) -> Span:
    return Span(
        trace_id=body.trace_id or trace_id,
        span_id=body.span_id,
        parent_span_id=body.parent_span_id,
        name=body.name or "",
        start_time=body.start_time or 0.0,
        end_time=body.end_time,
        status=body.status or "ok",
        attributes=object_of(body.attributes, "spans", index, "attributes"),
        events=list_of(body.events, "spans", index, "events"),
    )


OPERATIONS = (
    Operation(
        "POST",
        "/v1/traces",
        post_trace,
        {201: Reply("Merged.", (schemas.TraceSaved,))},
        "Merge one author's spans into a trace",
        "traces",
        headers=("Prefer",),
        body=Body((bodies.TraceBody,)),
        doc="Spans merge by id: sending a part again is harmless, and updates only the spans of"
        " its author. Times of spans are seconds of the agent's own clock; they are laid on the"
        " wall clock by `started_at`.",
    ),
    Operation(
        "GET",
        "/v1/traces",
        list_traces,
        {200: Reply("Newest first.", (list[schemas.TraceSummary],), headers=("Link",))},
        "Traces without their spans",
        "traces",
        query=(
            integer("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
            CURSOR,
            integer("offset", "How many to skip.", default=0, least=0, most=MAX_OFFSET),
            text("session_id", "Only traces of this session."),
            text("status", "Only traces with this status: `ok` or `error`."),
            SINCE,
            UNTIL,
        ),
    ),
    Operation(
        "GET",
        "/v1/traces/{trace_id}",
        get_trace,
        {200: Reply("The trace.", (schemas.Trace,))},
        "A trace with the spans of all its authors",
        "traces",
        errors=(404,),
    ),
)
