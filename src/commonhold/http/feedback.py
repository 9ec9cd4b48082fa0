"""The routes of feedback."""

from __future__ import annotations

import msgspec

from commonhold.http import bodies, schemas
from commonhold.http.call import APPLIED, Answer, Call, reply
from commonhold.http.decode import decode, whole
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import CURSOR, SINCE, UNTIL, choice, clamped, text
from commonhold.model import wire
from commonhold.model.feedback import (
    WINDOWS,
    FeedbackPatch,
    FeedbackQuery,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET

_NEW = msgspec.json.Decoder(bodies.NewFeedbackBody)
_PATCH = msgspec.json.Decoder(bodies.FeedbackPatchBody)


async def create_feedback(call: Call) -> Answer:
    body = decode(_NEW, call)
    record = await call.stores.feedback.create(
        NewFeedback(
            rating=body.rating,
            trace_id=body.trace_id or None,
            session_id=body.session_id or None,
            comment=body.comment,
            correction=body.correction,
            model_id=body.model_id,
            latency_ms=body.latency_ms,
            turn_index=whole(body.turn_index, "turn_index"),
            agent_type=body.agent_type,
        )
    )
    if call.wants_representation:
        return reply(wire.feedback_out(record), 201, (APPLIED,))
    return reply({"feedback_id": record.feedback_id}, 201)


async def list_feedback(call: Call) -> Answer:
    page = await call.stores.feedback.list(FeedbackQuery(**call.args))
    items = [wire.feedback_out(record) for record in page.items]
    return reply(items, extra=next_page(call, page.cursor))


async def feedback_stats(call: Call) -> Answer:
    windows = await call.stores.feedback.stats(StatsQuery(**call.args))
    return reply([wire.stats_out(window) for window in windows])


async def get_feedback(call: Call) -> Answer:
    return reply(wire.feedback_out(await call.stores.feedback.get(call.key)))


async def patch_feedback(call: Call) -> Answer:
    body = decode(_PATCH, call)
    patch = FeedbackPatch(body.rating, body.comment, body.correction)
    return reply(wire.feedback_out(await call.stores.feedback.patch(call.key, patch)))


_ONE = "/v1/feedback/{feedback_id}"

OPERATIONS = (
    Operation(
        "POST",
        "/v1/feedback",
        create_feedback,
        {201: Reply("Kept.", (schemas.FeedbackId, schemas.Feedback))},
        "Keep a vote",
        "feedback",
        headers=("Prefer",),
        body=Body((bodies.NewFeedbackBody,)),
        doc="The id, the time and the user are the service's to give, and ignored in a body.",
    ),
    Operation(
        "GET",
        "/v1/feedback",
        list_feedback,
        {200: Reply("Newest first.", (list[schemas.Feedback],), headers=("Link",))},
        "Feedback records",
        "feedback",
        query=(
            clamped("limit", "How many at most.", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
            CURSOR,
            clamped("offset", "How many to skip.", default=0, least=0, most=MAX_OFFSET),
            text("trace_id", "Only records on this trace."),
            text("session_id", "Only records on this session."),
            text("user_id", "Only records of this user."),
            text("agent_type", "Only records on this type of agent."),
            choice("rating", "Only thumbs up (1), or down (-1).", {"1": 1, "-1": -1}),
            SINCE,
            UNTIL,
        ),
    ),
    Operation(
        "GET",
        "/v1/feedback/stats",
        feedback_stats,
        {200: Reply("Oldest window first.", (list[schemas.FeedbackStats],))},
        "Votes per window of time and type of agent",
        "feedback",
        errors=(400,),
        query=(
            text(
                "window",
                "The width of a window, in UTC; weeks begin on Monday.",
                default="day",
                schema={"type": "string", "enum": list(WINDOWS)},
            ),
            text("agent_type", "Only this type of agent."),
            SINCE,
            UNTIL,
        ),
    ),
    Operation(
        "GET",
        _ONE,
        get_feedback,
        {200: Reply("The record.", (schemas.Feedback,))},
        "A feedback record",
        "feedback",
        errors=(404,),
    ),
    Operation(
        "PATCH",
        _ONE,
        patch_feedback,
        {200: Reply("The record as it is now.", (schemas.Feedback,))},
        "Change a feedback record",
        "feedback",
        errors=(404,),
        body=Body((bodies.FeedbackPatchBody,)),
    ),
)
