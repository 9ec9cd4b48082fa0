"""What a schema really is, and whether it is the one this code expects."""

from __future__ import annotations

from collections.abc import Mapping

from commonhold.errors import CommonholdError
from commonhold.sql import steps
from commonhold.sql.database import Database, Tx
from commonhold.sql.dialect import DialectName
from commonhold.sql.sqlite import SqliteDatabase

Description = Mapping[str, str]
"""Every object of a schema by name, as text that is equal when the objects are."""

_POSTGRES = """
SELECT 'column ' || c.relname || '.' || a.attname,
    format_type(a.atttypid, a.atttypmod) || coalesce(' ' || l.collname, '')
        || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'index ' || i.relname, replace(pg_get_indexdef(i.oid), current_schema() || '.', '')
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid AND NOT c.relispartition
WHERE i.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'constraint ' || c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.connamespace = current_schema()::regnamespace AND k.contype <> 'n'
    AND NOT c.relispartition
UNION ALL
SELECT 'trigger ' || t.tgname,
    replace(pg_get_triggerdef(t.oid), current_schema() || '.', '')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND NOT c.relispartition
    AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'domain ' || t.typname, pg_get_constraintdef(k.oid)
FROM pg_type t JOIN pg_constraint k ON k.contypid = t.oid
WHERE t.typnamespace = current_schema()::regnamespace AND k.contype = 'c'
UNION ALL
SELECT 'function ' || p.proname, p.prosrc
FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
"""

_SQLITE = """
SELECT type || ' ' || name, sql FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
"""

_UNGUARDED = """
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_event'::regclass AND NOT EXISTS (
    SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = c.oid AND t.tgenabled <> 'D' AND p.proname = 'audit_is_kept_v1'
)
ORDER BY 1
"""
"""Partitions of the audit log that refuse nothing: triggers of partitions are in no description."""

_SCRATCH = "commonhold_expected"


async def describe(tx: Tx, dialect: DialectName) -> Description:
    """The schema as it is, without the ledger of migrations."""
    found = await tx.query(_POSTGRES if dialect == "postgres" else _SQLITE)
    return {
        name: " ".join(text.split())
        for name, text in sorted((row[0], row[1]) for row in found)
        if "commonhold_schema" not in name
    }


async def verify(database: Database, dialect: DialectName) -> tuple[str, ...]:
    """What is wrong, in sentences."""
    status = await database.read(lambda tx: steps.read_status(tx, dialect))
    if not status.is_current:
        behind = f"The schema is at version {status.current}, expected {status.expected}"
        return (f"{behind}: run `commonhold db upgrade`.",)
    found = await database.read(lambda tx: describe(tx, dialect))
    problems = list(_differences(found, await _expected(database, dialect)))
    changed = await database.read(lambda tx: steps.changed_steps(tx, dialect))
    problems += [f"Migration {step.version} ({step.name}) was changed." for step in changed]
    if dialect == "sqlite":
        rows = await database.read(lambda tx: tx.query("PRAGMA integrity_check(10)"))
        problems += [f"Integrity: {row[0]}." for row in rows if row[0] != "ok"]
    else:
        rows = await database.read(lambda tx: tx.query(_UNGUARDED))
        problems += [f"Missing: trigger {row[0]}_is_kept." for row in rows]
    return tuple(problems)


def _differences(found: Description, expected: Description) -> list[str]:
    return [
        *(f"Missing: {name}." for name in expected if name not in found),
        *(f"Not ours: {name}." for name in found if name not in expected),
        *(
            f"Different: {name} is `{found[name]}`, expected `{expected[name]}`."
            for name in expected
            if name in found and found[name] != expected[name]
        ),
    ]


async def _expected(database: Database, dialect: DialectName) -> Description:
    if dialect == "sqlite":
        return await expected_sqlite()
    return await _expected_postgres(database)


async def expected_sqlite() -> Description:
    """The description of a new, fully migrated SQLite database."""
    scratch = SqliteDatabase(":memory:")
    try:
        await steps.apply_all(scratch, "sqlite")
        return await scratch.read(lambda tx: describe(tx, "sqlite"))
    finally:
        await scratch.aclose()


async def _expected_postgres(database: Database) -> Description:
    """Build the schema beside the real one, describe it, and leave nothing behind."""

    async def unit(tx: Tx) -> Description:
        await tx.script(f"CREATE SCHEMA {_SCRATCH}; SET LOCAL search_path TO {_SCRATCH};")
        for step in steps.known("postgres"):
            await tx.script(step.text)
        raise _Described(await describe(tx, "postgres"))

    try:
        await database.write(unit)
    except _Described as result:
        return result.description
    raise AssertionError("unreachable")


class _Described(CommonholdError):
    """Carries a description out of a transaction that must not commit."""

    def __init__(self, description: Description) -> None:
        self.description = description
        super().__init__()
