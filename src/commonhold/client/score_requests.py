"""What each method of the contract of scores asks of a service, as a value. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from commonhold.client.call import Call, body_of, given, path_of, target, time, window
from commonhold.client.headers import once
from commonhold.model import opaque, wire
from commonhold.model.feedback import FeedbackQuery
from commonhold.model.score import NewScore, ScorePatch, ScoreQuery, check_count
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.model.words import search_terms

_encode = msgspec.json.Encoder().encode


def put_scores(new: Sequence[NewScore], key: str | None) -> Call:
    """Scores. With a key, be it one made here, a second attempt is harmless."""
    check_count(new)
    parts = [body_of(_sent(given(asdict(each)))) for each in new]
    return Call("POST", "/v1/scores", b"[" + b",".join(parts) + b"]", once(key, "score"))


def get_score(score_id: str) -> Call:
    """One score."""
    return Call("GET", path_of("/v1/scores", score_id))


def patch_score(score_id: str, patch: ScorePatch) -> Call:
    """What is None stays as it is."""
    return Call("PATCH", path_of("/v1/scores", score_id), body_of(_sent(given(asdict(patch)))))


def delete_score(score_id: str) -> Call:
    """Remove a score."""
    return Call("DELETE", path_of("/v1/scores", score_id))


def list_scores(query: ScoreQuery) -> Call:
    """A page of scores."""
    return Call(
        "GET",
        target(
            "/v1/scores",
            **filters(query),
            name=query.name,
            data_type=query.data_type,
            min_value=_number(query.min_value),
            max_value=_number(query.max_value),
        ),
    )


def score_stats(query: ScoreStatsQuery) -> Call:
    """Counts per window and group."""
    bounds = {"since": time(query.since), "until": time(query.until)}
    return Call("GET", target("/v1/scores/stats", **{**asdict(query), **bounds}))


def filters(query: FeedbackQuery) -> dict[str, str | int | None]:
    """What feedback and scores are both narrowed by.

    Raises:
        InvalidRequest: a search has no words.
    """
    if query.q is not None:
        search_terms(query.q)
    return {
        **window(query),
        "trace_id": query.trace_id,
        "session_id": query.session_id,
        "user_id": query.user_id,
        "agent_type": query.agent_type,
        "agent": query.agent,
        "model": query.model,
        "label": query.label,
        "source": query.source,
        "rating": query.rating,
        "has_comment": _flag(query.has_comment),
        "has_correction": _flag(query.has_correction),
        "q": query.q,
        "expand": "turn" if query.turns else None,
        "since": time(query.since),
        "until": time(query.until),
    }


def _flag(value: bool | None) -> str | None:  # noqa: FBT001  (what is asked for)
    return None if value is None else str(value).lower()


def _number(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


def _sent(fields: dict[str, Any]) -> dict[str, Any]:
    """Opaque parts as they are."""
    if "metadata" in fields:
        fields["metadata"] = wire.raw(opaque.trim(fields["metadata"]))
    if "value_json" in fields:
        fields["value_json"] = wire.raw(opaque.trim(fields["value_json"]))
    return fields
