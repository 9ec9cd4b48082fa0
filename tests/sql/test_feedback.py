"""Feedback over SQL: counts that never drift, votes at once, and targets that come in between."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from itertools import pairwise
from math import isclose
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from commonhold.errors import InvalidRequest
from commonhold.model.clock import Micros, from_datetime, from_rfc3339, to_datetime
from commonhold.model.feedback import HOUR, NewFeedback
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Author, Scope
from commonhold.model.score import NewScore, Score, ScorePatch, ScoreQuery
from commonhold.model.score_stats import GROUPS, STATS_WINDOWS, ScoreStatsQuery, Tally
from commonhold.sql import SqlBackend, open_backend
from commonhold.testing.conformance import StoppedClock, clock
from commonhold.testing.factories import message, request_spans, trace
from commonhold.testing.suite.reading import all_of

__all__ = ["clock"]

ZONES = {
    "UTC": from_rfc3339("2026-03-28T18:00:00Z"),
    "Europe/Berlin": from_rfc3339("2026-03-28T18:00:00Z"),  # an hour is skipped that night
    "America/New_York": from_rfc3339("2026-10-31T21:00:00Z"),  # one comes twice
    "Australia/Lord_Howe": from_rfc3339("2026-04-04T06:00:00Z"),  # half an hour comes twice
    "Asia/Kolkata": from_rfc3339("2026-03-31T12:00:00Z"),  # half an hour beside the others
}


@pytest.fixture(params=["sqlite", "postgres"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[SqlBackend]:
    """A database of each dialect."""
    is_sqlite = request.param == "sqlite"
    url = "sqlite:///:memory:" if is_sqlite else request.getfixturevalue("postgres_url")
    async with await open_backend(url) as opened:
        yield opened


def bound(backend: SqlBackend, agent: str = "", user: str = "") -> SqlBackend:
    """The backend as an agent, on behalf of a user."""
    return backend.bind(Scope(author=Author(agent=agent, user=user)))


async def random_day(backend: SqlBackend, clock: StoppedClock, random: Random, start: int) -> None:
    """Writes, changes and removals of a day and a half, some on the very edge of an hour."""
    made: list[str] = []
    for _ in range(60):
        at = start + random.randrange(36 * HOUR)
        clock.set(at - at % HOUR + random.choice((-1, 0, 1)) if random.random() < 0.3 else at)
        store = bound(backend, random.choice("ab"), random.choice(("", "ada"))).feedback
        new = NewScore(
            *random.choice((("user_feedback", "boolean", 1.0), ("fit", "numeric", -2.75))),
            label=random.choice((None, "x")),
            source=random.choice(("human", "llm")),
            model_id=random.choice((None, "m")),
            agent_type=random.choice((None, "t")),
            session_id=random.choice((None, "s", "z")),
            comment=random.choice((None, "said")),
        )
        made += [score.score_id for score in await store.put_scores([new])]
        chosen = random.choice(made)
        deed = random.random()
        if deed < 0.15:
            made = [each for each in made if each != chosen]
            await store.delete_score(chosen)
        elif deed < 0.4:
            await store.patch_score(chosen, ScorePatch(random.choice((0.0, 1.0)), label="y"))


def expected(
    records: Iterable[Score], query: ScoreStatsQuery
) -> dict[tuple[Micros, str | None], Tally]:
    """The statistics as a person with a calendar would count them: one record at a time."""
    found: dict[tuple[Micros, str | None], list[Score]] = defaultdict(list)
    for record in records:
        if query.since is not None and record.created_at < query.since:
            continue
        if query.until is not None and record.created_at >= query.until:
            continue
        if query.name in (None, record.name):
            key = window_of(record.created_at, query), group_of(record, query.group_by)
            found[key].append(record)
    return {key: tally_of(several) for key, several in found.items()}


def window_of(at: Micros, query: ScoreStatsQuery) -> Micros:
    """The beginning of a record's window, by the clocks of the zone."""
    zone = ZoneInfo(query.tz)
    local = to_datetime(at).astimezone(zone)
    if query.window in ("minute", "hour"):
        local = local.replace(second=0, microsecond=0)
        begun = local.replace(minute=0) if query.window == "hour" else local
        return from_datetime(begun)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if query.window == "week":
        day -= timedelta(days=day.weekday())
    return from_datetime(day.replace(day=1) if query.window == "month" else day)


def group_of(record: Score, group_by: str | None) -> str | None:
    """What a record is counted under."""
    groups: dict[str | None, str | None] = {
        None: None,
        "agent": record.turn.agent,
        "agent_type": record.agent_type,
        "model": record.turn.model,
        "name": record.name,
        "label": record.label,
        "source": record.source,
        "user": record.user_id,
    }
    return groups[group_by] or None


def tally_of(records: Iterable[Score]) -> Tally:
    """What some records amount to."""
    several = list(records)
    ratings = [each.rating for each in several]
    values = [each.value_num for each in several if each.value_num is not None]
    return Tally(len(several), ratings.count(1), ratings.count(-1), len(values), sum(values))


@pytest.mark.parametrize("tz", ZONES)
async def test_counts_equal_a_recount_after_a_random_day(
    backend: SqlBackend, clock: StoppedClock, tz: str
) -> None:
    """Whatever was written, changed and removed, in every window and group, over a change of time."""
    random = Random(tz)
    await random_day(backend, clock, random, ZONES[tz])
    records = await all_of(backend.feedback.scores, ScoreQuery(limit=200))
    moments = [None, *(each.created_at for each in random.sample(records, 4))]
    for window in STATS_WINDOWS:
        for group in (None, *GROUPS):
            since, until = sorted(random.sample(moments, 2), key=lambda at: at or 0)
            query = ScoreStatsQuery(window, tz, group, since=since, until=until)
            await agree(backend, records, query)
        await agree(backend, records, ScoreStatsQuery(window, tz, "user", name="fit"))
        await agree(backend, records, ScoreStatsQuery(window, tz, "agent", name="fit"))


