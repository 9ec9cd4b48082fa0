"""Answers that are sent while they are made: long histories, and logs that are followed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from commonhold.errors import CommonholdError
from commonhold.http.call import Answer, Header
from commonhold.model.session import Message
from commonhold.model.turns import Event
from commonhold.model.wire_turns import entry_out
from commonhold.service.gate import Gate

Entries = AsyncIterator[Message | Event]
"""The log of a session as it grows."""

HEARTBEAT_S = 15.0
"""How often a silent stream gives a sign of life, in seconds: proxies close what is silent for a
minute."""

SLOW_S = 30.0
"""How long a reader may leave what was sent unread, in seconds, before it is dropped."""

EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold back what is not yet a bufferful
)

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("commonhold.http")


class Stream(Answer):
    """An answer whose body comes in pieces. A piece that fails cuts the connection."""

    def __init__(self, pieces: AsyncIterator[bytes], status: int, fields: Iterable[Header]) -> None:
        super().__init__(b"", status, fields)
        self.raw_headers.pop()  # its length is not known yet
        self._pieces = pieces
        self._sent = 0

    @property
    def size(self) -> int:
        """Bytes sent."""
        return self._sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; to HEAD, without the body."""
        await send(_start(self))
        if scope["method"] != "HEAD":
            async for piece in self._pieces:
                await _send(send, piece, self)
        await send({"type": "http.response.body", "body": b""})

    def count(self, piece: bytes) -> None:
        """Count what was sent."""
        self._sent += len(piece)


class EventStream(Stream):
    """Server-sent events (WHATWG HTML, 9.2) of a log, until it ends or nobody reads any more."""

    def __init__(self, entries: Entries, after: int, gate: Gate) -> None:
        super().__init__(_nothing(), 200, EVENT_STREAM)
        self._entries = entries
        self._after = after
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events as they come."""
        try:
            await send(_start(self))
            if scope["method"] != "HEAD":
                await self._follow(receive, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._gate.leave()

    async def _follow(self, receive: Receive, send: Send) -> None:
        # An id without data is no event, and still where a reader that is cut off goes on.
        await _send(send, b"id: %d\n\n" % self._after, self)
        until = {asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self._gate.closing())}
        coming: asyncio.Future[Message | Event] | None = None
        try:
            while not any(each.done() for each in until):
                coming = coming or asyncio.ensure_future(anext(self._entries))
                ready: set[asyncio.Future[Any]] = {coming, *until}
                await asyncio.wait(ready, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    if not any(each.done() for each in until):
                        await _send(send, b": still here\n\n", self)
                    continue
                entry, coming = coming, None
                await _send(send, event_of(entry.result()), self)
        except StopAsyncIteration:
            await _send(send, b"event: end\ndata: {}\n\n", self)
        except CommonholdError as error:  # the reader comes back, and hears it then
            _log.info("A stream of events ended: %s", error.detail)
        finally:
            await _cancel(*until, coming)
            await close(self._entries)


def event_of(entry: Message | Event) -> bytes:
    """One event: its id is the sequence, its name the kind, its data what the log holds."""
    name = "message" if isinstance(entry, Message) else entry.kind
    text = _encode(entry_out(entry)).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = b"\ndata: ".join(text.split(b"\n"))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.seq, name.encode(), data)


def _start(answer: Answer) -> dict[str, Any]:
    headers = answer.raw_headers
    return {"type": "http.response.start", "status": answer.status_code, "headers": headers}


async def _send(send: Send, piece: bytes, answer: Stream) -> None:
    """Send a piece, and wait until the reader has made room for more.

    Raises:
        TimeoutError: it did not in time; the server then cuts the connection.
    """
    message = {"type": "http.response.body", "body": piece, "more_body": True}
    await asyncio.wait_for(send(message), SLOW_S)
    answer.count(piece)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Future[Any] | None) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def close(entries: Entries) -> None:
    """End what gives entries, if it is running."""
    close = getattr(entries, "aclose", None)
    if close is not None:
        with suppress(CommonholdError):
            await close()


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
