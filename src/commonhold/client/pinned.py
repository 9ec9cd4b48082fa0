"""One POST to an address that was looked at before: no proxy, no redirect, no cookie, no retry.

The second module that knows the HTTP library. It uses a transport of it and no client, which would
bring all of these along, and it asks no resolver.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpx2

from commonhold.errors import Unavailable

MAX_READ = 4096
"""Bytes of an answer that are read at most."""

_CONNECTIONS = 1024
_NO_KEEPING = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0)
# A connection is never used again: it is found by its address, and another name at the same address
# would be sent over one whose certificate was checked for the first.


class PinnedPoster:
    """Posts to addresses. Who waits how long is the caller's affair."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._network = httpx2.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(), trust_env=False, limits=_NO_KEEPING
        )

    async def post(
        self, url: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        """The status of the answer, and how its text begins.

        Raises:
            Unavailable: there is none.
        """
        request = pinned(url, address, headers, body)
        try:
            response = await self._network.handle_async_request(request)
            try:
                return response.status_code, await _beginning(response)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            told = str(error) or type(error).__name__
            raise Unavailable(f"No answer from {request.headers['host']}: {told}.") from None

    async def aclose(self) -> None:
        """Close what is open."""
        await self._network.aclose()


def pinned(url: str, address: str, headers: Mapping[str, str], body: bytes) -> httpx2.Request:
    """The request to a URL, sent to an address; TLS and the receiver still see the name."""
    named = httpx2.URL(url)
    return httpx2.Request(
        "POST",
        named.copy_with(host=address),
        headers={**headers, "Host": named.netloc.decode(), "Connection": "close"},
        content=body,
        extensions={"sni_hostname": named.host},
    )


async def _beginning(response: httpx2.Response) -> str:
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= MAX_READ:
            break
    return read[:MAX_READ].decode(errors="replace").replace("\0", "")
