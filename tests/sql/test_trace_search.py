"""A search in traces reads stretches of time from the newest on, and finds what one look would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.clock import Micros
from commonhold.model.page import encode_cursor
from commonhold.model.time_windows import ALWAYS, MOST, stretch
from commonhold.model.trace import TraceQuery
from commonhold.sql import SqlBackend, open_backend, trace_search
from commonhold.testing.otel import otel_span

SECOND = 1_000_000_000
BEGINS = 1_700_000_000 * SECOND
moments = st.integers(-(2**50), 2**52)


@given(moments, st.integers(1, 2**49))
def test_windows_cover_their_stretch_and_nothing_younger(since: int, width: int) -> None:
    """Each moment is in just one of them, and few are enough."""
    at = stretch(since, since + width)
    if at.windows is None:
        assert width > 2**48
        return
    assert len(at.windows) <= MOST
    assert at.since <= since
    for moment in (at.since, since, since + width // 2, since + width - 1):
        assert sum(number in at.windows for number in times_of(moment)) == 1
    assert not set(times_of(at.since - 1)) & set(at.windows)


@given(moments, st.integers(1, 2**30), st.lists(st.integers(0, 3), max_size=12))
def test_stretches_follow_each_other_without_a_gap(
    since: int, width: int, matches: list[int]
) -> None:
    """And each is several times as long as the last, so that a few reach the oldest trace."""
    at = stretch(since, since + width)
    for found in matches:
        older = at.older(found)
        if older.windows is None:
            assert older.since == ALWAYS
            return
        assert older.until == at.since
        assert older.until - older.since >= 16 * (at.until - at.since)
        at = older


def times_of(moment: int) -> Iterator[int]:
    """The windows of a moment as the schema has them: a shift for each width, the width below."""
    for level, shift in enumerate((20, 24, 28, 32, 36, 40, 44)):
        yield (moment >> shift) * 8 + level


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database of each kind."""
    if request.param == "postgres":
        address: str = request.getfixturevalue("postgres_url")
        return address
    return "sqlite:///:memory:"


async def test_a_search_by_stretches_finds_what_one_look_at_everything_finds(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, with bounds and without: half a second and months apart."""
    rng = random.Random(4)
    async with await open_backend(url) as backend:
        begin = BEGINS
        for number in range(1, 121):
            begin += round(SECOND * 10 ** rng.uniform(-0.3, 7))
            words = " ".join(word for word, n in WORDS.items() if number % n == 0)
            await put(backend, number, begin, f"x {words}")
        whole = {query: await pages(backend, query) for query in QUERIES}
        monkeypatch.setattr(trace_search, "NEAR", 3)
        by_stretches = {query: await pages(backend, query) for query in QUERIES}
    assert by_stretches == whole
    assert sorted({len(found) for found in whole.values()})[:3] == [1, 2, 4]


def after(seconds: int) -> Micros:
    """So long after the first trace."""
    return Micros((BEGINS + seconds * SECOND) // 1000)


WORDS = {"common": 2, "other": 3, "rare": 29, "first": 118}
QUERIES = (
    *(TraceQuery(q=word, limit=7) for word in ("x", "common", "common other", "rare", "first")),
    TraceQuery(q="common", limit=7, offset=11),
    TraceQuery(q="com*", limit=50, since=after(50_000)),
    TraceQuery(q="other", limit=3, until=after(400_000)),
    TraceQuery(q="x rare", limit=2, status="ok"),
    TraceQuery(q="x", limit=2, until=after(9_000)),
)


async def pages(backend: SqlBackend, query: TraceQuery) -> list[str]:
    """The ids of all pages of a search."""
    found: list[str] = []
    while True:
        page = await backend.traces.list(query)
        found += [item.trace_id for item in page.items]
        if page.cursor is None:
            return found
        query = replace(query, cursor=page.cursor, offset=0)


async def put(backend: SqlBackend, number: int, begin: int, name: str, span: int = 1) -> None:
    """Record a span of a trace."""
    one = otel_span(
        trace_id=f"{number:032x}", span_id=f"{span:016x}", name=name, start_ns=begin,
        end_ns=begin + SECOND,
    )  # fmt: skip
    await backend.traces.record([one])


async def test_a_trace_that_turns_out_to_have_begun_earlier_is_found_there(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its root came last: the words of all its spans are found by the new beginning."""
    monkeypatch.setattr(trace_search, "NEAR", 1)
    async with await open_backend(url) as backend:
        for number in range(1, 9):
            await put(backend, number, BEGINS + number * 100 * SECOND, "word")
        assert await pages(backend, TraceQuery(q="word", limit=3)) == ids(8, 7, 6, 5, 4, 3, 2, 1)
        await put(backend, 8, BEGINS - 10**7 * SECOND, "root", span=2)
        assert await pages(backend, TraceQuery(q="word", limit=3)) == ids(7, 6, 5, 4, 3, 2, 1, 8)


async def test_traces_decades_apart_are_found_once_each(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks that were never set say 1970: no window is as wide as what lies between."""
    monkeypatch.setattr(trace_search, "NEAR", 1)
    async with await open_backend(url) as backend:
        for number, year in enumerate((0, 1, 2, 20, 21, 52, 53), start=1):
            await put(backend, number, year * 31_557_600 * SECOND + SECOND, "word")
        for limit in (2, 50):
            assert await pages(backend, TraceQuery(q="word", limit=limit)) == ids(*range(7, 0, -1))


async def test_a_search_goes_on_from_the_last_moment_there_is(url: str) -> None:
    """A cursor that nobody was given may hold any whole number."""
    async with await open_backend(url) as backend:
        await put(backend, 1, BEGINS, "word")
        query = TraceQuery(q="word", cursor=encode_cursor((2**63 - 1, "x")))
        assert await pages(backend, query) == ids(1)


def ids(*numbers: int) -> list[str]:
    """Ids of traces."""
    return [f"{number:032x}" for number in numbers]
