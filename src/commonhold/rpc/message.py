"""The message of a request: received within bounds, decompressed within the same bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from commonhold.errors import MalformedBody, Unavailable
from commonhold.rpc.desk import Holding
from commonhold.service.inflate import inflate

RECEIVING = 8
"""How many messages arrive at once. The length of a message is known only when it is there, so
this, and not the gate, bounds the memory of those that are on their way. The others wait."""

RECEIVE_S = 20.0
"""How long a message may take to arrive: a caller that stalls keeps others waiting."""

_IN_LINE_BYTES = 8192
"""Compressed messages up to here are inflated on the event loop: a millisecond or two at most."""

_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How gzip begins, and how deflate does at each of its levels."""


class Inbox:
    """Takes messages in, a few at a time."""

    def __init__(
        self, limit: int, *, at_once: int = RECEIVING, receive_s: float = RECEIVE_S
    ) -> None:
        self._limit = limit
        self._slots = asyncio.Semaphore(at_once)
        self._receive_s = receive_s

    async def take(self, messages: AsyncIterator[bytes], holding: Holding) -> bytes:
        """The first of `messages`, decompressed: a request has but one.

        Raises:
            MalformedBody: there is none, or its compression is broken.
            PayloadTooLarge: it is too large once it is decompressed.
            Unavailable: too many bytes are in flight, or it did not arrive in time.
        """
        async with self._slots:
            message = await self._receive(messages)
            holding.hold(len(message))
        if not _is_compressed(message):
            return message
        inflated = await self._inflate(message)
        holding.hold(len(inflated))
        return inflated

    async def _receive(self, messages: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._receive_s):
                return await anext(messages)
        except TimeoutError as error:
            told = f"The message did not arrive within {self._receive_s:g} seconds."
            raise Unavailable(f"{told} Nothing was written; try again.") from error
        except StopAsyncIteration as error:
            raise MalformedBody("There is no message in the request.") from error

    async def _inflate(self, message: bytes) -> bytes:
        if len(message) <= _IN_LINE_BYTES:
            return inflate(message, b"gzip", self._limit)
        return await asyncio.to_thread(inflate, message, b"gzip", self._limit)


def _is_compressed(message: bytes) -> bool:
    """Whether gzip or deflate wrote it. The header that says so is not shown to a service.

    A request of OTLP has one field, whose first byte is 0x0a.
    """
    return message.startswith(_COMPRESSED)
