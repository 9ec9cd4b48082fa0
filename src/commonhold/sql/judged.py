"""Judgements that came with spans and log records, as the scores that they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from commonhold.model.score import DataType, NewScore
from commonhold.otlp.judgements import Judgement


def scores_of(found: Iterable[Judgement]) -> Mapping[str, NewScore]:
    """Scores by their ids, under which a judgement that comes again is kept once."""
    return {each.judgement_id: _score(each) for each in found}


def _score(told: Judgement) -> NewScore:
    data_type = _type_of(told)
    return NewScore(
        score_id=told.judgement_id,
        name=told.name,
        data_type=data_type,
        value_num=told.score,
        label=told.label,
        # A judge that failed has nothing else to say.
        comment=told.explanation or (told.error if data_type == "text" else None),
        error=told.error,
        source=told.source,
        source_id=told.source_id,
        identifier=told.identifier,
        metadata=told.metadata,
        trace_id=told.trace_id,
        span_id=told.span_id,
        session_id=told.session_id,
        response_id=told.response_id,
    )


def _type_of(told: Judgement) -> DataType:
    """A number if there is one, else a label, else what was said about it."""
    if told.score is not None:
        return "numeric"
    return "text" if told.label is None else "categorical"
