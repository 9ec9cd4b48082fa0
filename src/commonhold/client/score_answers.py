"""What a service answers about scores, as values of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from commonhold.client.answers import page_of, read
from commonhold.client.problems import Answer
from commonhold.client.score_shapes import ScoreShape, ScoreStatsShape
from commonhold.model import wire_scores
from commonhold.model.page import Page
from commonhold.model.score import Score
from commonhold.model.score_stats import ScoreStats

_SCORE = msgspec.json.Decoder(ScoreShape)
_SCORES = msgspec.json.Decoder(list[ScoreShape])
_STATS = msgspec.json.Decoder(list[ScoreStatsShape])


def score(answer: Answer) -> Score:
    """A score."""
    return read(answer, _SCORE, _score)


def scores(answer: Answer) -> Page[Score]:
    """A page of scores, or all that were kept."""
    return page_of(answer, _SCORES, _score)


def score_stats(answer: Answer) -> tuple[ScoreStats, ...]:
    """Windows of statistics."""
    return page_of(answer, _STATS, lambda shape: wire_scores.score_stats_in(_deep(shape))).items


def _score(shape: ScoreShape) -> Score:
    return wire_scores.score_in(_deep(shape))


def _deep(shape: msgspec.Struct) -> Mapping[str, Any]:
    """The fields of a shape, and of those within it."""
    fields = msgspec.structs.asdict(shape)
    return {
        name: msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else value
        for name, value in fields.items()
    }
