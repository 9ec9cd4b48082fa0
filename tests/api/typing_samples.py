"""Code as users write it: it only has to type-check. Never run."""

from __future__ import annotations

from typing import assert_type

import commonhold
from commonhold import (
    Author,
    Connection,
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    History,
    Message,
    NewFeedback,
    NewSession,
    Page,
    Scope,
    Session,
    SessionQuery,
    StatsQuery,
    Stores,
    Trace,
    TraceSummary,
    Written,
)


async def entered() -> None:
    """`connect` as a context."""
    async with commonhold.connect("sqlite:///agent.db", agent="weather") as stores:
        assert_type(stores, Stores)


async def awaited() -> Stores:
    """`connect` awaited."""
    connection = commonhold.connect(sessions="https://host", traces="null:", feedback="null:")
    assert_type(connection, Connection)
    stores = await connection
    assert_type(stores, Stores)
    assert_type(stores.bind(Scope(author=Author(agent="weather"))), Stores)
    return stores


async def sessions(stores: Stores) -> None:
    """Every answer has its type."""
    assert_type(await stores.sessions.create(), Session)
    assert_type(await stores.sessions.create(NewSession("s1", title="Weather")), Session)
    assert_type(await stores.sessions.find("s1"), Session | None)
    assert_type(await stores.sessions.put("s1", ['{"role": "user"}']), Written)
    assert_type(await stores.sessions.put("s1", [], mode="replace", if_match=3), Written)
    assert_type(await stores.sessions.history("s1"), History)
    assert_type(await stores.sessions.messages("s1"), Page[Message])
    assert_type(await stores.sessions.list(SessionQuery(limit=10)), Page[Session])
    text: str = await stores.sessions.patch_cost("s1", {"input_tokens": 5})
    assert_type(text.upper(), str)


async def traces(stores: Stores) -> None:
    """Traces and their summaries."""
    page = await stores.traces.list()
    assert_type(page, Page[TraceSummary])
    assert_type(page.cursor, str | None)
    assert_type(await stores.traces.get(page.items[0].trace_id), Trace)


async def feedback(stores: Stores) -> None:
    """Votes and their counts."""
    vote = await stores.feedback.create(NewFeedback(rating=1, comment="[helpful] thanks"))
    assert_type(vote, Feedback)
    assert_type(await stores.feedback.patch(vote.feedback_id, FeedbackPatch(rating=-1)), Feedback)
    assert_type(await stores.feedback.list(FeedbackQuery(rating=-1)), Page[Feedback])
    assert_type(await stores.feedback.stats(StatsQuery("week")), tuple[FeedbackStats, ...])


async def failures(stores: Stores) -> None:
    """Errors carry what a caller acts on."""
    try:
        await stores.sessions.put("s1", [], if_match=3)
    except commonhold.StaleVersion as error:
        assert_type(error.current, int | None)
    except commonhold.Unavailable as error:
        assert_type(error.retry_after_s, int)
    except commonhold.CommonholdError as error:
        assert_type(error.detail, str)
    await stores.sessions.put("s1", [], mode="replaced")  # type: ignore[arg-type]
    await stores.sessions.get(session_id="s1")  # type: ignore[call-arg]
