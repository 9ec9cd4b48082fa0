"""Request bodies: read within bounds, decompressed within the same bounds."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect

from commonhold.errors import (
    MalformedBody,
    PayloadTooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from commonhold.http.call import Call
from commonhold.service.gate import Gate
from commonhold.service.inflate import inflate, too_large

DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 10
"""How much of a refused body is still taken, past the limit: a client that is busy sending sees
a reset instead of the answer."""

_IN_LINE_BYTES = 8192
"""Compressed bodies up to here are inflated on the event loop: a millisecond or two at most."""


async def read_body(call: Call, gate: Gate, limit: int) -> bytes:
    """The whole body of a request, decompressed.

    Raises:
        PayloadTooLarge: it exceeds `limit` bytes, as sent or decompressed.
        MalformedBody: its compression is broken.
        UnsupportedMediaType: its compression is none of ours.
        Unavailable: too many bytes are in flight.
        ClientDisconnect: the caller hung up first.
    """
    size = _declared(call.head.get(b"content-length"))
    try:
        if size > limit:
            raise too_large(limit)
        _hold(call, gate, size)
        data = await _read(call, gate, limit)
    except (PayloadTooLarge, Unavailable):
        if b"expect" not in call.head:
            await _drain(call, limit + DRAIN_BYTES)
        raise
    encoding = call.head.get(b"content-encoding")
    if encoding is None or not data:
        return data
    data = await _decompress(data, encoding.strip().lower(), limit)
    _hold(call, gate, len(data))
    return data


def _declared(length: bytes | None) -> int:
    if length is None:
        return 0
    if not length.isdigit():
        raise MalformedBody("Content-Length must be a number of bytes.")
    return int(length)


def _hold(call: Call, gate: Gate, size: int) -> None:
    if size > call.held:
        gate.hold(size - call.held)
        call.held = size


async def _read(call: Call, gate: Gate, limit: int) -> bytes:
    chunks: list[bytes] = []
    while call.is_unread:
        chunks.append(await _chunk(call))
        if call.received > limit:
            raise too_large(limit)
        _hold(call, gate, call.received)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _chunk(call: Call) -> bytes:
    message = await call.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    chunk: bytes = message.get("body", b"")
    call.received += len(chunk)
    call.is_unread = message.get("more_body", False)
    return chunk


async def _drain(call: Call, bound: int) -> None:
    """Take what the client is still sending and forget it."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while call.is_unread and call.received <= bound:
                await _chunk(call)
    except (TimeoutError, ClientDisconnect):
        return


async def _decompress(data: bytes, encoding: bytes, limit: int) -> bytes:
    if encoding in (b"identity", b""):
        return data
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        name = encoding.decode("latin-1")
        raise UnsupportedMediaType(
            f"Content-Encoding {name} is not supported; send gzip, deflate or none."
        )
    if len(data) <= _IN_LINE_BYTES:
        return inflate(data, encoding, limit)
    return await asyncio.to_thread(inflate, data, encoding, limit)
