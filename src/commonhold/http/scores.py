"""The routes of scores."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from commonhold.errors import FieldError, InvalidRequest
from commonhold.http import schemas, score_schemas
from commonhold.http.call import Answer, Call, idempotency_key, reply
from commonhold.http.decode import decode
from commonhold.http.links import next_page
from commonhold.http.operation import Body, Operation, Reply
from commonhold.http.params import SINCE, UNTIL, text
from commonhold.http.score_bodies import NewScoreBody, ScorePatchBody, new_score, score_patch
from commonhold.http.score_params import COUNTED, FILTERS, OF_SCORES
from commonhold.model import wire_scores
from commonhold.model.score import NewScore, ScoreQuery
from commonhold.model.score_stats import STATS_WINDOWS, ScoreStatsQuery

_NEW = msgspec.json.Decoder(NewScoreBody | list[NewScoreBody])
_PATCH = msgspec.json.Decoder(ScorePatchBody)


async def create_scores(call: Call) -> Answer:
    body = decode(_NEW, call)
    new = _several(body) if isinstance(body, list) else [new_score(body)]
    kept = await call.stores.feedback.put_scores(new, key=idempotency_key(call))
    told = [wire_scores.score_out(score) for score in kept]
    return reply(told if isinstance(body, list) else told[0], 201)


def _several(bodies: Sequence[NewScoreBody]) -> list[NewScore]:
    """All scores of an array; one that is wrong is named by its index."""
    found = []
    for index, body in enumerate(bodies):
        try:
            found.append(new_score(body))
        except InvalidRequest as error:
            fields = [FieldError(_at(index, each.loc), each.msg) for each in error.errors]
            raise InvalidRequest(f"[{index}] {error.detail}", errors=fields) from None
    return found


def _at(index: int, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return ("body", index, *(loc[1:] if loc[:1] == ("body",) else loc))


async def list_scores(call: Call) -> Answer:
    query = ScoreQuery(**call.args)
    page = await call.stores.feedback.scores(query)
    items = [wire_scores.score_out(score, turns=query.turns) for score in page.items]
    return reply(items, extra=next_page(call, page.cursor))


async def score_stats(call: Call) -> Answer:
    query = ScoreStatsQuery(
        **{name: value for name, value in call.args.items() if value is not None}
    )
    found = await call.stores.feedback.score_stats(query)
    return reply([wire_scores.score_stats_out(each, query.group_by) for each in found])


async def get_score(call: Call) -> Answer:
    return reply(wire_scores.score_out(await call.stores.feedback.get_score(call.key)))


async def patch_score(call: Call) -> Answer:
    body = decode(_PATCH, call)
    current = await call.stores.feedback.get_score(call.key)
    patch = score_patch(body, current.data_type)
    score = await call.stores.feedback.patch_score(call.key, patch)
    return reply(wire_scores.score_out(score))


async def delete_score(call: Call) -> Answer:
    await call.stores.feedback.delete_score(call.key)
    return reply({"deleted": True})


_ONE = "/v1/scores/{score_id}"
_SCORE = score_schemas.Score

OPERATIONS = (
    Operation(
        "POST",
        "/v1/scores",
        create_scores,
        {201: Reply("Kept.", (_SCORE, list[_SCORE]))},
        "Keep a score, or many",
        "scores",
        errors=(409,),
        headers=("Idempotency-Key",),
        body=Body((NewScoreBody, list[NewScoreBody])),
        doc="All scores of an array are kept, or none. One that comes again with its `score_id` is"
        " kept once. A user has one score of a name and source for a turn: the second changes it.",
    ),
    Operation(
        "GET",
        "/v1/scores",
        list_scores,
        {
            200: Reply(
                "Newest first.", (list[_SCORE], list[score_schemas.ScoreOnTurn]), headers=("Link",)
            )
        },
        "Scores, thumbs among them",
        "scores",
        query=(
            *FILTERS,
            *OF_SCORES,
        ),
    ),
    Operation(
        "GET",
        "/v1/scores/stats",
        score_stats,
        {200: Reply("Oldest window first.", (list[score_schemas.ScoreStats],))},
        "Scores per window of time and group",
        "scores",
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
        get_score,
        {200: Reply("The score.", (_SCORE,))},
        "A score",
        "scores",
        errors=(404,),
    ),
    Operation(
        "PATCH",
        _ONE,
        patch_score,
        {200: Reply("The score as it is now.", (_SCORE,))},
        "Change a score",
        "scores",
        errors=(404,),
        body=Body((ScorePatchBody,)),
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_score,
        {200: Reply("It is gone.", (schemas.Gone,))},
        "Remove a score",
        "scores",
        errors=(404,),
    ),
)
