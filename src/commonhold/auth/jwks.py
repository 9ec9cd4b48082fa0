"""The keys of one issuer, kept while they cannot be fetched, and fetched no oftener than is meant.

Whoever sends a token chooses the id of the key in it. So such a request never takes a key away,
and leads to a fetch twice a minute at most.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from commonhold.auth.signatures import Key
from commonhold.errors import CommonholdError, Unauthenticated, Unavailable
from commonhold.model import clock

FRESH_S = 300.0
"""How long keys are used before they are fetched again, beside the requests, in seconds."""

KEPT_S = 86_400.0
"""How long they are used when they cannot be."""

LEAST_S = 30.0
"""Between two fetches for a key that is not known."""

COLD_S = 5
"""Between two fetches while there are no keys at all, in seconds; `Retry-After` says the same."""

PATIENCE_S = 0.5
"""How long a request waits for a fetch that may bring its key."""

UNKNOWN_S = 60.0
UNKNOWN = 256
"""How long an id is known to be unknown, and how many of them are remembered."""

UNKNOWN_KEY = "The token is signed with a key that its issuer does not have (`kid`)."

Source = Callable[[], Awaitable[Mapping[str, Key]]]
"""Fetches the keys of an issuer; raises `ValueError` or a `CommonholdError` when it cannot."""

_log = logging.getLogger("commonhold.auth")


class KeySet:
    """The keys that `source` has, for the issuer `name`. `now` counts seconds, and never goes back."""

    def __init__(
        self, name: str, source: Source, now: Callable[[], float] = clock.monotonic
    ) -> None:
        self._name = name
        self._source = source
        self._now = now
        self._keys: Mapping[str, Key] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._due_at = float("-inf")
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._fetching: asyncio.Task[None] | None = None

    def peek(self, kid: str) -> Key | None:
        """The key of that id among those that are known; they may be fetched again meanwhile."""
        now = self._now()
        if now >= self._due_at and now - self._tried_at >= LEAST_S:
            self._start()
        return self._keys.get(kid) if now - self._fetched_at < KEPT_S else None

    async def find(self, kid: str) -> Key:
        """The key of that id.

        Raises:
            Unauthenticated: the issuer has none.
            Unavailable: its keys are not known.
        """
        if self._now() - self._fetched_at >= KEPT_S:
            await self._warm()
        elif self._now() - self._fetched_at >= 2 * FRESH_S:
            await self._fetch_if_allowed()  # nobody asked for long: what was then may have ended
        key = self.peek(kid)
        if key is None:
            key = await self._look_again(kid)
        if key is None:
            raise Unauthenticated(UNKNOWN_KEY)
        return key

    async def aclose(self) -> None:
        """Fetch nothing more."""
        task, self._fetching = self._fetching, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _warm(self) -> None:
        """Wait for the first keys, or for new ones when those there were are too old."""
        if self._fetching is None and self._now() - self._tried_at >= COLD_S:
            self._start()
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
        if self._now() - self._fetched_at >= KEPT_S:
            told = f"The keys of issuer {self._name} are not known yet. Try again."
            raise Unavailable(told, retry_after_s=COLD_S)

    async def _look_again(self, kid: str) -> Key | None:
        """The key if a fetch brings it, now and not later."""
        asked_at = self._now()
        if asked_at < self._unknown.get(kid, float("-inf")):
            return None
        await self._fetch_if_allowed()
        key = self._keys.get(kid)
        if key is None and self._fetched_at >= asked_at:
            self._unknown[kid] = asked_at + UNKNOWN_S
            if len(self._unknown) > UNKNOWN:
                self._unknown.popitem(last=False)
        return key

    async def _fetch_if_allowed(self) -> None:
        if self._fetching is None and self._now() - self._tried_at >= LEAST_S:
            self._start()
        if self._fetching is not None:
            await asyncio.wait([self._fetching], timeout=PATIENCE_S)

    def _start(self) -> None:
        if self._fetching is None:
            self._tried_at = self._now()
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is not None:
            _log.error("Fetching keys failed.", exc_info=task.exception())

    async def _fetch(self) -> None:
        began = self._now()
        try:
            keys = await self._source()
        except (CommonholdError, ValueError, OSError) as error:
            told = error.detail if isinstance(error, CommonholdError) else error
            _log.warning("The keys of issuer %s cannot be fetched: %s", self._name, told)
            return
        self._keys = keys
        self._fetched_at = began
        # Not all replicas at once.
        spread = random.uniform(0.9, 1.1)  # noqa: S311  (not a secret)
        self._due_at = began + FRESH_S * spread
        _log.debug("Issuer %s has %d keys.", self._name, len(keys))
