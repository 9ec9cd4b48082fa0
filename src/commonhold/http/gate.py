"""How much is worked on at once. Past the bounds, a clear 503 instead of a growing queue."""

from __future__ import annotations

from collections.abc import Mapping

from commonhold.errors import Unavailable


class Gate:
    """Counts requests and body bytes in flight in one process."""

    __slots__ = ("bytes", "max_bytes", "max_requests", "requests")

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.requests = 0
        self.bytes = 0

    def stats(self) -> Mapping[str, float]:
        """What is in flight, for `/metrics`."""
        return {
            "http_requests_in_flight": self.requests,
            "http_body_bytes_in_flight": self.bytes,
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
