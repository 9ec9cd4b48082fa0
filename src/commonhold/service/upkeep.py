"""Chores that go on while a service serves: each again and again, none in the way of another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from commonhold.errors import Closed, CommonholdError, Unavailable

FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
_log = logging.getLogger("commonhold.service")

Chore = Callable[[], Awaitable[float]]
"""Does a piece of its work, and says in how many seconds the next one is to be done."""


class Upkeep:
    """Runs chores by name until it is closed. One that fails is tried again, later and later."""

    def __init__(self, chores: Mapping[str, Chore]) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with all of them."""
        self._tasks = [
            asyncio.create_task(_repeat(name, chore), name=f"commonhold-{name}")
            for name, chore in self._chores.items()
        ]

    async def aclose(self) -> None:
        """Stop them."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _repeat(name: str, chore: Chore) -> None:
    failed = 0
    while True:
        try:
            pause_s = await chore()
            failed = 0
        except Closed:
            return
        except Exception as error:  # noqa: BLE001  (a chore that ends for ever is worse than a log)
            failed += 1
            pause_s = min(FIRST_RETRY_S * 2 ** (failed - 1), LAST_RETRY_S)
            _tell(name, error, pause_s)
        await asyncio.sleep(pause_s)


def _tell(name: str, error: Exception, pause_s: float) -> None:
    told = error.detail if isinstance(error, CommonholdError) else type(error).__name__
    is_odd = not isinstance(error, Unavailable)
    _log.warning(
        "%s: %s Tried again in %.0f s.", name, told, pause_s, exc_info=error if is_odd else None
    )
