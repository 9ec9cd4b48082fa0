"""A page of a timeline costs what it shows, at either end of a long session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from commonhold.model.timeline import TimelineQuery
from commonhold.sql import SqlBackend, open_backend
from commonhold.testing.factories import messages, new_feedback, trace
from tests.databases import Databases
from tests.plans.executed import Postgres, Sent, multiply, recorded

KINDS = {"follow_messages", "list_events", "list_session_traces", "list_session_feedback"}
LONG, OTHERS, SHOWN = 500, 100, 5


@pytest.fixture(scope="module")
def pages(postgres_server: Databases) -> Iterator[tuple[Postgres, Postgres]]:
    """The first page of a long session and a late one, with what was sent for each."""
    name = postgres_server.create_migrated()
    url = postgres_server.dsn(name)
    first, late = asyncio.run(both_pages(url))
    yield Postgres(url, first), Postgres(url, late)
    postgres_server.drop(name)


async def both_pages(url: str) -> tuple[tuple[Sent, ...], tuple[Sent, ...]]:
    """Fill a session with everything there is, among others, and show it from either end."""
    async with await open_backend(url) as backend:
        for n in range(OTHERS):
            said = (f"m{n}-{k}" for k in range(LONG // OTHERS))
            await backend.sessions.append("long", messages(*said))
            await backend.sessions.handoff("long", "next")
            await backend.traces.put(trace(f"t{n}", session_id="long"))
            await backend.feedback.create(new_feedback(trace_id=f"t{n}", session_id="long"))
        await backend.database.write(multiply)
        return await sent_for(backend, None), await sent_for(backend, await late(backend))


async def late(backend: SqlBackend) -> str | None:
    """The cursor behind nearly everything."""
    cursor = None
    for _ in range(4):
        query = TimelineQuery(limit=(LONG + 3 * OTHERS) // 5, cursor=cursor)
        cursor = (await backend.sessions.timeline("long", query)).cursor
        assert cursor is not None
    return cursor


async def sent_for(backend: SqlBackend, cursor: str | None) -> tuple[Sent, ...]:
    """What is sent for a small page."""
    with recorded("postgres") as sent:
        page = await backend.sessions.timeline("long", TimelineQuery(limit=SHOWN, cursor=cursor))
    assert len(page.items) == SHOWN
    return tuple(each for each in sent if each.name in KINDS)


def test_every_page_of_a_timeline_has_the_same_plan(pages: tuple[Postgres, Postgres]) -> None:
    """One statement for each kind, and the same index for it at either end."""
    first, late = (
        [(sent.name, [(step.table, step.index) for step in page.steps(sent)]) for sent in page.sent]
        for page in pages
    )
    assert {name for name, _ in first} == KINDS
    assert len(first) == len(KINDS)
    assert first == late


def test_a_page_of_a_timeline_reads_as_much_of_each_kind_as_it_shows(
    pages: tuple[Postgres, Postgres],
) -> None:
    """And one more, by which it knows that there is another page."""
    for page in pages:
        for sent in page.sent:
            for step in page.steps(sent):
                assert step.rows <= SHOWN + 1, f"{step} of {sent.text}"
