"""Every call of the contract where tenants are kept apart, and PgBouncer may stand in front."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import wraps
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from commonhold.sql import SqlBackend, SqlOptions, open_backend
from commonhold.sql.partitions import make_ahead
from commonhold.sql.postgres import PostgresDatabase, PostgresTx
from commonhold.sql.statement import Statement, load
from commonhold.sql.wall import KEPT_APART, rights_on
from tests.auth.walled import Walled, walled
from tests.databases import Databases
from tests.plans import tour

pytestmark = pytest.mark.asyncio(loop_scope="module")

OF_NO_TENANT = {
    "commonhold_schema": "which migrations were applied",
    "service_key": "what the service signs its own tokens with",
}
"""Tables without a `tenant` column, and what is in them: nothing that anybody wrote."""

ACROSS = {
    "who somebody is, before it is known of which tenant": {
        *("get_key", "touch_key", "get_tenant", "find_bound", "get_service_key"),
    },
    "what decides who is let in": {
        *("add_key", "list_keys", "revoke_key", "end_key", "know_agent", "make_service_key"),
        *("add_tenant", "list_tenants", "set_tenant_status"),
    },
    "spans are indexed and sent on": {
        *("take_jobs", "claim_jobs", "await_jobs", "end_jobs", "last_job", "postpone_jobs"),
        *("read_starts", "read_parts", "read_spans", "time_spans", "get_emitters"),
        *("index_spans",),
    },
    "erasures go on after a crash, and usage of long ago is forgotten": {
        *("claim_erasure", "prune_usage"),
    },
    "votes are bound to turns that came later": {"take_due"},
    "scores are told to webhooks": {
        *("first_told", "take_told", "end_told", "read_scores", "lock_enabled_webhooks"),
        *("fire_webhook", "list_fired", "rearm_webhook", "count_feedback", "add_deliveries"),
        *("list_waiting", "claim_webhook", "release_webhook", "due_deliveries", "end_attempt"),
        *("count_pending", "prune_deliveries"),
    },
    "events are written and sealed": {
        *("add_audit_events", "read_audit_events", "read_audit_horizon", "read_audit_tip"),
        *("last_audit_link", "read_audit_links", "add_audit_links", "last_audit_cut"),
    },
    "the log is verified, and pruned by its owner": {
        *("count_audit_events", "list_audit_cuts", "add_audit_cuts"),
        *("prune_audit_events", "prune_audit_links"),
    },
}
"""Statements that the role which sees every tenant may send, and why."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(postgres_server: Databases) -> AsyncIterator[Walled]:
    """A database with a wall in it."""
    async with walled(postgres_server) as made:
        yield made


async def test_every_table_is_behind_the_wall_or_kept_apart(here: Walled) -> None:
    """A table that a migration adds is one of these three, or the reason is written down."""
    connection = await asyncpg.connect(here.admin)
    found = await connection.fetch(TABLES, here.role("app"))
    await connection.close()
    rights = {row["name"]: frozenset(row["rights"]) for row in found}
    assert {row["name"] for row in found if not row["by_tenant"]} == set(OF_NO_TENANT)
    assert set(KEPT_APART) <= set(rights)
    for row in found:
        name = row["name"]
        assert row["walled"] == row["by_tenant"], name
        assert rights[name] == (rights_on(name) if row["by_tenant"] else frozenset()), name


async def test_every_call_keeps_within_its_tenant_and_leaves_nothing_prepared(
    here: Walled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked across tenants is known by name; no statement outlives its transaction."""
    across: set[str] = set()
    for sends in ("_sent", "_copy"):
        monkeypatch.setattr(PostgresTx, sends, noting(getattr(PostgresTx, sends), across))
    options = SqlOptions(
        pool_size=2, forwards=True, statement_cache_size=0, maintenance=here.maintenance
    )
    async with await open_backend(here.app, upgrade=False, options=options) as backend:
        await make_ahead(backend.database)
        await tour.settle(backend)
        await tour.visit(backend)
        assert await prepared(backend) == 0
    known = set().union(*ACROSS.values())
    assert known <= set(load())
    assert across <= known


def noting(send: Any, across: set[str]) -> Any:
    """The same, and the statement is noted when it is sent without a tenant."""

    @wraps(send)
    def noted(self: Any, statement: Statement, *more: Any) -> Any:
        if self._tenant is None:
            across.add(statement.name)
        return send(self, statement, *more)

    return noted


async def prepared(backend: SqlBackend) -> int:
    """Statements that connections of both pools have prepared."""
    across = backend.database
    assert isinstance(across, PostgresDatabase)
    assert across.served is not None
    return sum(
        [
            (await database.read(lambda tx: tx.query(PREPARED)))[0][0]
            for database in (across, across.served)
        ]
    )


PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql"

TABLES = """
SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS walled,
    EXISTS (
        SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant'
    ) AS by_tenant,
    ARRAY(
        SELECT r FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES}'::text[]) r
        WHERE has_table_privilege($1, c.oid, r)
    ) AS rights
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relnamespace = 'public'::regnamespace
"""
