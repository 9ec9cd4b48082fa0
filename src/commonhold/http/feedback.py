"""The routes of feedback."""

from __future__ import annotations

import msgspec

from commonhold.http import bodies, schemas, score_schemas
from commonhold.http.call import APPLIED, Answer, Call, idempotency_key, reply
from commonhold.http.decode import decode, whole
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import SINCE, UNTIL, text
from commonhold.http.score_params import COUNTED, FILTERS
from commonhold.http.votes import check_own, read_vote
from commonhold.model import wire, wire_scores
from commonhold.model.feedback import (
    WINDOWS,
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.score import THUMBS, score_of, thumb_of
from commonhold.model.score_stats import STATS_WINDOWS, ScoreStatsQuery
from commonhold.service.votes import cast

_NEW = msgspec.json.Decoder(bodies.NewFeedbackBody)
_PATCH = msgspec.json.Decoder(bodies.FeedbackPatchBody)
_NEWER = {param.name for param in COUNTED}
"""Parameters that only the newer statistics have."""


async def create_feedback(call: Call) -> Answer:
    if call.grant is not None:
        said = read_vote(call, call.grant)
        return _kept(call, await cast(call.stores.feedback, call.grant, said))
    body = decode(_NEW, call)
    new = NewFeedback(
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
    return _kept(call, await _created(call, new))


async def _created(call: Call, new: NewFeedback) -> Feedback:
    key = idempotency_key(call)
    if key is None:
        return await call.stores.feedback.create(new)
    [score] = await call.stores.feedback.put_scores([score_of(new)], key=key)
    return thumb_of(score)


def _kept(call: Call, record: Feedback) -> Answer:
    if call.wants_representation:
        return reply(wire.feedback_out(record), 201, (APPLIED,))
    told: wire.Wire = {"feedback_id": record.feedback_id}
    if record.turn.state == "pending":
        told["turn"] = {"state": record.turn.state}
    return reply(told, 201)


async def list_feedback(call: Call) -> Answer:
    query = FeedbackQuery(**call.args)
    page = await call.stores.feedback.list(query)
    items = [wire.feedback_out(record, turns=query.turns) for record in page.items]
    return reply(items, extra=next_page(call, page.cursor))


async def feedback_stats(call: Call) -> Answer:
    asked = {name: value for name, value in call.args.items() if value is not None}
    if asked.keys() & _NEWER or (
        asked["window"] not in WINDOWS and asked["window"] in STATS_WINDOWS
    ):
        query = ScoreStatsQuery(**{"name": THUMBS, **asked})
        found = await call.stores.feedback.score_stats(query)
        return reply([wire_scores.score_stats_out(each, query.group_by) for each in found])
    windows = await call.stores.feedback.stats(StatsQuery(**asked))
    return reply([wire.stats_out(window) for window in windows])


async def get_feedback(call: Call) -> Answer:
    check_own(call)
    return reply(wire.feedback_out(await call.stores.feedback.get(call.key)))


async def patch_feedback(call: Call) -> Answer:
    check_own(call)
    body = decode(_PATCH, call)
    patch = FeedbackPatch(body.rating, body.comment, body.correction)
    return reply(wire.feedback_out(await call.stores.feedback.patch(call.key, patch)))


async def delete_feedback(call: Call) -> Answer:
    await call.stores.feedback.delete(call.key)
    return reply({"deleted": True})


_ONE = "/v1/feedback/{feedback_id}"

OPERATIONS = (
    Operation(
        "POST",
        "/v1/feedback",
        create_feedback,
        {201: Reply("Kept.", (schemas.FeedbackId, schemas.Feedback))},
        "Keep a vote",
        "feedback",
        action="feedback.create",
        errors=(401, 409),
        headers=("Prefer", "Idempotency-Key"),
        body=Body((bodies.NewFeedbackBody,)),
        doc="The id, the time and the user are the service's to give, and ignored in a body. Sent"
        " again with the same `Idempotency-Key`, it is the same record.",
        takes_votes=True,
    ),
    Operation(
        "GET",
        "/v1/feedback",
        list_feedback,
        {
            200: Reply(
                "Newest first.",
                (list[schemas.Feedback], list[schemas.FeedbackOnTurn]),
                headers=("Link",),
            )
        },
        "Feedback records",
        "feedback",
        action="feedback.list",
        query=FILTERS,
    ),
    Operation(
        "GET",
        "/v1/feedback/stats",
        feedback_stats,
        {
            200: Reply(
                "Oldest window first.",
                (list[schemas.FeedbackStats], list[score_schemas.ScoreStats]),
            )
        },
        "Votes per window of time and type of agent, or whatever is asked for",
        "feedback",
        action="feedback.stats",
        errors=(400,),
        doc="With a zone, a group, or another filter, and for minutes and months, more is told.",
        query=(
            text(
                "window",
                "The width of a window; weeks begin on Monday.",
                default="day",
                schema={"type": "string", "enum": list(STATS_WINDOWS)},
            ),
            text("agent_type", "Only this type of agent."),
            *COUNTED,
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
        action="feedback.read",
        errors=(401, 404),
        takes_votes=True,
    ),
    Operation(
        "PATCH",
        _ONE,
        patch_feedback,
        {200: Reply("The record as it is now.", (schemas.Feedback,))},
        "Change a feedback record",
        "feedback",
        action="feedback.update",
        errors=(401, 404),
        body=Body((bodies.FeedbackPatchBody,)),
        takes_votes=True,
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_feedback,
        {200: Reply("It is gone.", (schemas.Gone,))},
        "Remove a feedback record",
        "feedback",
        action="feedback.delete",
        errors=(404,),
    ),
)
