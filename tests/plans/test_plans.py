"""Every statement uses an index, reads no more than its page, and is executed at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commonhold.sql.statement import load
from tests.databases import Databases
from tests.plans.executed import COPIES, Database, Postgres, Sent, Sqlite

SPANS = 6
"""Spans of a trace, at most."""

WHOLE = {
    *("list_agents", "get_service_key", "count_pending", "list_keys", "list_tenants"),
    *("list_registered", "list_bindings", "list_audit_cuts"),
}
"""What answers with every row there is, or their number; of keys there is one for each purpose,
and of tenants a handful."""

FEW = {
    *("list_webhooks", "lock_enabled_webhooks", "last_audit_link", "last_audit_cut"),
    *("get_tenant", "set_tenant_status", "get_redaction"),
}
"""What is found by its tenant alone: one row, the last of its chain, or as many as people make."""

TRACE_LISTS = (
    *("list_traces", "list_traces_labelled"),
    *("list_traces_by_duration", "list_traces_by_cost"),
)
LABEL = {"trace", "trace_label", "k", "x"}
"""A trace and its labels, as either database calls them in a plan."""

TOUCHED = {
    "list_sessions": {"session"},
    "list_feedback": {"feedback"},
    "list_traces": {"trace"},
    "list_traces_by_duration": {"trace"},
    "list_traces_by_cost": {"trace"},
    "list_session_traces": LABEL,
    "list_traces_labelled": LABEL,
    "rank_traces_labelled": LABEL,
}
BY_INDEX = {"session_id", "user", "failed", "voted_up", "voted_down", "label"}
"""Filters of traces that have an index in the order of a page; of several, one is taken."""


@pytest.fixture(scope="module")
def sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> Sqlite:
    """A SQLite file with thousands of rows of each kind."""
    return Sqlite(tmp_path_factory.mktemp("plans"))


@pytest.fixture(scope="module")
def postgres_database(postgres_server: Databases) -> Iterator[Postgres]:
    """A Postgres database with thousands of rows of each kind."""
    name = postgres_server.create_migrated()
    yield Postgres(postgres_server.dsn(name))
    postgres_server.drop(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """A full database of each dialect."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


def test_every_named_statement_is_executed(database: Database) -> None:
    """One that no call of the contract sends is dead."""
    # Postgres takes the rows of some by COPY, which is no statement and has no plan.
    copied = {name for name, each in load().items() if each.copy and database.dialect != "sqlite"}
    assert {sent.name for sent in database.sent} == set(load()) - copied


@pytest.mark.parametrize("name", load())
def test_a_statement_finds_its_rows_through_an_index(database: Database, name: str) -> None:
    """In every shape it was sent in: no table is read from end to end."""
    for sent in (sent for sent in database.sent if sent.name == name and name not in WHOLE):
        for step in database.steps(sent):
            assert step.access not in {"SCAN", "Seq Scan"}, f"{step} of {sent.text}"


def test_statistics_make_no_statement_read_a_whole_table_first(
    sqlite_database: Sqlite, tmp_path: Path
) -> None:
    """SQLite filters joins by a Bloom filter of all rows, where it knows them to be fewer."""
    plans = sqlite_database.analysed(
        tmp_path, frozenset({"message", "trace", "span", "trace_label"})
    )
    for text, lines in plans.items():
        assert not any("BLOOM" in line for line in lines), f"{lines} of {text}"


def test_without_statistics_no_statement_looks_among_all_that_a_tenant_has(
    sqlite_database: Sqlite, tmp_path: Path
) -> None:
    """Nobody analyses the file of a service, and SQLite takes a tenant for a handful of rows."""
    plans = sqlite_database.unanalysed(tmp_path)
    found = {
        name
        for name, lines in plans.items()
        if any(line.endswith("USING PRIMARY KEY (tenant=?)") or "BLOOM" in line for line in lines)
    }
    assert found <= WHOLE | FEW
    assert "USE TEMP B-TREE FOR ORDER BY" not in plans["judged_for_user"]


AUDIT = ("list_audit_events", "read_audit_events", "read_audit_links")


