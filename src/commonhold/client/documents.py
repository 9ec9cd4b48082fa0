"""One request for a small document to a configured address: no proxy, redirect, cookie or retry.

The third module that knows the HTTP library. Like `pinned`, it uses a transport of it and no client,
which would bring all of these along.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

import httpx2

from commonhold.errors import Unavailable

MAX_BYTES = 256 * 1024
"""The largest document that is read."""

PATIENCE_S = 3.0
"""How long it may take, from the connection to the last byte."""

_NO_KEEPING = httpx2.Limits(max_connections=8, max_keepalive_connections=0)
_ASKED = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
_GOOD = {"GET": (200,), "POST": (200, 201)}


class DocumentReader:
    """Reads documents. `tls` says whom it trusts, if not whom this machine does."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._network = httpx2.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(), trust_env=False, limits=_NO_KEEPING
        )

    async def get(self, url: str, headers: Mapping[str, str]) -> bytes:
        """The document at a URL.

        Raises:
            Unavailable: there is none, or it is too large, or takes too long.
        """
        return await self._answer(httpx2.Request("GET", url, headers={**_ASKED, **headers}))

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The document that is answered to one.

        Raises:
            Unavailable: there is none, or it is too large, or takes too long.
        """
        told = {**_ASKED, "Content-Type": "application/json", **headers}
        return await self._answer(httpx2.Request("POST", url, headers=told, content=body))

    async def aclose(self) -> None:
        """Close what is open."""
        await self._network.aclose()

    async def _answer(self, request: httpx2.Request) -> bytes:
        url = request.url
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._read(request)
        except TimeoutError:
            raise Unavailable(f"No answer from {url} within {PATIENCE_S:g} seconds.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            told = str(error) or type(error).__name__
            raise Unavailable(f"No answer from {url}: {told}.") from None

    async def _read(self, request: httpx2.Request) -> bytes:
        response = await self._network.handle_async_request(request)
        try:
            if response.status_code not in _GOOD[request.method]:
                raise Unavailable(f"{request.url} answered {response.status_code}, and not 200.")
            read = b""
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > MAX_BYTES:
                    raise Unavailable(f"{request.url} sends more than {MAX_BYTES} bytes.")
            return read
        finally:
            await response.aclose()