async def agree(backend: SqlBackend, records: list[Score], query: ScoreStatsQuery) -> None:
    """Compare statistics with a recount."""
    if query.window in ("minute", "hour") and "Lord_Howe" in query.tz:
        return  # where half an hour comes twice, a full one is no longer what clocks say
    told = await backend.feedback.score_stats(query)
    found = {(each.window_start, each.group): each.tally for each in told}
    wanted = expected(records, query)
    assert found.keys() == wanted.keys(), query
    for key, tally in wanted.items():
        assert isclose(found[key].value_sum, tally.value_sum, abs_tol=1e-9), query
        same: Any = (tally.count, tally.thumbs_up, tally.thumbs_down, tally.valued)
        got = found[key]
        assert (got.count, got.thumbs_up, got.thumbs_down, got.valued) == same, query
    for before, after in pairwise(sorted({each.window_start for each in told})):
        assert before < after
    assert all(each.window_start < each.window_end for each in told)


async def test_a_window_is_compared_with_the_one_before(
    backend: SqlBackend, clock: StoppedClock
) -> None:
    """The same group in the day before, also in the day before what is asked for."""
    for day, ratings in enumerate(((1, -1), (1, 1, 1, -1))):
        clock.set(from_rfc3339("2026-04-27T12:00:00Z") + day * 24 * HOUR)
        for rating in ratings:
            await backend.feedback.create(NewFeedback(rating))
    since = from_rfc3339("2026-04-28T00:00:00Z")
    [stats] = await backend.feedback.score_stats(ScoreStatsQuery(since=since))
    assert (stats.count_delta, stats.ratio_delta) == (2, 0.25)
    assert stats.interval == pytest.approx((0.3006, 0.9544), abs=1e-4)


async def test_more_windows_than_anybody_reads_are_refused(
    backend: SqlBackend, clock: StoppedClock
) -> None:
    """And the message says how many there may be; bounds beyond what there is do not count."""
    for _ in range(2):
        await backend.feedback.create(NewFeedback(1))
        clock.advance(8 * 86_400)
    with pytest.raises(InvalidRequest, match="10000 windows"):
        await backend.feedback.score_stats(ScoreStatsQuery("minute"))
    query = ScoreStatsQuery("hour", since=Micros(0), until=from_rfc3339("2999-01-01T00:00:00Z"))
    assert len(await backend.feedback.score_stats(query)) == 2


async def test_fifty_votes_at_once_are_one(backend: SqlBackend) -> None:
    """Of one user on one turn: one record, and counts as if there had never been another."""
    talk = [message("q", "?"), message("a", "!", role="assistant")]
    await bound(backend, "weather").sessions.append("s", talk)
    ada = bound(backend, "web", "ada").feedback
    votes = [NewFeedback(1 if n % 2 else -1, session_id="s", turn_index=0) for n in range(50)]
    made = await asyncio.gather(*(ada.create(vote) for vote in votes))
    [kept] = (await backend.feedback.list()).items
    assert {vote.feedback_id for vote in made} == {kept.feedback_id}
    [stats] = await backend.feedback.score_stats(ScoreStatsQuery(group_by="agent"))
    up = int(kept.rating == 1)
    assert (stats.group, stats.tally.count) == ("weather", 1)
    assert (stats.tally.thumbs_up, stats.tally.thumbs_down) == (up, 1 - up)


async def test_scores_that_are_written_beside_each_other_do_not_wait_for_ever(
    backend: SqlBackend,
) -> None:
    """Many in one transaction, in whatever order: none is lost, and none is refused."""
    new = [NewScore(f"n{n}", "numeric", n, label=f"l{n % 3}") for n in range(12)]
    await asyncio.gather(
        *(
            bound(backend, f"a{n % 2}").feedback.put_scores(new if n % 2 else new[::-1])
            for n in range(8)
        )
    )
    told = await backend.feedback.score_stats(ScoreStatsQuery(group_by="name"))
    assert {each.group: each.tally.count for each in told} == {f"n{n}": 8 for n in range(12)}


async def test_votes_and_turns_that_come_at_once_find_each_other(
    backend: SqlBackend, clock: StoppedClock
) -> None:
    """Neither saw the other when it was written, and still no vote is left behind."""

    async def speak(n: int) -> None:
        talk = [message("q", "?"), message("a", "!", role="assistant")]
        await bound(backend, "weather").sessions.append(f"s{n}", talk)

    async def vote(n: int) -> None:
        await backend.feedback.create(NewFeedback(1, session_id=f"s{n}", turn_index=0))

    await asyncio.gather(*(deed(n) for n in range(40) for deed in (speak, vote)))
    clock.advance(61)
    found = await all_of(backend.feedback.scores, ScoreQuery(agent="weather"))
    assert len(found) == 40


async def test_a_trace_without_a_session_says_what_was_asked_and_answered(
    backend: SqlBackend,
) -> None:
    """The input and the output of its root, where there is no message to show."""
    root = request_spans("t", prefix="p")[0]
    said = JsonText('{"input.value": "why?", "output.value": "because"}')
    [whole] = [type(root)(**{**_fields(root), "attributes": said, "parent_span_id": None})]
    await bound(backend, "weather").traces.put(trace("t", session_id=None, spans=(whole,)))
    await backend.feedback.create(NewFeedback(-1, trace_id="t"))
    [score] = (await backend.feedback.scores(ScoreQuery(turns=True))).items
    assert (score.question, score.answer) == ('"why?"', '"because"')
    assert (score.turn.state, score.turn.agent) == ("bound", "weather")


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
