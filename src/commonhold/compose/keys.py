"""Mode `keys`: from the settings to who is let in, and to what makes keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from commonhold.auth.key_form import LEAST_PEPPER_BYTES, Pepper
from commonhold.auth.keys import KeyAuthenticator, KeyDesk
from commonhold.compose.storage import LateBackend, open_current
from commonhold.errors import FieldError
from commonhold.model.clock import Micros
from commonhold.model.key import ApiKey
from commonhold.model.registry import Registered
from commonhold.service.audit import AuditTrail
from commonhold.service.keys import KeyRing
from commonhold.settings import PREFIX, InvalidSettings, Settings
from commonhold.sql.api_keys import SqlKeys
from commonhold.sql.audit import SqlAudit
from commonhold.sql.registry import SqlRegistry

PEPPER, PEPPER_FILE = f"{PREFIX}PEPPER", f"{PREFIX}PEPPER_FILE"

_MISSING = (
    f"keys need it: a secret of {LEAST_PEPPER_BYTES} bytes or more, kept outside of the database."
    f" Make one with `openssl rand -hex 32`, and set it, or name a file with it in {PEPPER_FILE}."
)


class KeyMode:
    """What asks for keys, and what makes them, over a database that may not be open yet."""

    def __init__(self, settings: Settings, late: LateBackend) -> None:
        self._late = late
        peppers = peppers_of(settings)
        desk = KeyDesk(self._find, self._touch, self._agent)
        self.authenticate = KeyAuthenticator(desk, peppers)
        self.ring = KeyRing(self._keys, peppers, self.authenticate.forget)

    def _keys(self) -> SqlKeys:
        return SqlKeys(self._late.opened().database)

    async def _find(self, key_id: str) -> ApiKey | None:
        return await self._keys().find(key_id)

    async def _touch(self, key_id: str, now: Micros, before: Micros) -> None:
        await self._keys().touch(key_id, now, before)

    async def _agent(self, tenant: str, agent: str) -> Registered | None:
        return await SqlRegistry(self._late.opened().database).find(tenant, agent)


@asynccontextmanager
async def open_key_ring(settings: Settings) -> AsyncIterator[KeyRing]:
    """The keys in the database itself: there is no need of a service, nor of a key.

    Raises:
        InvalidSettings: there is no pepper.
        Unavailable: the database cannot be opened.
        SchemaOutdated: it has no place for keys yet.
    """
    peppers = peppers_of(settings)
    async with open_current(settings, may_make=True) as backend:
        keys, log = SqlKeys(backend.database), SqlAudit(backend.database)
        yield KeyRing(lambda: keys, peppers, audit=AuditTrail(lambda: log))


def peppers_of(settings: Settings) -> tuple[Pepper, ...]:
    """The peppers, the one of new keys first; the others are of keys made before.

    Raises:
        InvalidSettings: there is none, or one is too short.
    """
    if not settings.pepper_file:
        found = settings.pepper
    elif settings.pepper:
        raise _wrong(PEPPER_FILE, f"it is set beside {PEPPER}; set one of them.")
    else:
        found = _lines(settings.pepper_file)
    if not found:
        raise _wrong(PEPPER, _MISSING)
    return tuple(Pepper(each.encode()) for each in found)


def _lines(path: str) -> tuple[str, ...]:
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise _wrong(PEPPER_FILE, f"{path} cannot be read: {reason}.") from error
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not found or any(len(each.encode()) < LEAST_PEPPER_BYTES for each in found):
        rule = f"each line of {path} must be a secret of {LEAST_PEPPER_BYTES} bytes or more."
        raise _wrong(PEPPER_FILE, rule)
    return found


def _wrong(name: str, told: str) -> InvalidSettings:
    return InvalidSettings([FieldError((name,), told)])
