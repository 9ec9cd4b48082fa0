"""What a store sends to its database: content that is there already stays there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.dialect import DialectName
from commonhold.testing.factories import conversation
from tests.plans.executed import recorded

LONG = 300

FORK = {
    "lock_session",
    "place_of",
    "create_session",
    "copy_messages",
    "copy_words",
    "copy_participants",
    "record_event",
    "advance_session",
    "get_session_whole",
}
"""What a fork is made with. The last one tells the open tool calls, of which it reads the marks."""


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> DialectName:
    """Which database."""
    found: DialectName = request.param
    return found


@pytest.fixture
def url(dialect: DialectName, request: pytest.FixtureRequest) -> str:
    """An empty one."""
    if dialect == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{request.getfixturevalue('tmp_path')}/sent.db"


@pytest.fixture
async def backend(url: str) -> AsyncIterator[SqlBackend]:
    """A process that saved a long session, and remembers it."""
    async with await open_backend(url) as opened:
        await opened.sessions.put("chat", conversation(LONG))
        yield opened


async def extended(backend: SqlBackend, dialect: DialectName) -> list[str]:
    """What is sent for a PUT of the whole history and one message more."""
    with recorded(dialect) as sent:
        written = await backend.sessions.put("chat", conversation(LONG + 1))
    assert (written.first_seq, written.last_seq) == (LONG + 1, LONG + 1)
    return list(dict.fromkeys(each.name for each in sent))


async def test_a_put_that_extends_a_log_this_process_knows_only_writes(
    backend: SqlBackend, dialect: DialectName
) -> None:
    """Nothing is read, neither a message nor the session."""
    assert await extended(backend, dialect) == ["extend_session"]


@pytest.mark.usefixtures("backend")
async def test_a_put_that_extends_a_log_of_another_process_reads_its_head(
    url: str, dialect: DialectName
) -> None:
    """One row of the session, and no stored message."""
    async with await open_backend(url) as stranger:
        assert await extended(stranger, dialect) == ["get_head", "extend_session"]


async def test_a_fork_copies_inside_the_database(backend: SqlBackend, dialect: DialectName) -> None:
    """The same few statements and small values, however much was said: no content comes or goes."""
    with recorded(dialect) as sent:
        forked = await backend.sessions.fork("chat")
    assert forked.message_count == LONG
    assert {each.name for each in sent} == FORK
    assert max(len(str(value)) for each in sent for value in each.args.values()) < 100
