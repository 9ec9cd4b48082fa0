"""Every call about what is redacted."""

from __future__ import annotations

from commonhold.model.clock import Micros
from commonhold.model.redaction import PolicyChange, StoredChange
from commonhold.sql import SqlBackend
from commonhold.sql.redaction import SqlPolicies

FULL = StoredChange(PolicyChange("full", ("personal",)), Micros(1), "somebody " * 160)
"""Wide, so that a planner does not find all of them on one page."""


async def settle(backend: SqlBackend) -> None:
    """Tenants enough that no planner reads all of them for one."""
    for n in range(40):
        await SqlPolicies(backend.database).put(f"t{n}", FULL)


async def visit(backend: SqlBackend) -> None:
    """Both calls."""
    policies = SqlPolicies(backend.database)
    await policies.put("t7", FULL)
    assert await policies.find("t7") == FULL
    assert await policies.find("none") is None
