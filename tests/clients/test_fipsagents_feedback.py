"""`HttpFeedbackStore` of the published fipsagents, method by method, against the real service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fipsagents.server.feedback import FeedbackRecord
from fipsagents.server.http import HttpFeedbackStore, PlatformError

from tests.clients import agents
from tests.clients.agents import unique
from tests.processes import Process


@pytest.fixture(params=["", "/a/agent-1"])
async def feedback(
    service: Process, request: pytest.FixtureRequest
) -> AsyncIterator[HttpFeedbackStore]:
    """The store of one agent, with and without an agent in its base URL."""
    async with agents.stores(service.url + request.param) as opened:
        yield opened.feedback


def a_vote(**changed: object) -> FeedbackRecord:
    """A thumbs up about one turn."""
    made = FeedbackRecord(
        feedback_id="fb_ignored",
        trace_id=unique("trace"),
        session_id=unique("sess"),
        rating=1,
        comment="[style] schön kurz 👍",
        correction="It was Tuesday.",
        model_id="m",
        latency_ms=12.75,
        turn_index=4,
        agent_type="router",
        created_at="1999-01-01T00:00:00+00:00",
        user_id="mallory",
    )
    return replace(made, **changed)


async def test_a_vote_comes_back_with_what_the_service_adds(feedback: HttpFeedbackStore) -> None:
    """Id, time and user are the service's; everything else is as sent."""
    vote = a_vote()
    before = datetime.now(UTC) - timedelta(seconds=5)
    kept = await feedback.add(vote)
    found = await feedback.get(kept)
    assert found is not None
    assert kept != vote.feedback_id
    created = datetime.fromisoformat(found.created_at)
    assert before <= created <= datetime.now(UTC) + timedelta(seconds=5)
    given = {"feedback_id": kept, "created_at": found.created_at, "user_id": "anonymous"}
    assert found == replace(vote, **given)


async def test_the_least_is_a_rating(feedback: HttpFeedbackStore) -> None:
    """A vote that is about nothing reads back with a trace id, which old clients need."""
    empty = ("session_id", "comment", "correction", "model_id", "latency_ms", "turn_index")
    bare = a_vote(rating=-1, trace_id=None, agent_type=None, **dict.fromkeys(empty))
    found = await feedback.get(await feedback.add(bare))
    assert found is not None
    assert isinstance(found.trace_id, str)
    assert (found.rating, found.comment, found.turn_index) == (-1, None, None)


async def test_a_missing_record_is_none(feedback: HttpFeedbackStore) -> None:
    """A record that is not there is None, to read and to change."""
    assert await feedback.get(unique("fb")) is None
    assert await feedback.update(unique("fb"), rating=1) is None
    assert await feedback.update(unique("fb")) is None


@pytest.mark.parametrize(
    "wrong", [{"rating": 0}, {"rating": 5}, {"latency_ms": -1.0}, {"turn_index": -1}]
)
async def test_a_wrong_value_is_refused(
    feedback: HttpFeedbackStore, wrong: dict[str, object]
) -> None:
    """A rating that is not a thumb and negative measures are client errors."""
    with pytest.raises(PlatformError) as refused:
        await feedback.add(a_vote(**wrong))
    assert refused.value.status_code == 422


async def test_query_filters(feedback: HttpFeedbackStore) -> None:
    """By trace, by session, by user; together they narrow."""
    session, trace = unique("sess"), unique("trace")
    ids = [
        await feedback.add(a_vote(session_id=session, trace_id=trace)),
        await feedback.add(a_vote(session_id=session)),
        await feedback.add(a_vote(trace_id=trace)),
    ]

    async def found(**filters: str) -> set[str]:
        return {record.feedback_id for record in await feedback.query(**filters)}

    assert await found(session_id=session) == {ids[0], ids[1]}
    assert await found(trace_id=trace) == {ids[0], ids[2]}
    assert await found(trace_id=trace, session_id=session) == {ids[0]}
    assert await found(session_id=session, user_id="anonymous") == {ids[0], ids[1]}
    assert await found(session_id=session, user_id="mallory") == set()


async def test_query_is_newest_first_and_pages(feedback: HttpFeedbackStore) -> None:
    """Limit and offset walk through, latest first."""
    session = unique("sess")
    ids = [await feedback.add(a_vote(session_id=session)) for _ in range(5)]
    everything = await feedback.query(session_id=session)
    assert {record.feedback_id for record in everything} == set(ids)
    times = [record.created_at for record in everything]
    assert times == sorted(times, reverse=True)
    pages = [
        await feedback.query(session_id=session, limit=2, offset=offset) for offset in (0, 2, 4, 6)
    ]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [record for page in pages for record in page] == everything


