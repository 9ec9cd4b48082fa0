"""Keys over SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from commonhold.errors import Conflict, NotFound
from commonhold.model.clock import Micros
from commonhold.model.key import ApiKey
from commonhold.model.opaque import EMPTY_LIST
from commonhold.sql.database import Database, Row, Tx
from commonhold.sql.statement import statement

ADD = statement("add_key")
GET = statement("get_key")
LIST = statement("list_keys")
REVOKE = statement("revoke_key")
END = statement("end_key")
TOUCH = statement("touch_key")
KNOW_AGENT = statement("know_agent")

_STORED = (
    *("key_id", "tenant", "name", "preset", "agent", "last_four", "pepper_id", "digest"),
    *("created_by", "created_at", "expires_at", "replaces"),
)


class SqlKeys:
    """`contract.keys.Keys` on a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, key: ApiKey, /) -> None:
        await self._db.write(lambda tx: _add(tx, key))

    async def find(self, key_id: str, /) -> ApiKey | None:
        row = await self._db.one(GET, key_id=key_id)
        return None if row is None else _key(row)

    async def list(self, tenant: str, /) -> Sequence[ApiKey]:
        return [_key(row) for row in await self._db.all(LIST, tenant=tenant)]

    async def revoke(self, tenant: str, key_id: str, at: Micros, /) -> ApiKey:
        row = await self._db.one(REVOKE, tenant=tenant, key_id=key_id, now=at)
        if row is None:
            raise NotFound(f"Key {key_id} not found")
        return _key(row)

    async def replace(self, old: ApiKey, new: ApiKey, until: Micros, /) -> None:
        ended = {"tenant": old.tenant, "key_id": old.key_id, "until": until}

        async def unit(tx: Tx) -> None:
            if await tx.one(END, **ended, now=new.created_at) is None:
                raise Conflict(f"Key {old.key_id} has ended. Create a new one.")
            await _add(tx, new)

        await self._db.write(unit)

    async def touch(self, key_id: str, now: Micros, before: Micros, /) -> None:
        await self._db.run(TOUCH, key_id=key_id, now=now, before=before)


async def _add(tx: Tx, key: ApiKey) -> None:
    stored: dict[str, Any] = {name: getattr(key, name) for name in _STORED}
    if await tx.one(ADD, **stored) is None:
        raise Conflict(f"There is a key {key.key_id} already. Try again.")
    if key.agent:
        known = {"tenant": key.tenant, "agent": key.agent, "created_by": key.created_by}
        await tx.run(KNOW_AGENT, **known, any_type=EMPTY_LIST, now=key.created_at)


def _key(row: Row) -> ApiKey:
    head, digest, rest = row[:7], bytes(row[7]), row[8:]
    return ApiKey(*[*head, digest, *rest])
