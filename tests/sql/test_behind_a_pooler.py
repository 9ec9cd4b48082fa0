"""Behind PgBouncer in transaction mode no prepared statement outlives its transaction."""

from __future__ import annotations

from commonhold.sql import SqlBackend, SqlOptions, open_backend
from tests.plans import tour


async def test_every_call_of_the_contract_works_without_prepared_statements(
    postgres_url: str,
) -> None:
    """Each named statement is sent as it is, and nothing is left prepared."""
    options = SqlOptions(forwards=True, statement_cache_size=0)
    async with await open_backend(postgres_url, options=options) as backend:
        await tour.settle(backend)
        await tour.visit(backend)
        assert await prepared(backend) == 0


async def prepared(backend: SqlBackend) -> int:
    """Statements that a connection of the pool has prepared."""
    rows = await backend.database.read(
        lambda tx: tx.query("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql")
    )
    return int(rows[0][0])
