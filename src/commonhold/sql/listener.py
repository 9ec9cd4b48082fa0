"""The connection on which a process hears others: Postgres LISTEN, made again when it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

CHANNEL = "commonhold"
NOTIFY = "SELECT pg_notify('commonhold', $1)"

RETRY_S = 1.0
_TIMEOUT_S = 10.0

_log = logging.getLogger("commonhold.sql")


class PostgresListener:
    """Calls `heard` with what other processes tell; with None when something may be missed.

    A connection of its own, since one from the pool could not be given back. Behind a pooler in
    transaction mode it hears nothing, and whoever waits looks by itself instead.
    """

    def __init__(self, dsn: str, heard: Callable[[str | None], None]) -> None:
        self._dsn = dsn
        self._heard = heard
        self._task = asyncio.create_task(self._keep_listening())

    async def aclose(self) -> None:
        """Stop, and close the connection."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  (whatever it is, it is tried again)
                _log.debug("Other processes cannot be heard: %s", error)
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        """Hear others until the connection is lost."""
        connection: Any = await asyncpg.connect(
            self._dsn,
            timeout=_TIMEOUT_S,
            statement_cache_size=0,
            server_settings={"application_name": "commonhold listener"},
        )
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._take)
            self._heard(None)
            await lost.wait()
        finally:
            connection.terminate()

    def _take(self, _connection: Any, _pid: int, _channel: str, text: str) -> None:
        self._heard(text)
