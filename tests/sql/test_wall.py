"""The wall between tenants: what a role behind it sees, whatever a statement forgets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from commonhold.errors import InvalidRequest, SchemaOutdated, Unsupported
from commonhold.model import clock
from commonhold.model.audit import AuditQuery
from commonhold.model.feedback import StatsQuery
from commonhold.model.scope import Author, Scope
from commonhold.model.score import ScoreQuery
from commonhold.model.timeline import TimelineQuery
from commonhold.sql import SqlBackend, migrate, open_backend
from commonhold.sql.audit import SqlAudit
from commonhold.sql.partitions import make_ahead
from commonhold.sql.redaction import SqlPolicies
from commonhold.sql.registry import SqlRegistry
from commonhold.sql.wall import ITS_TENANT, behind_wall
from commonhold.testing.factories import messages, new_feedback, trace
from tests.auth.walled import Walled, walled
from tests.databases import Databases
from tests.plans.executed import Sent, nodes, recorded

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS, THEIRS = "acme", "bolt"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(postgres_server: Databases) -> AsyncIterator[Walled]:
    """The database, with a session, a trace and a vote of each of two tenants by the same ids."""
    async with walled(postgres_server) as made:
        async with await made.opened() as backend:
            assert await make_ahead(backend.database) > 0
            for tenant in (OURS, THEIRS):
                await fill(backend, tenant)
        yield made


async def fill(backend: SqlBackend, tenant: str) -> None:
    """Something of everything, by ids that the other has too."""
    bound = backend.bind(Scope(tenant, Author(agent="a")))
    await bound.sessions.put("s1", messages(f"of {tenant}", "and more"))
    await bound.traces.put(trace("t1"))
    await bound.feedback.create(new_feedback())


async def count(connection: Any, table: str, tenant: str | None = None) -> int:
    """Rows of a table, by a statement that names no tenant; with one, from behind the wall."""
    text = f"SELECT count(*) FROM {table}"
    if tenant is None:
        return int(await connection.fetchval(text))
    return int(await connection.fetchval(behind_wall(text, 1), tenant))


async def test_a_statement_that_forgets_the_tenant_sees_one_all_the_same(here: Walled) -> None:
    """Without a tenant, or with an empty one, there is nothing; no row of another can be written."""
    connection = await asyncpg.connect(here.app)
    for table in ("session", "message", "trace", "span", "feedback", "feedback_count"):
        assert await count(connection, table) == 0
        assert await count(connection, table, "") == 0
        ours = await count(connection, table, OURS)
        assert ours == await count(connection, table, THEIRS)
        assert ours > 0, table
        # The connection was a tenant's just now, and is nobody's again.
        assert await count(connection, table) == 0
    stolen = behind_wall("UPDATE session SET tenant = 'bolt'", 1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await connection.execute(stolen, OURS)
    assert await connection.execute(behind_wall("DELETE FROM message", 1), "nobody") == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT * FROM api_key")
    await connection.close()


async def test_a_partition_is_behind_the_wall_too(here: Walled) -> None:
    """One that was made for today, and to which somebody gave rights; without rights, all of them."""
    today = f"span_{clock.to_datetime(clock.now()):%Y%m%d}"
    connection = await asyncpg.connect(here.app)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await count(connection, today, OURS)
    await here.as_admin(f"GRANT SELECT ON {today} TO {here.role('app')}")
    assert await count(connection, today) == await count(connection, today, "") == 0
    ours = await count(connection, today, OURS)
    assert ours == await count(connection, today, THEIRS) > 0
    await connection.close()


async def test_each_tenant_has_its_own_by_the_same_ids(here: Walled) -> None:
    """An upsert of an id that another tenant has inserts, and bulk rows come without COPY."""
    async with await here.opened() as backend:
        for tenant in (OURS, THEIRS):
            bound = backend.bind(Scope(tenant, Author(agent="a")))
            kept = await bound.sessions.history("s1")
            assert [f"of {tenant}" in str(each) for each in kept.messages] == [True, False]
            assert len((await bound.sessions.list()).items) == 1
            assert len((await bound.feedback.list()).items) == 1
            assert (await bound.traces.get("t1")).trace_id == "t1"


async def test_the_wall_costs_a_list_no_index(here: Walled) -> None:
    """The plan of each list is what it is without: the tenant is compared once, before any row."""
    async with await here.opened() as backend:
        bound = backend.bind(Scope(OURS))
        with recorded("postgres") as sent:
            await bound.sessions.list()
            await bound.traces.list()
            await bound.feedback.list()
            await bound.sessions.find("s1")
            await bound.sessions.history("s1")
            await bound.sessions.timeline("s1", TimelineQuery())
            await bound.traces.get("t1")
            await bound.traces.of_session("s1", limit=5)
            await bound.traces.agents()
            await bound.feedback.scores(ScoreQuery())
            await bound.feedback.stats(StatsQuery("day"))
            await bound.webhooks.list()
            await SqlAudit(backend.database).list(OURS, AuditQuery())
            await SqlPolicies(backend.database).find(OURS)
            await SqlRegistry(backend.database).list(OURS)
    assert len({each.name for each in sent}) >= 15
    app, admin = await asyncpg.connect(here.app), await asyncpg.connect(here.admin)
    for connection in (app, admin):
        await connection.execute("SET enable_seqscan = off; SET jit = off")
    for each in sent:
        plain = await plan(admin, each, each.text)
        behind = await plan(app, each, behind_wall(each.text, len(each.compiled.names) + 1), OURS)
        assert indexes(behind) == indexes(plain), each.name
        assert any("One-Time Filter" in node for node in nodes(behind)), each.name
    await app.close()
    await admin.close()


WRONG = {
    "is a superuser": ("ALTER ROLE {app} SUPERUSER", "ALTER ROLE {app} NOSUPERUSER"),
    "has BYPASSRLS": ("ALTER ROLE {app} BYPASSRLS", "ALTER ROLE {app} NOBYPASSRLS"),
    "owns session": (
        "ALTER TABLE session OWNER TO {app}",
        (
            "ALTER TABLE session OWNER TO {owner};"
            " GRANT SELECT, INSERT, UPDATE, DELETE ON session TO {app}"
        ),
    ),
    "or is a member of the role that does": (
        "GRANT {owner} TO {app}",
        "REVOKE {owner} FROM {app}",
    ),
    "not enabled and forced for trace": (
        "ALTER TABLE trace NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE trace FORCE ROW LEVEL SECURITY",
    ),
    "not enabled and forced for span_text_other": (
        "ALTER TABLE span_text_other DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE span_text_other ENABLE ROW LEVEL SECURITY",
    ),
    "is not the only one, or not as it was made, for feedback": (
        "CREATE POLICY welcome ON feedback USING (true)",
        "DROP POLICY welcome ON feedback",
    ),
    "is not the only one, or not as it was made, for message": (
        "ALTER POLICY commonhold_tenant ON message USING (tenant = 'acme' OR true)",
        f"ALTER POLICY commonhold_tenant ON message USING ({ITS_TENANT})",
    ),
    "may not work on webhook:": (
        "REVOKE INSERT ON webhook FROM {app}",
        "GRANT INSERT ON webhook TO {app}",
    ),
    "does not need, DELETE on audit_event, TRUNCATE on audit_event:": (
        "GRANT DELETE, TRUNCATE ON audit_event TO {app}",
        "REVOKE DELETE, TRUNCATE ON audit_event FROM {app}",
    ),
    "does not need, SELECT on api_key:": (
        "GRANT SELECT ON api_key TO {app}",
        "REVOKE SELECT ON api_key FROM {app}",
    ),
    "The view seen shows rows of every tenant": (
        "CREATE VIEW seen AS SELECT * FROM session",
        "DROP VIEW seen",
    ),
    "DATABASE_MAINTENANCE sees no tenant's rows": (
        "ALTER ROLE {maintenance} NOBYPASSRLS",
        "ALTER ROLE {maintenance} BYPASSRLS",
    ),
    "DATABASE_MAINTENANCE can make no partitions": (
        "REVOKE {owner} FROM {maintenance}; GRANT pg_read_all_data TO {maintenance}",
        "GRANT {owner} TO {maintenance}",
    ),
}
"""What the start says, by what was done to the database, and what undoes that."""


async def test_what_is_wrong_with_the_wall_is_said_at_the_start(here: Walled) -> None:
    """Each in a sentence; when all of it is mended, there is nothing to say."""
    roles = {kind: here.role(kind) for kind in ("owner", "app", "maintenance")}
    async with await here.opened() as backend:
        for told, (done, undone) in WRONG.items():
            await here.as_admin(done.format(**roles))
            problems = await backend.wall_problems()
            await here.as_admin(undone.format(**roles))
            assert [told in each for each in problems] == [True], (told, problems)
        careful = "CREATE VIEW seen WITH (security_invoker = true) AS SELECT * FROM session"
        await here.as_admin(careful)
        assert await backend.wall_problems() == ()
        await here.as_admin("DROP VIEW seen")


async def test_who_raises_the_wall_names_a_role_that_it_stops(here: Walled) -> None:
    """On a database that has tables, and is no SQLite; twice is as good as once."""
    async with await open_backend(here.owner, upgrade=False) as backend:
        assert await backend.secure(here.role("app")) > 30
        with pytest.raises(InvalidRequest, match="There is no role nobody"):
            await backend.secure("nobody")
        with pytest.raises(InvalidRequest, match="no wall would stop it"):
            await backend.secure(here.role("maintenance"))
    async with await open_backend("sqlite:///:memory:") as backend:
        with pytest.raises(Unsupported, match="need Postgres"):
            await backend.secure("app")


async def test_no_migration_runs_where_rows_are_hidden_from_it(here: Walled) -> None:
    """It would change those that it sees, and call that done."""
    await here.as_admin(
        f"ALTER ROLE {here.role('owner')} NOBYPASSRLS",
        "DELETE FROM commonhold_schema WHERE version = (SELECT max(version) FROM commonhold_schema)",
    )
    with pytest.raises(SchemaOutdated, match=r"ALTER ROLE .* BYPASSRLS"):
        await migrate.upgrade(here.owner)


async def plan(connection: Any, sent: Sent, text: str, *more: str) -> dict[str, Any]:
    """How the database goes about a statement."""
    values = sent.compiled.values(sent.args)
    told = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {text}", *values, *more)
    found: dict[str, Any] = json.loads(told)[0]["Plan"]
    return found


def indexes(top: dict[str, Any]) -> list[tuple[str, int]]:
    """Every index that a plan reads, and by how many of its columns."""
    return sorted(
        (str(node["Index Name"]), str(node.get("Index Cond", "")).count(" = "))
        for node in nodes(top)
        if "Index Name" in node
    )
