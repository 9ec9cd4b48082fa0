"""Schema and migrations: forward only, one step per transaction, under a lock.

Replicas that start at once do not race: on Postgres an advisory lock, on SQLite `BEGIN
IMMEDIATE`, lets one of them work while the others wait and then find nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources

from commonhold.errors import SchemaOutdated
from commonhold.model import clock
from commonhold.sql.database import Database, Tx
from commonhold.sql.dialect import DialectName

_NAME = re.compile(r"(\d{4})_([a-z_]+)\.sql\Z")
_LOCK = 0x436F6D6D6F6E  # "Common": the key of our advisory lock

_LEDGER = """
CREATE TABLE IF NOT EXISTS commonhold_schema (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);
"""
_MARKS = {"sqlite": "?1, ?2, ?3, ?4", "postgres": "$1, $2, $3, $4"}
_HAS_LEDGER = {
    "sqlite": "SELECT count(*) FROM sqlite_schema WHERE name = 'commonhold_schema'",
    "postgres": "SELECT count(*) FROM pg_tables "
    "WHERE tablename = 'commonhold_schema' AND schemaname = ANY (current_schemas(false))",
}

_HIDDEN = """
SELECT current_user::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace
    AND relkind IN ('r', 'p') AND relrowsecurity AND row_security_active(oid) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: its number, its name, and the text that carries it out."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text: a step that was applied never changes."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where a database stands, and what is still to do."""

    current: int
    expected: int
    pending: tuple[Step, ...]

    @property
    def is_current(self) -> bool:
        """Whether this code can work on that database.

        A newer schema is fine: steps only add, so that old replicas serve on while new ones roll
        out.
        """
        return self.current >= self.expected


@cache
def known(dialect: DialectName) -> tuple[Step, ...]:
    """Every migration of a dialect in order."""
    folder = resources.files("commonhold.sql").joinpath("schema", dialect)
    found = [
        Step(int(match[1]), match[2], item.read_text(encoding="utf-8"))
        for item in folder.iterdir()
        if (match := _NAME.match(item.name))
    ]
    return tuple(sorted(found, key=lambda step: step.version))


@cache
def snapshot(dialect: DialectName) -> str:
    """The whole current schema as one text."""
    folder = resources.files("commonhold.sql").joinpath("schema")
    return folder.joinpath(f"{dialect}.sql").read_text(encoding="utf-8")


async def apply_all(
    database: Database, dialect: DialectName, progress: Callable[[Step], None] | None = None
) -> tuple[Step, ...]:
    """Bring a database to the schema of this code; the steps that were needed.

    Raises:
        SchemaOutdated: a step that was applied is not the one this code knows.
    """
    done: list[Step] = []
    while step := await database.write(lambda tx: _next_step(tx, dialect)):
        done.append(step)
        if progress is not None:
            progress(step)
    return tuple(done)


async def read_status(tx: Tx, dialect: DialectName) -> SchemaStatus:
    """Where the database stands."""
    all_steps = known(dialect)
    applied = await _applied(tx, dialect)
    current = max(applied, default=0)
    return SchemaStatus(
        current=current,
        expected=all_steps[-1].version,
        pending=tuple(step for step in all_steps if step.version not in applied),
    )


async def changed_steps(tx: Tx, dialect: DialectName) -> tuple[Step, ...]:
    """Steps whose text is no longer what was applied."""
    applied = await _applied(tx, dialect)
    return tuple(
        step
        for step in known(dialect)
        if step.version in applied and applied[step.version] != step.checksum
    )


async def _next_step(tx: Tx, dialect: DialectName) -> Step | None:
    if dialect == "postgres":
        await tx.query(f"SELECT pg_advisory_xact_lock({_LOCK})")
    await tx.script(_LEDGER)
    status = await read_status(tx, dialect)
    if changed := await changed_steps(tx, dialect):
        raise SchemaOutdated(
            f"Migration {changed[0].version} of this database is not the one this version knows. "
            "Use the version that made the database, or restore a backup."
        )
    if not status.pending or status.current > status.expected:
        return None
    step = status.pending[0]
    if dialect == "postgres":
        await _require_sight(tx)
    await tx.script(step.text)
    await tx.query(
        f"INSERT INTO commonhold_schema (version, name, checksum, applied_at) "  # noqa: S608
        f"VALUES ({_MARKS[dialect]})",
        step.version,
        step.name,
        step.checksum,
        clock.now(),
    )
    return step


async def _require_sight(tx: Tx) -> None:
    """Refuse to migrate rows that row-level security hides: they would be left as they are."""
    for (role,) in await tx.query(_HIDDEN):
        raise SchemaOutdated(
            f"Row-level security hides rows from the role {role}, and a migration would leave them"
            f" behind. Migrate as the owner of the tables, with ALTER ROLE {role} BYPASSRLS."
        )


async def _applied(tx: Tx, dialect: DialectName) -> dict[int, str]:
    if not (await tx.query(_HAS_LEDGER[dialect]))[0][0]:
        return {}
    found = await tx.query("SELECT version, checksum FROM commonhold_schema")
    return {row[0]: row[1] for row in found}
