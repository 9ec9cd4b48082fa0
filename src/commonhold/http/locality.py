"""Protection of a service that asks nobody who they are: only this machine may use it.

A web page that somebody on this machine has open can send requests here too. It cannot choose
its `Origin`, nor - when it lets its own name resolve to this machine - the `Host` it is asking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Scope

from commonhold.errors import Forbidden

_LOCAL = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_LOOPBACK = re.compile(r"(?:::ffff:)?127(?:\.[0-9]{1,3}){3}|::1")


def check_local(scope: Scope, head: Mapping[bytes, bytes], *, is_welcome: bool = False) -> None:
    """Return when the request comes from this machine, through a name of this machine.

    The page that sends it is one of this machine too, unless it `is_welcome`.

    Raises:
        Forbidden: it does not, and the detail says which rule it breaks.
    """
    client = scope.get("client")
    # A Unix socket has no peer address.
    if client and client[0] and not _is_loopback(client[0]):
        raise Forbidden("Without authentication, only this machine may use the service.")
    if not _is_local(head.get(b"host", b"")):
        raise Forbidden(
            "Without authentication, the service answers only as localhost, 127.0.0.1 or [::1]."
        )
    origin = head.get(b"origin")
    if origin is not None and not is_welcome and not _is_local(origin.partition(b"://")[2]):
        raise Forbidden("Without authentication, no page of another origin may use the service.")


@lru_cache(maxsize=256)
def _is_loopback(peer: str) -> bool:
    return _LOOPBACK.fullmatch(peer) is not None


@lru_cache(maxsize=256)
def _is_local(host: bytes) -> bool:
    return _LOCAL.fullmatch(host) is not None
