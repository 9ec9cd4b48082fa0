"""The schema: what the migrations add up to, on both databases, and how they are applied."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from commonhold.errors import SchemaOutdated
from commonhold.model import clock
from commonhold.model.audit import AuditEvent
from commonhold.model.clock import LATEST
from commonhold.model.trace import TraceQuery
from commonhold.sql import SqlBackend, migrate, open_backend, steps, trace_search
from commonhold.sql.audit import SqlAudit
from commonhold.sql.database import Tx
from commonhold.sql.dialect import DialectName
from commonhold.sql.feedback_turns import Turns
from commonhold.sql.introspect import Description, describe

DIALECTS: tuple[DialectName, ...] = ("sqlite", "postgres")


@pytest.fixture(params=DIALECTS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with no schema in it, on both engines."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("empty_postgres_url")
        return url
    return f"sqlite:///{tmp_path}/empty.db"


@asynccontextmanager
async def unmigrated(url: str) -> AsyncIterator[SqlBackend]:
    """A backend whose schema is left as it is."""
    async with await open_backend(url, upgrade=False) as backend:
        yield backend


async def _description(backend: SqlBackend) -> Description:
    return await backend.database.read(lambda tx: describe(tx, backend.dialect))


async def _apply(backend: SqlBackend, text: str) -> None:
    async def unit(tx: Tx) -> None:
        await tx.script(text)

    await backend.database.write(unit)


async def test_the_migrations_add_up_to_the_snapshot(empty_url: str) -> None:
    """The full schema in one file is what the steps make, object by object."""
    async with unmigrated(empty_url) as backend:
        await _apply(backend, steps.snapshot(backend.dialect))
        from_snapshot = await _description(backend)
    async with await open_backend("sqlite:///:memory:") as migrated:
        if backend.dialect == "sqlite":
            expected = await _description(migrated)
        else:
            expected = await _postgres_from_steps(empty_url)

    assert len(expected) > 10
    assert from_snapshot == expected


async def _postgres_from_steps(url: str) -> Description:
    async with unmigrated(url) as backend:
        await _apply(backend, "DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
        await backend.upgrade()
        return await _description(backend)


async def test_verify_finds_nothing_wrong_with_a_migrated_database(empty_url: str) -> None:
    """A database that was just upgraded has exactly the expected schema."""
    await migrate.upgrade(empty_url)

    assert await migrate.verify(empty_url) == ()


async def test_verify_names_what_is_missing_different_and_not_ours(empty_url: str) -> None:
    """Drift is told object by object."""
    await migrate.upgrade(empty_url)
    async with unmigrated(empty_url) as backend:
        await _apply(
            backend,
            "DROP INDEX trace_by_start;\nCREATE INDEX stranger ON trace (status);",
        )

    problems = await migrate.verify(empty_url)

    assert "Missing: index trace_by_start." in problems
    assert "Not ours: index stranger." in problems


async def test_verify_says_that_an_old_schema_needs_an_upgrade(empty_url: str) -> None:
    """Nothing else is worth saying about a schema that is behind."""
    (problem,) = await migrate.verify(empty_url)

    assert "commonhold db upgrade" in problem


async def test_an_upgrade_is_done_once(empty_url: str) -> None:
    """The second upgrade finds nothing to do, and the status says so."""
    first = await migrate.upgrade(empty_url)
    second = await migrate.upgrade(empty_url)
    status = await migrate.status(empty_url)

    assert [step.version for step in first] == list(range(1, len(first) + 1))
    assert second == ()
    assert (status.current, status.pending) == (status.expected, ())


async def test_replicas_that_start_at_once_do_not_race(empty_url: str) -> None:
    """Ten backends open an empty database together; all can serve, each step ran once."""
    backends = await asyncio.gather(*(open_backend(empty_url) for _ in range(10)))
    await asyncio.gather(*(backend.check() for backend in backends))
    applied = await backends[0].database.read(
        lambda tx: tx.query("SELECT version FROM commonhold_schema ORDER BY version")
    )
    await asyncio.gather(*(backend.aclose() for backend in backends))

    expected = [step.version for step in steps.known(backends[0].dialect)]
    assert [row[0] for row in applied] == expected


async def test_processes_that_start_at_once_do_not_race(empty_url: str) -> None:
    """The lock holds between processes, not only between tasks."""
    code = "import asyncio, sys; from commonhold.sql import migrate; "
    code += "asyncio.run(migrate.upgrade(sys.argv[1]))"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, empty_url)
        for _ in range(4)
    ]

    assert [await process.wait() for process in processes] == [0, 0, 0, 0]
    assert await migrate.verify(empty_url) == ()


async def test_a_backend_on_an_old_schema_says_so_and_does_not_serve(empty_url: str) -> None:
    """`check` is what readiness asks; a read does not guess either."""
    async with unmigrated(empty_url) as backend:
        with pytest.raises(SchemaOutdated, match="db upgrade"):
            await backend.check()
        with pytest.raises(SchemaOutdated):
            await backend.sessions.find("s1")


async def test_an_older_version_serves_on_a_newer_schema(empty_url: str) -> None:
    """Steps only add, so replicas of the old version serve on while the new one rolls out."""
    await migrate.upgrade(empty_url)
    async with unmigrated(empty_url) as backend:
        await _apply(
            backend, "INSERT INTO commonhold_schema VALUES (9999, 'from_the_future', 'x', 0);"
        )
        await backend.check()

        assert await backend.upgrade() == ()


async def test_a_step_that_was_changed_after_it_ran_is_refused(empty_url: str) -> None:
    """History is not rewritten: the upgrade stops and verify names the step."""
    await migrate.upgrade(empty_url)
    async with unmigrated(empty_url) as backend:
        await _apply(backend, "UPDATE commonhold_schema SET checksum = 'x' WHERE version = 1;")

    with pytest.raises(SchemaOutdated, match="Migration 1 "):
        await migrate.upgrade(empty_url)
    assert any("Migration 1 " in problem for problem in await migrate.verify(empty_url))


async def test_a_step_that_fails_leaves_nothing_behind(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DDL and ledger are one transaction on both engines."""
    good = steps.known("sqlite" if empty_url.startswith("sqlite") else "postgres")
    bad = steps.Step(len(good) + 1, "bad", "CREATE TABLE half (n BIGINT);\nSELECT nonsense;")
    monkeypatch.setattr(steps, "known", lambda _dialect: (*good, bad))

    with pytest.raises(Exception, match=r".") as caught:
        await migrate.upgrade(empty_url)
    async with unmigrated(empty_url) as backend:
        objects = await _description(backend)

    assert type(caught.value).__module__ == "commonhold.errors"
    assert (await migrate.status(empty_url)).current == len(good)
    assert not [name for name in objects if "half" in name]


