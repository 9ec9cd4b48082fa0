"""The contract over HTTP: what an agent installs. No server dependency."""

from __future__ import annotations

from commonhold.client import address
from commonhold.client.retry import Retry
from commonhold.client.stores import HttpBackend
from commonhold.client.transport import Network, Timeouts, Transport

__all__ = ["HttpBackend", "Network", "Retry", "Timeouts", "open_backend"]


def open_backend(
    url: str,
    *,
    agent: str | None = None,
    token: str | None = None,
    timeout: Timeouts | None = None,
    retry: Retry | None = None,
    transport: Network | None = None,
) -> HttpBackend:
    """A service as a backend. Nothing is sent yet: it may well be down now and up later.

    `transport` replaces the network, with an ASGI application in this process for example.

    Raises:
        InvalidRequest: the URL, the agent's name or the token cannot be used.
    """
    line = Transport(
        address.parse(url, token),
        timeouts=timeout or Timeouts(),
        retry=retry or Retry(),
        network=transport,
    )
    return HttpBackend(line, agent=agent or "")
