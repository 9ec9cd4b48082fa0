"""Judgements that several processes write at once, in the transactions of their spans."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import commonhold
from commonhold.model.otel import OtelSpan, SpanLink
from commonhold.model.score import ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.otlp.judgements import judgements_of
from commonhold.otlp.meaning import meaning_of
from commonhold.testing.otel import TRACE_ID, otel_span, span_id, trace_id

REPLICAS, ROUNDS = 4, 5


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/judged.db"


def evaluator(number: int) -> OtelSpan:
    """A span that judges one and the same span, by one and the same rubric."""
    told = {"name": "right", "score": number, "identifier": "rubric-1"}
    return otel_span(
        trace_id=trace_id(number),
        attributes={
            "openinference.span.kind": "EVALUATOR",
            **{f"evaluations.0.evaluation.{name}": value for name, value in told.items()},
            "annotations.0.annotation.name": "took part",
            "annotations.0.annotation.score": 1,
        },
        links=(SpanLink(TRACE_ID, span_id(0)),),
    )


async def test_of_verdicts_at_once_under_one_identifier_one_stands(url: str) -> None:
    """All of them are kept, what has no identifier counts each time, and no span is lost."""
    count = REPLICAS * ROUNDS
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(commonhold.connect(url)) for _ in range(REPLICAS)]
        for start in range(0, count, REPLICAS):
            told = [evaluator(start + n) for n in range(REPLICAS)]
            pairs = zip(opened, told, strict=True)
            await asyncio.gather(*(stores.traces.record([span]) for stores, span in pairs))

        feedback, traces = opened[0].feedback, opened[0].traces
        [standing] = (await feedback.scores(ScoreQuery(name="right"))).items
        assert standing.value_num in range(count - REPLICAS, count)
        [counted] = await feedback.score_stats(ScoreStatsQuery(window="month", name="right"))
        assert (counted.tally.count, counted.tally.value_sum) == (1, standing.value_num)
        [each] = await feedback.score_stats(ScoreStatsQuery(window="month", name="took part"))
        assert each.tally.count == count
        for span in map(evaluator, range(count)):
            assert await traces.find(span.trace_id)
            for judgement in judgements_of(span, meaning_of(span)):
                assert await feedback.find_score(judgement.judgement_id)
