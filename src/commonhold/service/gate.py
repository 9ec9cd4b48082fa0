"""How much is worked on at once. Past the bounds, a clear 503 instead of a growing queue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from commonhold.errors import Unavailable


class Gate:
    """Counts requests, body bytes and followers in flight in one process.

    Who follows a log or waits for a turn does no work meanwhile, and is counted apart.
    """

    __slots__ = (
        "_closing",
        "bytes",
        "followers",
        "max_bytes",
        "max_followers",
        "max_requests",
        "requests",
    )

    def __init__(self, max_requests: int, max_bytes: int, max_followers: int = 4096) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.max_followers = max_followers
        self.requests = 0
        self.bytes = 0
        self.followers = 0
        self._closing = asyncio.Event()

    def stats(self) -> Mapping[str, float]:
        """What is in flight, for `/metrics`."""
        return {
            "http_requests_in_flight": self.requests,
            "http_body_bytes_in_flight": self.bytes,
            "http_followers": self.followers,
        }

    def admit(self) -> None:
        """Check that the request just counted still fits.

        Raises:
            Unavailable: it does not.
        """
        if self.requests > self.max_requests:
            raise Unavailable(
                f"{self.max_requests} requests are in flight already. Nothing was written;"
                " try again in a second."
            )

    def enter(self) -> None:
        """Count one more follower, until it leaves.

        Raises:
            Unavailable: there are too many.
        """
        if self.followers >= self.max_followers:
            raise Unavailable(
                f"{self.max_followers} clients follow or wait here already; try again in a second."
            )
        self.followers += 1

    def leave(self) -> None:
        """One follower less."""
        self.followers -= 1

    def close(self) -> None:
        """Send every follower away: the process is about to stop."""
        self._closing.set()

    @property
    def is_closing(self) -> bool:
        """Whether the process is about to stop."""
        return self._closing.is_set()

    async def closing(self) -> None:
        """Return when followers are to go."""
        await self._closing.wait()

    def hold(self, count: int) -> None:
        """Count `count` more bytes of a body. What alone exceeds the bound may pass alone.

        Raises:
            Unavailable: they do not fit beside what is held; nothing was counted.
        """
        if self.bytes and self.bytes + count > self.max_bytes:
            raise Unavailable(
                "Too many bytes of request bodies are in flight. Nothing was written;"
                " try again in a second."
            )
        self.bytes += count
