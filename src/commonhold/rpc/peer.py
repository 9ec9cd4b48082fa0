"""Protection of a service that asks nobody who they are: only this machine may use it.

No page of a browser can speak gRPC to a plain port, so where a request comes from is enough.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote

from commonhold.errors import Forbidden


def check_local(peer: str) -> None:
    """Return when `peer` is this machine: `ipv4:127.0.0.1:5000`, `ipv6:%5B::1%5D:5000`, `unix:`.

    Raises:
        Forbidden: it is not.
    """
    if not peer.startswith("unix:") and not _is_loopback(address_of(peer)):
        raise Forbidden("Without authentication, only this machine may use the service.")


def address_of(peer: str) -> str:
    """The address of a peer, as HTTP would have it; empty for a Unix socket."""
    family, _, address = unquote(peer).partition(":")
    return "" if family == "unix" else address.rpartition(":")[0].strip("[]")


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