@pytest.mark.parametrize(
    "name", ["list_sessions", "list_messages", "list_feedback", *TRACE_LISTS, *AUDIT]
)
def test_a_page_is_read_in_order(database: Database, name: str) -> None:
    """No list sorts what it has filtered: the first page costs what it shows."""
    for sent in (sent for sent in database.sent if sent.name == name):
        if is_by_one_index(sent) and "turns" not in given(sent.args):
            assert not database.sorts(sent), sent.text


@pytest.mark.parametrize("name", TOUCHED)
def test_a_list_touches_its_own_table_only(database: Database, name: str) -> None:
    """T6: no list reads a span, a message or any other payload."""
    for sent in (sent for sent in database.sent if sent.name == name):
        if "turns" in given(sent.args):
            continue
        assert {step.table for step in database.steps(sent)} <= TOUCHED[name]


def test_a_search_reads_words_and_no_spans(database: Database) -> None:
    """T6: it goes by the full-text index, and to the traces that have the words."""
    for sent in (sent for sent in database.sent if sent.name.startswith("search_traces")):
        steps = database.steps(sent)
        tables = {step.table for step in steps} - LABEL - {"t", "span_words"}
        assert all(table.startswith("span_text") for table in tables)
        assert all(step.rows <= 2 * COPIES for step in steps), steps


def test_a_page_reads_as_many_rows_as_it_shows(postgres_database: Postgres) -> None:
    """However deep in the list; a filter with an index of its own included."""
    by_index = {"limit", "agent", "part_of", "parent", "rating", "trace_key", "thumbs", *BY_INDEX}
    read = [
        step.rows
        for sent in postgres_database.sent
        if sent.name.startswith("list_")
        and sent.name not in WHOLE
        and given(sent.args) <= by_index
        and is_by_one_index(sent)
        for step in postgres_database.steps(sent)
    ]
    assert len(read) >= 30
    assert max(read) <= 21


def test_a_user_finds_traces_by_a_label(database: Database) -> None:
    """Those that an agent wrote for that user: in order, and none of anybody else's is looked at."""
    shapes = [
        sent
        for sent in database.sent
        if sent.name == "list_traces_labelled" and sent.args["label"] == "owner=ada"
    ]
    assert {sent.args["at"] is None for sent in shapes} == {True, False}
    for sent in shapes:
        assert not database.sorts(sent), sent.text
        steps = database.steps(sent)
        assert {step.table for step in steps} <= LABEL
        assert all(step.rows <= 21 for step in steps), steps


def test_turns_are_read_for_the_records_of_the_page_only(postgres_database: Postgres) -> None:
    """Question, answer and trace: one of each for a record, found by key."""
    shown = [sent for sent in postgres_database.sent if "turns" in given(sent.args)]
    assert len(shown) >= 3
    for sent in (sent for sent in shown if sent.name == "list_feedback"):
        for step in postgres_database.steps(sent):
            assert step.index is not None
            is_of_root = step.table.startswith("span")  # found among those of its trace
            assert step.rows <= (21 * SPANS if is_of_root else 21), (step, sent.text)


def is_by_one_index(sent: Sent) -> bool:
    """Whether one index has the page in order; of two that would do, a planner takes the shorter."""
    if sent.name not in TRACE_LISTS:
        return True
    has_measure = sent.name.startswith("list_traces_by_")
    return len(given(sent.args) & BY_INDEX) + has_measure <= 1


def given(args: object) -> set[str]:
    """The filters of a call that are set."""
    assert isinstance(args, dict)
    ignored = {"tenant", "at", "id", "after", "live_after"}
    return {name for name, value in args.items() if value is not None} - ignored


def test_hot_statements_are_tagged() -> None:
    """What an agent sends every turn is held to bounded work."""
    hot = {name for name, statement in load().items() if statement.is_hot}
    assert {"get_session", "extend_session", "get_trace", "create_feedback"} <= hot


@pytest.mark.parametrize("name", [name for name, found in load().items() if found.is_hot])
def test_a_hot_statement_reads_what_it_answers_with(postgres_database: Postgres, name: str) -> None:
    """One row by its key, or the live messages: whatever else is stored costs nothing."""
    for sent in (sent for sent in postgres_database.sent if sent.name == name):
        for step in postgres_database.steps(sent):
            if step.index != "message_live":
                assert step.index is not None
                by_key = step.index.endswith("_pkey") or step.index == "message_by_id"
                assert by_key, f"{step} of {sent.text}"
                assert step.rows <= 1