async def test_query_clamps_what_it_is_asked_for(feedback: HttpFeedbackStore) -> None:
    """Old clients may ask for too much or for less than nothing; they get what there is."""
    session = unique("sess")
    await feedback.add(a_vote(session_id=session))
    assert len(await feedback.query(session_id=session, limit=5000)) == 1
    assert len(await feedback.query(session_id=session, offset=-3)) == 1
    assert len(await feedback.query(session_id=session, limit=-1)) == 1


async def test_query_by_time(feedback: HttpFeedbackStore) -> None:
    """`since` is inclusive, `until` exclusive, and a naive time is UTC."""
    session = unique("sess")
    found = await feedback.get(await feedback.add(a_vote(session_id=session)))
    assert found is not None
    at = datetime.fromisoformat(found.created_at)
    tick = timedelta(microseconds=1)
    assert len(await feedback.query(session_id=session, since=at)) == 1
    assert len(await feedback.query(session_id=session, until=at)) == 0
    assert len(await feedback.query(session_id=session, until=at + tick)) == 1
    naive = at.astimezone(UTC).replace(tzinfo=None)
    assert len(await feedback.query(session_id=session, since=naive, until=naive + tick)) == 1
    shifted = at.astimezone(UTC) + tick
    assert len(await feedback.query(session_id=session, since=shifted)) == 0


@pytest.mark.parametrize("window", ["hour", "day", "week"])
async def test_stats_count(feedback: HttpFeedbackStore, window: str) -> None:
    """Votes of one agent type are counted by window of UTC time; weeks begin on Monday."""
    kind = unique("agent")
    for rating in (1, 1, -1):
        await feedback.add(a_vote(agent_type=kind, rating=rating))
    rows = await feedback.stats(window=window, agent_type=kind)
    assert sum(row.thumbs_up for row in rows) == 2
    assert sum(row.thumbs_down for row in rows) == 1
    assert {row.agent_type for row in rows} == {kind}
    for row in rows:
        start, end = map(datetime.fromisoformat, (row.window_start, row.window_end))
        assert row.total == row.thumbs_up + row.thumbs_down
        assert start.utcoffset() == timedelta(0)
        assert end - start == {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(
            window, timedelta(weeks=1)
        )
        assert (start.minute, start.second) == (0, 0)
        assert window == "hour" or start.hour == 0
        assert window != "week" or start.weekday() == 0


async def test_stats_follow_a_change_of_mind(feedback: HttpFeedbackStore) -> None:
    """A changed rating moves from one count to the other."""
    kind = unique("agent")
    vote = await feedback.add(a_vote(agent_type=kind, rating=1))
    await feedback.update(vote, rating=-1)
    (row,) = await feedback.stats(agent_type=kind)
    assert (row.thumbs_up, row.thumbs_down, row.total) == (0, 1, 1)


async def test_stats_by_time(feedback: HttpFeedbackStore) -> None:
    """Only votes of the asked time are counted."""
    kind = unique("agent")
    await feedback.add(a_vote(agent_type=kind))
    now = datetime.now(UTC)
    assert await feedback.stats(agent_type=kind, since=now + timedelta(days=1)) == []
    assert await feedback.stats(agent_type=kind, until=now - timedelta(days=1)) == []
    rows = await feedback.stats(agent_type=kind, since=now - timedelta(days=1))
    assert sum(row.total for row in rows) == 1


async def test_stats_of_an_unknown_window_are_refused(feedback: HttpFeedbackStore) -> None:
    """A window that there is not is a client error."""
    with pytest.raises(PlatformError) as refused:
        await feedback.stats(window="year")
    assert refused.value.status_code == 400


async def test_update_changes_what_it_names(feedback: HttpFeedbackStore) -> None:
    """The named fields change, the others stay, and the record is answered."""
    vote = await feedback.add(a_vote())
    changed = await feedback.update(vote, rating=-1, comment="")
    assert changed is not None
    assert (changed.rating, changed.correction) == (-1, "It was Tuesday.")
    assert not changed.comment
    assert await feedback.get(vote) == changed
    corrected = await feedback.update(vote, correction="It was Monday.")
    assert corrected is not None
    assert (corrected.rating, corrected.correction) == (-1, "It was Monday.")


async def test_update_of_nothing_reads(feedback: HttpFeedbackStore) -> None:
    """Without a change the record is answered as it is."""
    vote = await feedback.add(a_vote())
    assert await feedback.update(vote) == await feedback.get(vote)


async def test_delete_before_leaves_everything(feedback: HttpFeedbackStore) -> None:
    """The client leaves retention to the service."""
    vote = await feedback.add(a_vote())
    assert await feedback.delete_before(datetime.now(UTC) + timedelta(days=1)) == 0
    assert await feedback.get(vote) is not None