async def test_data_written_before_each_step_reads_back_after_it(empty_url: str) -> None:
    """Each surface is written as soon as its tables exist and survives every later step."""
    async with unmigrated(empty_url) as backend:
        dialect = backend.dialect
        known = steps.known(dialect)
        for upto in range(1, len(known) + 1):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(steps, "known", lambda _dialect, upto=upto: known[:upto])
                await backend.upgrade()
            if upto == 1:
                await _apply(backend, _session_of_step_1(dialect))
            if upto == 2:
                await _apply(backend, _trace_of_step_2())
            if upto == 3:
                await _apply(backend, _vote_of_step_3())
            if upto == 10:
                await _apply(backend, _words_of_step_10(dialect))
            if upto == 13:
                await _apply(backend, _events_of_step_13())

        assert (await backend.sessions.history("s1")).messages == [
            {"role": "user", "content": "kept"}
        ]
        (participant,) = await backend.sessions.participants("s1")
        assert (participant.agent, participant.message_count) == ("a1", 1)
        assert (await backend.sessions.get("s1")).holder == "a1"
        (span,) = (await backend.traces.get("t1")).spans
        assert (span.name, span.start_time, span.agent) == ("model_call", 1.5, "a1")
        assert (span.gist.operation, span.gist.input_tokens) == ("llm", 7)
        (summary,) = (await backend.traces.list()).items
        assert (summary.agents, summary.thumbs_up) == (("a1", "b1"), 1)
        assert await found_by_time(backend, "spoken") == ["t1"]
        assert await Turns(backend.database).step() == 1
        vote = await backend.feedback.get("fb_1")
        assert (vote.rating, vote.comment, vote.agent) == (1, "kept", "a1")
        assert (vote.turn.state, vote.turn.trace_id) == ("bound", "t1")
        [counted] = await backend.feedback.stats()
        assert (counted.thumbs_up, counted.thumbs_down, counted.agent_type) == (1, 0, "a")
        log = SqlAudit(backend.database)
        await log.add([AuditEvent(at=clock.now(), operation="x", decision="noted")])
        kept = [(each.seq, each.event.at) for each in await log.events_from(0, 9)]
        assert kept[:3] == [(1, LONG_AGO), (2, LONG_AGO - 86_400_000_000), (3, LATEST)]
        assert [seq for seq, _ in kept[3:]] == [4]
        if dialect == "postgres":
            assert await _months_of_events(backend) == [
                *("audit_event_202603", "audit_event_202602"),
                *("audit_event_other", "audit_event_other"),
            ]


