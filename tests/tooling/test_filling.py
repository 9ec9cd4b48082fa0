"""Copies of feedback, out of which the benchmark of feedback makes millions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bench.feedback import filling
from bench.payloads import varied
from bench.traces.copies import opened
from bench.traces.subjects import Place
from commonhold.model.feedback import NewFeedback
from commonhold.model.scope import Author, Scope
from commonhold.model.score import ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.sql import SqlBackend, open_backend

KEYS = "level, start, agent, agent_type, model, name, label, source"
SUMS = ", ".join(
    f"CAST(sum({column}) AS bigint)"
    for column in ("scores", "thumbs_up", "thumbs_down", "valued", "whole", "billionths")
)
COUNTS = f"SELECT {KEYS}, {SUMS} FROM feedback_count GROUP BY {KEYS} ORDER BY {KEYS}"


async def _plant(backend: SqlBackend) -> None:
    stores = backend.bind(Scope(author=Author(agent="billing")))
    for session in ("sess_one", "sess_two"):
        await stores.sessions.append(
            session, [json.dumps(varied(session, each)) for each in range(4)]
        )
        for turn, rating in ((0, 1), (1, -1), (1, 1)):
            vote = NewFeedback(rating, session_id=session, turn_index=turn, comment="said")
            await stores.feedback.create(vote)


async def _rows(place: Place, query: str) -> list[tuple[Any, ...]]:
    async with opened(place) as sql:
        return await sql.rows(query)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_copies_of_feedback_are_what_the_service_would_have_written(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """They are counted as by its triggers, bound to turns of their own, and it goes on with them."""
    is_sqlite = kind == "sqlite"
    address = f"{tmp_path}/some.db" if is_sqlite else request.getfixturevalue("postgres_url")
    place = Place("sqlite" if is_sqlite else "postgres", address, tmp_path)
    async with await open_backend(place.url) as backend:
        await _plant(backend)
    parts = filling.SQLITE_PARTS if is_sqlite else filling.POSTGRES_PARTS
    before = await _rows(place, parts), await _rows(place, COUNTS)
    async with opened(place) as sql:
        await filling.recount(sql)
    assert await _rows(place, COUNTS) == before[1]

    await filling.grow(place, 1, 2, lambda _: None)
    await filling.grow(place, 3, 4, lambda _: None)
    assert sorted(await _rows(place, parts)) == sorted(before[0])
    async with await open_backend(place.url) as backend:
        feedback = backend.feedback
        found = (await feedback.scores(ScoreQuery(turns=True))).items
        assert (len(found), len({each.score_id for each in found})) == (30, 30)
        assert len(_questions(found)) == 4
        assert (found[0].created_at - found[-1].created_at) / filling.DAY_US > 60
        await _plant(backend)
        cells = [each.tally for each in await feedback.score_stats(ScoreStatsQuery())]
        assert sum(each.thumbs_up for each in cells) == 24
        assert sum(each.thumbs_down for each in cells) == 12


def _questions(found: Iterable[Any]) -> set[str]:
    return {each.question for each in found}
