"""A new Postgres database has no statistics for about a minute: plans are good all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from commonhold.sql import open_backend
from commonhold.testing.factories import messages
from tests.databases import Databases
from tests.plans.executed import Postgres, Sent, recorded

LONG = 2000


@pytest.fixture(scope="module")
def fresh(postgres_server: Databases) -> Iterator[Postgres]:
    """A database that was filled just now, with one long session, and what appends to it sent."""
    name = postgres_server.create_migrated()
    url = postgres_server.dsn(name)
    yield Postgres(url, asyncio.run(appended(url)))
    postgres_server.drop(name)


async def appended(url: str) -> tuple[Sent, ...]:
    """Appends with ids, and one of them again."""
    async with await open_backend(url) as backend:
        await backend.sessions.append("long", messages(*(f"m{n}" for n in range(LONG))))
        with recorded("postgres") as sent:
            await backend.sessions.append("long", messages("new1", "new2"))
            await backend.sessions.append("long", messages("new1", "new2"))
    return tuple(sent)


def test_an_append_to_a_long_session_reads_what_it_asks_for(fresh: Postgres) -> None:
    """Every table is reached by the whole key, never by the session alone."""
    names = {sent.name for sent in fresh.sent}
    assert {"extend_session", "find_messages"} <= names
    for sent in fresh.sent:
        for step in fresh.steps(sent):
            assert step.rows <= 2, f"{step} of {sent.text}"
            assert step.table != "message" or step.index == "message_by_id", f"{step}"
