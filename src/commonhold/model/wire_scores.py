"""Scores as they look on the wire, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commonhold.model.clock import from_rfc3339, to_rfc3339
from commonhold.model.feedback import ANONYMOUS
from commonhold.model.opaque import EMPTY_OBJECT, JsonText
from commonhold.model.score import Score
from commonhold.model.score_stats import ScoreStats, Tally
from commonhold.model.wire import (
    Wire,
    binding_in,
    binding_out,
    exchange_out,
    opaque_in,
    raw,
    text,
)

NULL = JsonText("null")

PLAIN = (
    *("score_id", "name", "data_type", "value_num", "label", "rating", "comment", "correction"),
    *("source", "source_id", "identifier", "environment", "config_id", "error", "trace_id"),
    *("span_id", "session_id", "message_id", "turn_index", "response_id", "model_id"),
    *("latency_ms", "agent_type", "user_id", "superseded_by"),
)
"""Fields that are the same in the model and on the wire."""


def score_out(score: Score, *, turns: bool = False) -> Wire:
    """A score; `value` is what it says, in the form of its data type."""
    told: Wire = {name: getattr(score, name) for name in PLAIN}
    told["value"] = _value(score)
    told["metadata"] = raw(score.metadata)
    told["author"] = score.author or None
    told["created_at"] = to_rfc3339(score.created_at)
    told["updated_at"] = to_rfc3339(score.updated_at)
    told["turn"] = binding_out(score.turn)
    return {**told, **exchange_out(score.question, score.answer)} if turns else told


def _value(score: Score) -> Any:
    values = {
        "boolean": bool(score.value_num),
        "numeric": score.value_num,
        "categorical": score.label,
        "text": score.comment,
        "correction": score.correction,
        "json": None if score.value_json is None else raw(score.value_json),
    }
    return values[score.data_type]


def score_in(body: Mapping[str, Any]) -> Score:
    """A score out of a body."""
    given: dict[str, Any] = {name: body.get(name) for name in PLAIN}
    return Score(
        **given
        | {
            "user_id": body.get("user_id") or ANONYMOUS,
            "author": body.get("author") or "",
            "metadata": text(body.get("metadata"), EMPTY_OBJECT),
            "value_json": text(body["value"], NULL) if body["data_type"] == "json" else None,
            "created_at": from_rfc3339(body["created_at"]),
            "updated_at": from_rfc3339(body["updated_at"]),
            "turn": binding_in(body.get("turn")),
            "question": opaque_in(body.get("question")),
            "answer": opaque_in(body.get("answer")),
        }
    )


def tally_out(tally: Tally) -> Wire:
    """What was counted."""
    return {
        "count": tally.count,
        "thumbs_up": tally.thumbs_up,
        "thumbs_down": tally.thumbs_down,
        "value_count": tally.valued,
        "value_sum": tally.value_sum,
    }


def score_stats_out(stats: ScoreStats, group_by: str | None) -> Wire:
    """One group in one window: what old clients read of one, and more."""
    tally = stats.tally
    return {
        "window_start": to_rfc3339(stats.window_start),
        "window_end": to_rfc3339(stats.window_end),
        "agent_type": stats.group if group_by == "agent_type" else None,
        "total": tally.thumbs_up + tally.thumbs_down,
        "group": stats.group,
        **tally_out(tally),
        "ratio": tally.ratio,
        "interval": stats.interval,
        "mean": tally.mean,
        "count_delta": stats.count_delta,
        "ratio_delta": stats.ratio_delta,
        "before": tally_out(stats.before),
    }


def score_stats_in(body: Mapping[str, Any]) -> ScoreStats:
    """One group in one window, out of a body."""
    return ScoreStats(
        window_start=from_rfc3339(body["window_start"]),
        window_end=from_rfc3339(body["window_end"]),
        group=body.get("group"),
        tally=_tally_in(body),
        before=_tally_in(body["before"]),
    )


def _tally_in(body: Mapping[str, Any]) -> Tally:
    return Tally(
        body["count"],
        body["thumbs_up"],
        body["thumbs_down"],
        body["value_count"],
        body["value_sum"],
    )
