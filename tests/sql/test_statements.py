"""The statement files and their loader."""

from __future__ import annotations

import pytest

from commonhold.errors import InvalidRequest
from commonhold.sql.dialect import FRAGMENTS
from commonhold.sql.statement import Statement, load, parse

EXAMPLE = """
-- columns pair: a, b

-- name: pick hot
-- Picks a pair. Primary key.
SELECT {pair} FROM t WHERE tenant = :tenant [AND a = :a] [AND (a, b) < (:at, :id)] {for_update};

-- name: pour
-- Bulk.
-- rows: a TEXT, b BIGINT
INSERT INTO t (tenant, a, b) SELECT :tenant, r.a, r.b FROM {rows};
"""


OF_ALL_TENANTS = {
    "get_key",
    "touch_key",
    "find_bound",
    "take_jobs",
    "await_jobs",
    "last_job",
    "claim_jobs",
    "postpone_jobs",
    "end_jobs",
    "end_due",
    "list_tenants",
    "first_told",
    "take_told",
    "end_told",
    "list_fired",
    "list_waiting",
    "count_pending",
    "prune_deliveries",
    "prune_usage",
    "make_service_key",
    "get_service_key",
    "add_audit_events",
    "read_audit_events",
    "read_audit_horizon",
    "read_audit_tip",
    "read_audit_links",
    "add_audit_links",
    "count_audit_events",
    "list_audit_cuts",
    "add_audit_cuts",
}


@pytest.fixture
def example() -> dict[str, Statement]:
    """The statements of the example by name."""
    return {statement.name: statement for statement in parse(EXAMPLE)}


def _text(statement: Statement, dialect: str, **args: object) -> str:
    return statement.commands[dialect][0].shape(args).text


def test_only_the_filters_that_are_given_are_in_the_text(example: dict[str, Statement]) -> None:
    """Each shape of filters is one statement with numbered parameters."""
    pick = example["pick"]

    assert _text(pick, "sqlite", tenant="t") == "SELECT a, b FROM t WHERE tenant = ?1"
    assert (
        _text(pick, "postgres", tenant="t", a=1)
        == "SELECT a, b FROM t WHERE tenant = $1 AND a = $2 FOR UPDATE"
    )
    assert "AND (a, b) < (?2, ?3)" in _text(pick, "sqlite", tenant="t", at=1, id="x")
    assert "AND (a, b)" not in _text(pick, "sqlite", tenant="t", at=1, id=None)


def test_a_list_may_hold_fragments_of_the_dialects() -> None:
    """So that one condition stands in many statements."""
    text = "-- columns known: [AND a {is_listed}]\n-- name: look\nSELECT a FROM t WHERE 1 {known};"
    [look] = parse(text)

    told = _text(look, "sqlite", listed="[]")
    assert told == "SELECT a FROM t WHERE 1 AND a IN (SELECT value FROM json_each(?1))"


def test_a_shape_is_compiled_once(example: dict[str, Statement]) -> None:
    """The same filters give the same object, so drivers can keep it prepared."""
    command = example["pick"].commands["sqlite"][0]

    assert command.shape({"tenant": "t", "a": 1}) is command.shape({"tenant": "u", "a": 2})


def test_bulk_rows_are_arrays_on_postgres_and_one_row_on_sqlite(
    example: dict[str, Statement],
) -> None:
    """One text serves both engines."""
    pour = example["pour"]

    assert _text(pour, "postgres", tenant="t").endswith(
        "FROM unnest(CAST($2 AS TEXT[]), CAST($3 AS BIGINT[])) AS r(a, b)"
    )
    assert _text(pour, "sqlite", tenant="t").endswith("FROM (SELECT ?2 AS a, ?3 AS b) AS r")


def test_a_nul_is_refused_before_it_reaches_a_driver(example: dict[str, Statement]) -> None:
    """Postgres could not store it; SQLite must not accept what Postgres refuses."""
    compiled = example["pick"].commands["sqlite"][0].shape({"tenant": "a\0b"})

    with pytest.raises(InvalidRequest, match="tenant must not hold a NUL"):
        compiled.values({"tenant": "a\0b"})


@pytest.mark.parametrize("statement", load().values(), ids=lambda item: item.name)
def test_every_statement_says_what_it_is_for_and_begins_with_the_tenant(
    statement: Statement,
) -> None:
    """A reader and an index both need it. What is done later is for all tenants, and so are keys."""
    assert statement.doc.endswith("."), statement.name
    for commands in statement.commands.values():
        for command in commands:
            assert ":tenant" in "".join(command.pieces) or statement.name in OF_ALL_TENANTS


def test_most_statements_are_one_text_for_both_engines() -> None:
    """A split is an exception with a reason, at most one in ten."""
    split = [item.name for item in load().values() if item.is_split]

    assert len(split) <= len(load()) / 10, split


def test_the_table_of_dialect_fragments_stays_closed() -> None:
    """A dozen at most, each in both engines."""
    assert len(FRAGMENTS) <= 18
    assert all(set(texts) == {"sqlite", "postgres"} for texts in FRAGMENTS.values())
