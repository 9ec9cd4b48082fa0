"""A service in mode `keys`, and callers with a key of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx2

from commonhold import compose
from commonhold.compose.app import create_app
from commonhold.http import Service
from commonhold.model.key import OF_AN_AGENT, PRESETS, NewKey
from commonhold.model.scope import Sharing
from commonhold.service.keys import BOOTSTRAP, Issued, KeyRing
from commonhold.settings import Settings
from tests.http.conftest import over

PEPPER = "a pepper of thirty-two bytes or so"
ELSEWHERE = "elsewhere"
"""Another tenant."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The service, a client of it without a key, and the keys by preset; `other` is of agent `b`."""

    app: Service
    client: httpx2.AsyncClient
    ring: KeyRing
    keys: dict[str, Issued] = field(default_factory=dict)

    async def key(self, new: NewKey, tenant: str = "default") -> Issued:
        """One more key."""
        return await self.ring.create(replace(BOOTSTRAP, tenant=tenant), new)

    async def send(
        self, who: str, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx2.Response:
        """A request with the key of `who`; without one when that is empty."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if who:
            named["authorization"] = f"Bearer {self.keys[who].text}"
        return await self.client.request(method, path, json=body, headers=named)


@asynccontextmanager
async def fleet(
    database: str, sessions_sharing: Sharing = "fleet", limits: Mapping[str, int] | None = None
) -> AsyncIterator[Fleet]:
    """A service over a database, and a key of each preset in it."""
    settings = Settings(
        database=database,
        auth="keys",
        pepper=(PEPPER,),
        sessions_sharing=sessions_sharing,
        **(limits or {}),  # type: ignore[arg-type]
    )
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        over(app) as client,
        compose.open_key_ring(settings) as ring,
    ):
        made = Fleet(app, client, ring)
        for preset in PRESETS:
            made.keys[preset] = await made.key(NewKey(preset, "a" if preset in OF_AN_AGENT else ""))
        made.keys["other"] = await made.key(NewKey("agent", "b"))
        made.keys["foreign"] = await made.key(NewKey("agent", "a"), ELSEWHERE)
        yield made


def unique(prefix: str) -> str:
    """An id that no other test uses."""
    return f"{prefix}-{uuid4().hex[:12]}"
