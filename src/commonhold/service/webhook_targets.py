"""Where a webhook may lead: never into the network that the service itself stands in.

A URL comes from a caller, and a name may mean another address each time it is asked. So every
address it means now is looked at, one is taken, and it is this one that is connected to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.webhook import parse_url

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Every address that a host has now, for a port."""

_RESOLVERS = 16
_PATIENCE_S = 5.0
_PORTS = {"http": 80, "https": 443}

_REACHABLE = ip_network("2000::/3")
"""All of IPv6 that is given out. What is outside embeds IPv4, or is local in some way."""

_ODD = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24",  # of protocols, not of hosts
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo and other things that are not hosts
        "2002::/16",  # 6to4, which embeds an IPv4 address
        "3fff::/20",  # documentation
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, and the address that stands for its host this time."""

    url: str
    address: str


class Targets:
    """Finds targets. `allow` names hosts and networks that may be reached although they are ours."""

    def __init__(self, allow: Sequence[str] = (), resolve: Resolve | None = None) -> None:
        self._networks, self._names = _read(allow)
        # Names of strangers may take long to be looked up: nothing else has to wait for them.
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="webhook-name")
        self._resolve = resolve or self._look_up

    async def find(self, url: str) -> Target:
        """The target of a URL.

        Raises:
            InvalidRequest: it must not be reached from here, or does not exist.
        """
        parts = parse_url(url)
        host = parts.hostname or ""
        found = await self._addresses(host, parts.port or _PORTS[parts.scheme])
        is_named = host in self._names
        if parts.scheme != "https" and not (is_named or all(map(self._is_listed, found))):
            raise _bad("must begin with https, unless COMMONHOLD_WEBHOOK_ALLOW has its host")
        if not (is_named or all(map(self._may_reach, found))):
            raise _bad(
                f"leads to an address of a private or special network ({host}), which"
                " COMMONHOLD_WEBHOOK_ALLOW does not have"
            )
        return Target(url, str(found[0]))

    def close(self) -> None:
        """Look up no more names."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                told = await self._resolve(host, port)
            found = [ip_address(each.partition("%")[0]) for each in told]
        except (OSError, ValueError):  # a timeout is one, and a name no resolver would take
            found = []
        if not found:
            raise _bad(f"has a host that is not known: {host}")
        return found

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port)

    def _is_listed(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _may_reach(self, address: Address) -> bool:
        return self._is_listed(address) or is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and of a single host in it."""
    if isinstance(address, IPv6Address) and address not in _REACHABLE:
        return False
    is_special = address.is_multicast or address.is_reserved or address.is_private
    return address.is_global and not is_special and not any(address in odd for odd in _ODD)


def _look_up(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _read(allow: Sequence[str]) -> tuple[Sequence[Network], frozenset[str]]:
    networks: list[Network] = []
    names: set[str] = set()
    for each in allow:
        try:
            networks.append(ip_network(each, strict=False))
        except ValueError:
            names.add(each.lower())
    return networks, frozenset(names)


def _bad(rule: str) -> InvalidRequest:
    return InvalidRequest(f"url {rule}.", errors=[FieldError(("url",), rule)])
