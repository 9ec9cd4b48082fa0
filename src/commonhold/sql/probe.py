"""What `doctor` and `version` ask about a database and its driver."""

from __future__ import annotations

import sqlite3

from commonhold.model.clock import Micros
from commonhold.sql.backend import SqlBackend

SQLITE_LIBRARY = sqlite3.sqlite_version
"""The version of the SQLite that Python is linked with."""

_CLOCK = {
    "postgres": "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    "sqlite": "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
}
_SERVER = {"postgres": "SHOW server_version", "sqlite": "SELECT sqlite_version()"}


async def clock_of(backend: SqlBackend) -> Micros:
    """The time the database has."""
    text = _CLOCK[backend.dialect]
    rows = await backend.database.read(lambda tx: tx.query(text))
    return Micros(rows[0][0])


async def version_of(backend: SqlBackend) -> str:
    """The version the database says it is."""
    text = _SERVER[backend.dialect]
    rows = await backend.database.read(lambda tx: tx.query(text))
    return str(rows[0][0])
