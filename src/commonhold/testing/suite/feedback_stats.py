"""Feedback: statistics always equal a recount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from commonhold.contract.stores import Backend
from commonhold.model.clock import Micros, from_rfc3339
from commonhold.model.feedback import (
    HOUR,
    Feedback,
    FeedbackPatch,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.testing.conformance import StoppedClock
from commonhold.testing.factories import NOON

MONDAY = from_rfc3339("2026-04-27T00:00:00Z")
WIDTHS = {"hour": HOUR, "day": 24 * HOUR, "week": 7 * 24 * HOUR}
MINUTE = 60_000_000

Counted = dict[tuple[int, int, str | None], tuple[int, int]]


def recount(records: Sequence[Feedback], query: StatsQuery) -> Counted:
    """The statistics as a person would count them: one record at a time."""
    width = WIDTHS[query.window]
    counts: Counter[tuple[int, int, str | None, int]] = Counter()
    for record in records:
        if query.since is not None and record.created_at < query.since:
            continue
        if query.until is not None and record.created_at >= query.until:
            continue
        if query.agent_type not in (None, record.agent_type):
            continue
        start = MONDAY + (record.created_at - MONDAY) // width * width
        counts[start, start + width, record.agent_type, record.rating] += 1
    windows = {key[:3] for key in counts}
    return {window: (counts[*window, 1], counts[*window, -1]) for window in windows}


def as_counted(stats: Sequence[FeedbackStats]) -> Counted:
    """Statistics in the form of a recount."""
    counted: Counted = {
        (item.window_start, item.window_end, item.agent_type): (item.thumbs_up, item.thumbs_down)
        for item in stats
    }
    assert len(counted) == len(stats), "a window and an agent type come once"
    return counted


async def random_records(
    backend: Backend, clock: StoppedClock, random: Random, count: int
) -> list[Feedback]:
    """Votes over three weeks, some on the very edge of an hour."""
    records = []
    for _ in range(count):
        at = MONDAY + random.randrange(-7 * 24 * HOUR, 14 * 24 * HOUR)
        if random.random() < 0.3:
            at = at - at % HOUR + random.choice((-1, 0, 1))
        clock.set(at)
        new = NewFeedback(
            rating=random.choice((1, -1)), agent_type=random.choice((None, "weather", "billing"))
        )
        records.append(await backend.feedback.create(new))
    return records


def queries(random: Random, records: Sequence[Feedback]) -> list[StatsQuery]:
    """Every window, with bounds on and off the hour, within one hour, and the wrong way round."""
    moments: list[int | None] = [None, MONDAY, MONDAY + 5 * HOUR, MONDAY + 90 * MINUTE]
    moments += [record.created_at + random.choice((-1, 0, 1)) for record in records[:6]]
    asked = []
    for window in WIDTHS:
        for _ in range(8):
            since, until = random.choice(moments), random.choice(moments)
            asked.append(
                StatsQuery(
                    window=window,
                    agent_type=random.choice((None, None, "weather", "nobody")),
                    since=None if since is None else Micros(since),
                    until=None if until is None else Micros(until),
                )
            )
        inside = Micros(MONDAY + 10 * MINUTE), Micros(MONDAY + 50 * MINUTE)
        asked += [StatsQuery(window), StatsQuery(window, since=inside[0], until=inside[1])]
    return asked


@pytest.mark.parametrize("seed", range(3))
async def test_statistics_equal_a_recount(backend: Backend, clock: StoppedClock, seed: int) -> None:
    """F4. For every window and any bounds, also off the hour, and after votes were changed."""
    random = Random(seed)  # noqa: S311  (the same votes every time)
    records = await random_records(backend, clock, random, 60)
    for query in queries(random, records):
        assert as_counted(await backend.feedback.stats(query)) == recount(records, query), query
    for n in random.sample(range(60), 15):
        patch = FeedbackPatch(rating=random.choice((1, -1)), comment="changed")
        records[n] = await backend.feedback.patch(records[n].feedback_id, patch)
    for query in queries(random, records):
        assert as_counted(await backend.feedback.stats(query)) == recount(records, query), query


async def test_a_store_with_no_feedback_has_no_statistics(backend: Backend) -> None:
    """F4. Empty windows are left out, so all of them are."""
    assert await backend.feedback.stats() == ()
    assert await backend.feedback.stats(StatsQuery("week", since=NOON, until=NOON)) == ()


async def test_windows_are_utc_and_weeks_begin_on_monday(
    backend: Backend, clock: StoppedClock
) -> None:
    """F4. The bounds of a window are where the calendar has them."""
    clock.set(from_rfc3339("2026-05-03T23:59:59.999999Z"))
    await backend.feedback.create(NewFeedback(1))
    bounds = {
        "hour": ("2026-05-03T23:00:00Z", "2026-05-04T00:00:00Z"),
        "day": ("2026-05-03T00:00:00Z", "2026-05-04T00:00:00Z"),
        "week": ("2026-04-27T00:00:00Z", "2026-05-04T00:00:00Z"),
    }
    for window, (start, end) in bounds.items():
        (found,) = await backend.feedback.stats(StatsQuery(window))
        assert (found.window_start, found.window_end) == (from_rfc3339(start), from_rfc3339(end))
        assert (found.thumbs_up, found.thumbs_down, found.total) == (1, 0, 1)


async def test_statistics_come_oldest_window_first(backend: Backend, clock: StoppedClock) -> None:
    """F4. Whatever the order of arrival."""
    for hours in (5, 1, 3, 2, 4):
        clock.set(MONDAY + hours * HOUR)
        await backend.feedback.create(NewFeedback(1))
    found = await backend.feedback.stats(StatsQuery("hour"))
    assert [item.window_start for item in found] == [MONDAY + n * HOUR for n in range(1, 6)]


async def test_a_changed_rating_moves_the_counts(backend: Backend, clock: StoppedClock) -> None:
    """F4. In the window of the vote, not in that of the change; the same rating moves nothing."""
    made = await backend.feedback.create(NewFeedback(1, agent_type="weather"))
    clock.advance(7200)
    for rating, expected in ((-1, (0, 1)), (-1, (0, 1)), (1, (1, 0))):
        await backend.feedback.patch(made.feedback_id, FeedbackPatch(rating=rating))
        (found,) = await backend.feedback.stats(StatsQuery("hour"))
        assert (found.thumbs_up, found.thumbs_down) == expected
        assert found.window_start == NOON
    await backend.feedback.patch(made.feedback_id, FeedbackPatch(comment="only words"))
    assert len(await backend.feedback.stats(StatsQuery("hour"))) == 1
