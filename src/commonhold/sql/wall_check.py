"""Whether the wall between tenants stands: asked at every start, and answered in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.wall import POLICY, rights_on

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
SECURE = "`commonhold db secure`"

_ROLE = """
SELECT current_user::text, rolsuper, rolbypassrls, current_database()
FROM pg_roles WHERE rolname = current_user
"""
_BY_TENANT = """
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
"""
_TABLES = f"""
SELECT c.relname, c.relispartition, c.relrowsecurity AND c.relforcerowsecurity,
    (SELECT count(*) = 1 AND bool_and(p.polname = $1 AND p.polpermissive AND p.polcmd = '*'
        AND p.polroles = '{{0}}'
        AND pg_get_expr(p.polqual, c.oid) LIKE '%current_setting(''commonhold.tenant''%'
        AND pg_get_expr(p.polqual, c.oid) NOT LIKE '% OR %'
        AND pg_get_expr(p.polwithcheck, c.oid) = pg_get_expr(p.polqual, c.oid))
        FROM pg_policy p WHERE p.polrelid = c.oid),
    pg_has_role(c.relowner, 'MEMBER'),
    ARRAY(SELECT r FROM unnest($2::text[]) r WHERE has_table_privilege(c.oid, r))
{_BY_TENANT}
ORDER BY c.relname
"""  # noqa: S608
_VIEWS = f"""
SELECT DISTINCT v.oid::regclass::text
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid
JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.refobjid IN (SELECT c.oid {_BY_TENANT})
    AND NOT EXISTS (
        SELECT 1 FROM pg_options_to_table(v.reloptions) o
        WHERE o.option_name = 'security_invoker' AND o.option_value::boolean
    )
ORDER BY 1
"""  # noqa: S608
_SPANS = """
SELECT pg_get_userbyid(relowner)::text, pg_has_role(relowner, 'MEMBER')
FROM pg_class WHERE oid = to_regclass('span')
"""
_LEAKS = """
SELECT NOT proleakproof FROM pg_proc WHERE oid = 'pg_catalog.ts_match_vq'::regproc
"""
"""Whether the operator `@@` of full-text search might tell what rows hold that it is asked about."""
_SET = "SELECT set_config('commonhold.tenant', '-', true)"
_STILL_SET = "SELECT current_setting('commonhold.tenant', true) = '-'"


async def problems(served: Database, across: Database) -> tuple[str, ...]:
    """What is wrong with the wall, each with what to do; nothing when it stands.

    `served` has the role that sees one tenant at a time, `across` that which sees all of them.
    """
    return (*await served.read(_of_the_served), *await across.read(_of_the_other))


async def advice(across: Database) -> str:
    """What would make the service quicker behind the wall, if anything."""
    rows = await across.read(lambda tx: tx.query(_LEAKS))
    if not rows[0][0]:
        return ""
    return (
        "Searches for words read all the texts of a tenant, as row-level security lets no index"
        " of words be used. As a superuser, in this database:"
        " ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF."
    )


async def _of_the_served(tx: Tx) -> list[str]:
    role, is_superuser, passes_by, database = (await tx.query(_ROLE))[0]
    if is_superuser or passes_by:
        what = "is a superuser" if is_superuser else "has BYPASSRLS"
        told = f"The role {role} of COMMONHOLD_DATABASE {what}, and no row-level security stops it"
        return [f"{told}: connect as a role of its own, to which {SECURE} gives what it needs."]
    tables = await tx.query(_TABLES, POLICY, RIGHTS)
    found = [*_owned(role, tables), *_open(tables), *_rights(role, tables)]
    found += [_of_view(row[0]) for row in await tx.query(_VIEWS)]
    await tx.query(_SET)
    if not (await tx.query(_STILL_SET))[0][0]:
        found.append(
            f"The pooler in front of {database} lends a server for one statement only: let it lend"
            " one for a transaction."
        )
    return found


def _owned(role: str, tables: Sequence[Row]) -> Iterator[str]:
    owned = [row[0] for row in tables if row[4]]
    if owned:
        yield (
            f"The role {role} of COMMONHOLD_DATABASE owns {_some(owned)}, or is a member of the"
            " role that does, and could take the wall down: connect as a role that owns nothing."
        )


def _open(tables: Sequence[Row]) -> Iterator[str]:
    exposed = [row[0] for row in tables if not row[2]]
    if exposed:
        yield (
            f"Row-level security is not enabled and forced for {_some(exposed)}: run {SECURE} as"
            " the owner of the tables."
        )
    other = [row[0] for row in tables if row[2] and not row[3]]
    if other:
        yield (
            f"The policy {POLICY} is not the only one, or not as it was made, for {_some(other)}:"
            f" drop the policies there, and run {SECURE} as the owner of the tables."
        )


def _rights(role: str, tables: Sequence[Row]) -> Iterator[str]:
    whole = [(row[0], rights_on(row[0]), row[5], row[4]) for row in tables if not row[1]]
    mend = f"run {SECURE} --app {role} as the owner of the tables"
    if missing := [name for name, needed, has, _ in whole if not needed <= set(has)]:
        yield f"The role {role} of COMMONHOLD_DATABASE may not work on {_some(missing)}: {mend}."
    if spare := [
        f"{right} on {name}"
        for name, needed, has, owns in whole
        for right in has
        if right not in needed and not owns
    ]:
        yield (
            f"The role {role} of COMMONHOLD_DATABASE has rights that it does not need,"
            f" {_some(spare)}: {mend}, and take away what it has through other roles."
        )


def _of_view(name: str) -> str:
    return (
        f"The view {name} shows rows of every tenant: drop it, or, where it is no materialized one,"
        f" ALTER VIEW {name} SET (security_invoker = true)."
    )


async def _of_the_other(tx: Tx) -> list[str]:
    role, is_superuser, passes_by, _ = (await tx.query(_ROLE))[0]
    found = []
    if not (is_superuser or passes_by):
        found.append(
            f"The role {role} of COMMONHOLD_DATABASE_MAINTENANCE sees no tenant's rows:"
            f" ALTER ROLE {role} BYPASSRLS."
        )
    spans = await tx.query(_SPANS)
    if spans and not spans[0][1]:
        found.append(
            f"The role {role} of COMMONHOLD_DATABASE_MAINTENANCE can make no partitions:"
            f" GRANT {spans[0][0]} TO {role}."
        )
    return found


def _some(names: list[str]) -> str:
    told = ", ".join(names[:3])
    return told if len(names) <= 3 else f"{told} and {len(names) - 3} more"
