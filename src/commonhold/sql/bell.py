"""Who waits for a session hears when something happens in it, in this process or another.

A write rings after its commit. In its own process that wakes whoever watches the session at once;
on Postgres it is also said to the other processes, many sessions in one NOTIFY. A bell is never an
answer: who hears it reads the log. So a lost one costs time only, and everything that is watched is
looked at every few seconds anyhow.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from commonhold.errors import CommonholdError
from commonhold.model import opaque
from commonhold.sql.database import Database, Listener
from commonhold.sql.statement import statement

HEADS = statement("get_heads")

GATHER_S = 0.01
"""How long bells are gathered before other processes hear of them, in seconds."""

MOST_IN_ONE = 7000
"""Bytes of one NOTIFY, which takes less than 8000."""

Key = tuple[str, str]

_log = logging.getLogger("commonhold.sql")


class Watch:
    """One that waits for a session."""

    __slots__ = ("_loop", "_rung")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def wake(self) -> None:
        """Wake it, from whatever thread."""
        self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float | None = None) -> None:
        """Return when the bell rang since the last time, or after `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()


class Bell:
    """The bells of all sessions of a database, as one process hears and rings them."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._watches: dict[Key, set[Watch]] = {}
        self._heads: dict[Key, tuple[int, int] | None] = {}
        self._unsaid: set[Key] = set()
        self._saying: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._listener: Listener | None = None

    def ring(self, tenant: str, session_id: str) -> None:
        """Something happened in a session, and is committed."""
        key = (tenant, session_id)
        if key in self._watches:
            self._wake(key)
        if self._db.has_neighbours:
            self._unsaid.add(key)
            if self._saying is None or self._saying.done():
                self._saying = asyncio.create_task(self._say())

    @contextmanager
    def watch(self, tenant: str, session_id: str) -> Iterator[Watch]:
        """Hear of a session meanwhile. Read after this begins, and nothing is missed."""
        key, watch = (tenant, session_id), Watch()
        self._watches.setdefault(key, set()).add(watch)
        self._attend()
        try:
            yield watch
        finally:
            self._watches[key].discard(watch)
            if not self._watches[key]:
                del self._watches[key]
                self._heads.pop(key, None)

    async def aclose(self) -> None:
        """Say what is unsaid, wake everybody, and stop listening."""
        listener, self._listener = self._listener, None
        tasks = [task for task in (self._saying, self._looking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if listener is not None:
            await listener.aclose()
        self._wake_all()

    def _attend(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        if self._listener is None and self._db.has_neighbours:
            self._listener = self._db.listen(self._hear)

    def _wake(self, key: Key) -> None:
        for watch in tuple(self._watches.get(key, ())):
            watch.wake()

    def _wake_all(self) -> None:
        for key in tuple(self._watches):
            self._wake(key)

    def _hear(self, text: str | None) -> None:
        """Another process rang; None when something may have been missed."""
        if text is None:
            self._wake_all()
            return
        for tenant, session_id in json.loads(text):
            self._wake((tenant, session_id))

    async def _say(self) -> None:
        while self._unsaid:
            await asyncio.sleep(GATHER_S)
            keys, self._unsaid = self._unsaid, set()
            for text in _packed(keys):
                try:
                    await self._db.notify(text)
                except CommonholdError as error:  # the others look by themselves
                    _log.debug("A bell was not heard: %s", error.detail)

    async def _look(self) -> None:
        """See what nobody told: the writes of a process that died, or that cannot tell."""
        while self._watches:
            await asyncio.sleep(self._db.look_every_s)
            with suppress(CommonholdError):
                await self._look_once()

    async def _look_once(self) -> None:
        by_tenant: dict[str, list[str]] = {}
        for tenant, session_id in self._watches:
            by_tenant.setdefault(tenant, []).append(session_id)
        found: dict[Key, tuple[int, int] | None] = {}
        for tenant, ids in by_tenant.items():
            rows = await self._db.within(tenant).all(HEADS, tenant=tenant, listed=opaque.dumps(ids))
            found.update({(tenant, row[0]): (row[1], row[2]) for row in rows})
        for key in tuple(self._watches):
            if self._heads.get(key, ()) != found.get(key):
                self._heads[key] = found.get(key)
                self._wake(key)


def _packed(keys: set[Key]) -> Iterator[str]:
    """JSON arrays of keys, each short enough to be said at once."""
    batch: list[Key] = []
    size = 0
    for key in keys:
        length = len(json.dumps(key)) + 2
        if batch and size + length > MOST_IN_ONE:
            yield json.dumps(batch)
            batch, size = [], 0
        batch.append(key)
        size += length
    if batch:
        yield json.dumps(batch)
