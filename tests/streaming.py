"""An application in process, whose answers are read while they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx2

Sent = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

END: Sent = {"type": "end"}


class StreamingTransport(httpx2.AsyncBaseTransport):
    """As `httpx2.ASGITransport`, which waits for the end of an answer: a tail has none."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return as soon as the application has begun to answer."""
        answer = Answering(self._app, scope_of(request), await request.aread())
        start = await answer.next()
        is_head = request.method == "HEAD"
        stream = httpx2.ByteStream(b"") if is_head else answer
        return httpx2.Response(start["status"], headers=start["headers"], stream=stream)


class Answering(httpx2.AsyncByteStream):
    """One call of the application, and the body it sends."""

    def __init__(self, app: App, scope: dict[str, Any], body: bytes) -> None:
        self._sent: asyncio.Queue[Sent] = asyncio.Queue(1)
        self._gone = asyncio.Event()
        self._incoming = [{"type": "http.request", "body": body, "more_body": False}]
        self._task = asyncio.create_task(self._run(app, scope))

    async def next(self) -> Sent:
        """What the application sends next.

        Raises:
            Exception: what it raised instead.
        """
        sent = await self._sent.get()
        if sent is END:
            await self._task
            raise AssertionError("the application ended without an end of its answer")
        return sent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        more = True
        while more:
            sent = await self.next()
            more = sent.get("more_body", False)
            yield sent.get("body", b"")

    async def aclose(self) -> None:
        """Hang up, and wait until the application has noticed."""
        self._gone.set()
        while not self._task.done():
            while not self._sent.empty():
                self._sent.get_nowait()
            await asyncio.wait([self._task], timeout=0.01)
        await self._task

    async def _run(self, app: App, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._sent.put)
        finally:
            if not self._gone.is_set():
                await self._sent.put(END)

    async def _receive(self) -> Sent:
        if self._incoming:
            return self._incoming.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}


def scope_of(request: httpx2.Request) -> dict[str, Any]:
    """The request as an application is told of it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 123),
        "root_path": "",
    }