async def found_by_time(backend: SqlBackend, word: str) -> list[str]:
    """The traces that a search finds by the windows of time they begin in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_search, "NEAR", 0)
        return [each.trace_id for each in (await backend.traces.list(TraceQuery(q=word))).items]


LONG_AGO = 1_772_323_200_000_000
"""The first of March, 2026."""


def _events_of_step_13() -> str:
    """Events of two months, and of a clock that went wrong, as they were when there was one table."""
    columns = ", ".join(AuditEvent.__slots__)
    row = "'x', 'noted', 'default', '', '', '', '', '', '', 0, '', '', '', '', 1"
    times = (LONG_AGO, LONG_AGO - 86_400_000_000, LATEST)
    return "".join(f"INSERT INTO audit_event ({columns}) VALUES ({at}, {row});\n" for at in times)


async def _months_of_events(backend: SqlBackend) -> list[str]:
    """The partition of each event."""
    rows = await backend.database.read(
        lambda tx: tx.query("SELECT tableoid::regclass::text FROM audit_event ORDER BY seq")
    )
    return [row[0] for row in rows]


def _words_of_step_10(dialect: DialectName) -> str:
    """A word of a span, as it was indexed before words were found by time."""
    words = "'spoken'" if dialect == "sqlite" else "array_to_tsvector('{spoken}')"
    return (
        "INSERT INTO span_text (tenant, day, trace_id, span_id, words) "
        f"VALUES ('default', 0, 't1', 'x', {words});"
    )


def _session_of_step_1(dialect: DialectName) -> str:
    """A session with a message, as they were written when there was nothing else."""
    nothing = "x'00'" if dialect == "sqlite" else "decode('00', 'hex')"
    author = "'a1', '', 'agent:a1', 'asserted'"
    return (
        "INSERT INTO session VALUES ('default', 's1', " + author + ", NULL, '{}', NULL, NULL, "
        "1, 1, 1, NULL, '{}', '{}', 1, 1);\n"
        "INSERT INTO message VALUES ('default', 's1', 1, 1048576, 'm1', 'id:m1', 'user', "
        + author
        + """, '{"role":"user","content":"kept"}', """
        + nothing
        + ", 1, NULL, 1, NULL);"
    )


def _trace_of_step_2() -> str:
    """A trace of two agents with a span, as they were written before spans were kept by day."""
    author = "'a1', '', 'agent:a1', 'asserted'"
    return (
        "INSERT INTO trace VALUES ('default', 't1', NULL, 1, NULL, NULL, 'ok', NULL, 1, 0, 0, 7, "
        "3, 'a1,b1', 1, 1);\n"
        "INSERT INTO trace_part VALUES ('default', 't1', " + author + ", 1, NULL, NULL, NULL, "
        "'ok', 1);\n"
        "INSERT INTO span VALUES ('default', 't1', 'a', NULL, " + author + ", 'model_call', 'llm', "
        "'ok', 1000, NULL, 1.5, NULL, 7, 3, '{}', '[]', 1);"
    )


def _vote_of_step_3() -> str:
    """A vote, as it was written when there were only thumbs."""
    return (
        "INSERT INTO feedback VALUES ('default', 'fb_1', 'a1', '', 'agent:a1', 'asserted', "
        "'anonymous', 't1', NULL, 1, 'kept', NULL, 'm', NULL, NULL, 'a', 5, 5);"
    )


FULL_TEXT = ("message_words", "span_words", "feedback_words")
"""On SQLite virtual tables with tables of their own, on Postgres indexes."""

SQLITE_ONLY = {(table, "text_id", True) for table in ("message_text", "span_text", "feedback_text")}
"""What joins the virtual tables to their texts."""

KEYS_ON_POSTGRES = {"message_text_by_seq", "span_text_by_span", "feedback_text_by_id"}

_NO_PARTITION = (
    "NOT (SELECT c.relispartition FROM pg_class c WHERE c.oid = "
    "(quote_ident(table_schema) || '.' || quote_ident(table_name))::regclass)"
)


async def test_both_schemas_have_the_same_tables_columns_and_indexes(
    empty_postgres_url: str,
) -> None:
    """One text can serve both only while both have the same shape; partitions have their table's."""
    await migrate.upgrade(empty_postgres_url)
    async with unmigrated(empty_postgres_url) as postgres:
        columns = await postgres.database.read(
            lambda tx: tx.query(
                "SELECT table_name, column_name, is_nullable FROM information_schema.columns "
                f"WHERE table_schema = current_schema() AND {_NO_PARTITION}"
            )
        )
        indexes = await postgres.database.read(
            lambda tx: tx.query(
                "SELECT indexname FROM (SELECT indexname, schemaname AS table_schema, "
                "tablename AS table_name FROM pg_indexes WHERE schemaname = current_schema()) AS i "
                f"WHERE indexname NOT LIKE '%_pkey' AND {_NO_PARTITION}"
            )
        )

    assert {(row[0], row[1], row[2] == "NO") for row in columns} == _sqlite_columns()
    found = {row[0] for row in indexes} - set(FULL_TEXT)
    assert found == _sqlite_indexes() - KEYS_ON_POSTGRES


def _sqlite() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for step in steps.known("sqlite"):
        connection.executescript(step.text)
    connection.executescript(steps._LEDGER)
    return connection


def _sqlite_columns() -> set[tuple[str, str, bool]]:
    connection = _sqlite()
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {
        (table, column, bool(not_null) or bool(key))
        for (table,) in tables
        for _, column, _, not_null, _, key in connection.execute(f"PRAGMA table_info({table})")
        if not table.startswith(FULL_TEXT)
    } - SQLITE_ONLY


def _sqlite_indexes() -> set[str]:
    found = _sqlite().execute(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'"
    )
    return {name for (name,) in found}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_migrations_are_numbered_without_a_gap(dialect: DialectName) -> None:
    """Both engines have the same steps under the same numbers and names."""
    versions = [step.version for step in steps.known(dialect)]

    assert versions == list(range(1, len(versions) + 1))
    assert [s.name for s in steps.known(dialect)] == [s.name for s in steps.known("sqlite")]
