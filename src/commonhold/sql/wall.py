"""The wall between tenants: row-level security of Postgres, beneath the statements.

Each statement names its tenant and would be enough; the wall is for the one that forgets to. It is
a policy on every table with a `tenant` column, and on every partition, which compares that column
with a setting of the transaction. A role that may pass by it works across tenants.

The setting is made by the statement itself, so that the wall costs no round trip. A statement from
behind the wall carries one parameter more, of the domain `commonhold_tenant`, whose check makes
the setting. Postgres checks the parameters of a statement before it plans it, in the transaction in
which it then executes it, so that there is no moment at which a statement of ours could run under
the setting of another: with a pool, and with a pooler that lends a server for one transaction.
"""

from __future__ import annotations

from functools import cache

from commonhold.errors import Conflict, InvalidRequest
from commonhold.sql.audit import APPEND_ONLY
from commonhold.sql.database import Database, Tx

POLICY = "commonhold_tenant"

ITS_TENANT = "tenant = (SELECT nullif(current_setting('commonhold.tenant', true), ''))"
"""An empty setting is no tenant's: a connection that was used before has an empty one."""

KEPT_APART = {
    "api_key": "a key is looked up before it is known whose it is",
    "tenant": "whether a tenant is let in is asked before anybody is in",
}
"""Tables on which the service's role has no right, and why all they are asked is across tenants.

Every other table with a `tenant` column it may work on, behind the wall.
"""

READ_AND_ADD = ("SELECT", "INSERT")

_TABLES = """
SELECT quote_ident(c.relname), c.relname, c.relispartition,
    EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $1)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
ORDER BY c.relname
"""
_ROLE = "SELECT quote_ident(rolname), rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1"
_SCHEMA = "SELECT quote_ident(current_schema())"
_IS_UP = "SELECT relforcerowsecurity FROM pg_class WHERE oid = to_regclass($1)"


def rights_on(table: str) -> frozenset[str]:
    """What the service's role may do with a table that is no partition, and nothing else."""
    if table in KEPT_APART:
        return frozenset()
    return frozenset(READ_AND_ADD if table in APPEND_ONLY else (*READ_AND_ADD, "UPDATE", "DELETE"))


@cache
def behind_wall(text: str, number: int) -> str:
    """The text of a statement with one parameter more, numbered `number`, that is the tenant."""
    wall = f"commonhold_wall AS (SELECT CAST(${number} AS commonhold_tenant))"
    for head in ("WITH RECURSIVE ", "WITH "):
        if text.startswith(head):
            return f"{head}{wall}, {text.removeprefix(head)}"
    return f"WITH {wall} {text}"


async def raise_wall(database: Database, app: str) -> int:
    """Put every table behind the wall, and let the role `app` work there; how many tables.

    Run by the owner of the tables; safe to repeat, and needed again after a migration.

    Raises:
        InvalidRequest: there is no such role, or it could pass by the wall.
        Conflict: there is no table yet.
    """
    return await database.write(lambda tx: _raise(tx, app))


async def put_behind(tx: Tx, table: str, *, has_policy: bool = False) -> None:
    """Put one table behind the wall. Its name is quoted already."""
    if not has_policy:
        policy = f"USING ({ITS_TENANT}) WITH CHECK ({ITS_TENANT})"
        await tx.script(f"CREATE POLICY {POLICY} ON {table} {policy}")
    await tx.script(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


async def is_behind(tx: Tx, table: str) -> bool:
    """Whether a table is behind the wall."""
    rows = await tx.query(_IS_UP, table)
    return bool(rows and rows[0][0])


async def _raise(tx: Tx, app: str) -> int:
    role = await _role(tx, app)
    tables = await tx.query(_TABLES, POLICY)
    if not tables:
        raise Conflict("There is no table yet. Run `commonhold db upgrade` first.")
    for table, _name, _is_partition, has_policy in tables:
        await put_behind(tx, table, has_policy=has_policy)
    schema = (await tx.query(_SCHEMA))[0][0]
    await tx.script(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    for table, name, is_partition, _ in tables:
        await tx.script(f"REVOKE ALL ON {table} FROM {role}")
        rights = () if is_partition else sorted(rights_on(name))
        if rights:
            await tx.script(f"GRANT {', '.join(rights)} ON {table} TO {role}")
    return len(tables)


async def _role(tx: Tx, name: str) -> str:
    rows = await tx.query(_ROLE, name)
    if not rows:
        raise InvalidRequest(f"There is no role {name}. Make it: CREATE ROLE {name} LOGIN.")
    quoted, passes_by = rows[0]
    if passes_by:
        raise InvalidRequest(
            f"The role {name} is a superuser or has BYPASSRLS, and no wall would stop it."
            " Name another."
        )
    return str(quoted)
