"""Keys that the service makes for itself and keeps in its database."""

from __future__ import annotations

import secrets

from commonhold.model import clock
from commonhold.sql.database import Database, Row, certain
from commonhold.sql.statement import statement

GET = statement("get_service_key")
MAKE = statement("make_service_key")

KEY_BYTES = 32


async def service_key(database: Database, purpose: str) -> bytes:
    """The key for a purpose: the same for every process on this database, made by the first."""
    found = await database.one(GET, purpose=purpose)
    if found is None:
        secret = secrets.token_hex(KEY_BYTES)
        await database.run(MAKE, purpose=purpose, secret=secret, now=clock.now())
        found = await database.one(GET, purpose=purpose)
    row: Row = certain(found, "a key was just made")
    return bytes.fromhex(row[0])
