"""Copies of traces, out of which the benchmark of trace lists makes millions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import asyncpg
import pytest

from bench.traces.copies import copy
from bench.traces.seeds import MODELS, TRACES, VOTES, Seed
from bench.traces.subjects import Place

HOUR_US = 3_600_000_000
SCHEMA = (
    "CREATE TABLE trace (trace_id TEXT PRIMARY KEY, started_at BIGINT, duration_ns BIGINT)",
    "CREATE TABLE span (trace_id TEXT, span_id TEXT, parent_span_id TEXT, start_ns BIGINT)",
    "CREATE TABLE other (name TEXT)",
    f"INSERT INTO trace VALUES ('{'aa' * 16}', {9 * HOUR_US}, 5)",
    f"INSERT INTO span VALUES ('{'aa' * 16}', '{'bb' * 8}', NULL, {9 * HOUR_US * 1000})",
    f"INSERT INTO span VALUES ('{'aa' * 16}', '{'cc' * 8}', '{'bb' * 8}', {9 * HOUR_US * 1000 + 1})",
    "INSERT INTO other VALUES ('alone')",
)
TRACE = "SELECT trace_id, started_at, duration_ns FROM trace ORDER BY started_at DESC"
SPANS = "SELECT trace_id, span_id, parent_span_id, start_ns FROM span ORDER BY start_ns DESC"
OTHER = "SELECT count(*) FROM other"

Rows = list[tuple]


async def _copied_on_sqlite(folder: Path) -> tuple[Rows, Rows, Rows]:
    place = Place("sqlite", f"{folder}/copies.db", folder)
    numbered = "CREATE TABLE numbered (row_id INTEGER PRIMARY KEY, trace_id TEXT)"
    with sqlite3.connect(place.address) as file:
        for statement in (*SCHEMA, numbered, f"INSERT INTO numbered VALUES (1, '{'aa' * 16}')"):
            file.execute(statement)
    file.close()
    await _copy(place)
    file = sqlite3.connect(place.address)
    found = [file.execute(query).fetchall() for query in (TRACE, SPANS, OTHER)]
    assert file.execute("SELECT count(*) FROM numbered").fetchone() == (5,)
    file.close()
    return found[0], found[1], found[2]


async def _copied_on_postgres(url: str, folder: Path) -> tuple[Rows, Rows, Rows]:
    connection = await asyncpg.connect(url)
    for statement in SCHEMA:
        await connection.execute(statement)
    await _copy(Place("postgres", url, folder))
    found = [
        [tuple(row) for row in await connection.fetch(query)] for query in (TRACE, SPANS, OTHER)
    ]
    await connection.close()
    return found[0], found[1], found[2]


async def _copy(place: Place) -> None:
    """In two goes, as the benchmark does."""
    await copy(place, 1, 2, HOUR_US, lambda _: None)
    await copy(place, 3, 4, HOUR_US, lambda _: None)


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
async def test_copies_are_traces_of_their_own_that_hang_together(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each is as far from the last in time, and only what knows traces is copied."""
    if backend == "sqlite":
        traces, spans, other = await _copied_on_sqlite(tmp_path)
    else:
        url = request.getfixturevalue("empty_postgres_url")
        traces, spans, other = await _copied_on_postgres(url, tmp_path)
    assert other == [(1,)]
    assert [(at, took) for _, at, took in traces] == [(n * HOUR_US, 5) for n in (9, 8, 7, 6, 5)]
    assert len({trace_id for trace_id, *_ in traces}) == 5
    assert len({span_id for _, span_id, *_ in spans}) == len(spans) == 10
    for (trace_id, at, _), child, root in zip(traces, spans[::2], spans[1::2], strict=True):
        assert root[0] == child[0] == trace_id
        assert (root[2], child[2]) == (None, root[1])
        assert (root[3], child[3]) == (at * 1000, at * 1000 + 1)
        assert (len(trace_id), len(root[1])) == (32, 16)


def test_every_filter_has_matches_among_the_seeds() -> None:
    """At the smallest size there are ten of each, and a page is fifty."""
    seeds = [Seed(number) for number in range(TRACES)]
    both = [seed for seed in seeds if seed.agent == seeds[0].agent and seed.has_failed]
    down = [n for n in range(0, TRACES, VOTES) if n // VOTES % 2]
    slow = [seed for seed in seeds if 4200 * seed.stretch >= 9000]
    model = [seed for seed in seeds if seed.model == MODELS[3]]
    needles = [seed for seed in seeds if seed.is_needle]
    assert all(5 <= len(found) <= 200 for found in (both, down, slow, model, needles))
