"""Where a request comes from, and which of its headers speak for somebody.

The address stands among the headers under a name that no header can have, as the authority of a
request does in HTTP/2: whoever reads headers to know who is asking has it, and nobody can send it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from commonhold.auth import Headers

Address = IPv4Address | IPv6Address

PEER = b":peer"

AUTHORIZATION = b"authorization"
AGENT_AUTHORIZATION = b"x-agent-authorization"
ON_BEHALF_OF = b"x-on-behalf-of"
AUTH_SUBJECT = b"x-auth-subject"
AUTH_MODE = b"x-auth-mode"
TENANT_ID = b"x-tenant-id"
GATEWAY_SECRET = b"x-gateway-secret"

OF_A_GATEWAY = frozenset({AUTH_SUBJECT, AUTH_MODE, b"x-auth-user", b"x-auth-email", TENANT_ID})
"""What a gateway says of who is behind it; from anybody else it is not looked at."""

SPEAKING = OF_A_GATEWAY | {AUTHORIZATION, AGENT_AUTHORIZATION, ON_BEHALF_OF, GATEWAY_SECRET}
"""Headers that may be there once only."""


def together(given: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by lower-case name; of a repeated one the last.

    Of one that speaks for somebody they are all there, with commas between, as HTTP has it: then it
    names nobody.
    """
    found: dict[bytes, bytes] = {}
    for name, value in given:
        is_again = name in found and name in SPEAKING
        found[name] = b"%b, %b" % (found[name], value) if is_again else value
    return found


def peer_of(headers: Headers) -> Address | None:
    """The address at the other end of the connection; None where there is none, as on a socket file."""
    return _address(headers.get(PEER, b""))


def without(headers: Headers, *names: bytes) -> Mapping[bytes, bytes]:
    """The headers, those left out that are not to be believed."""
    return {name: value for name, value in headers.items() if name not in names}


@lru_cache(maxsize=1024)
def _address(text: bytes) -> Address | None:
    try:
        address = ip_address(text.decode())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
