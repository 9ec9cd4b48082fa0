"""A gateway as the published template is: it believes no client, and says itself who is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

REMOVED = (
    *("authorization", "x-auth-subject", "x-auth-user", "x-auth-email", "x-auth-mode"),
    *("x-tenant-id", "connection"),
)
"""Headers of a client that do not come through."""


@asynccontextmanager
async def gateway(port: int, subject: str) -> AsyncIterator[str]:
    """The address of a gateway at which `subject` is signed in, before a port of this machine."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        up_writer.write(told(head.decode("latin-1"), subject))
        up_writer.write(await reader.readexactly(length_of(head)))
        writer.write(await up_reader.read())
        for each in (writer, up_writer):
            each.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def told(head: str, subject: str) -> bytes:
    """The head of a request as the gateway sends it on."""
    first, *fields = head.rstrip("\r\n").split("\r\n")
    kept = [each for each in fields if each.partition(":")[0].lower() not in REMOVED]
    said = [f"X-Auth-Subject: {subject}", "X-Auth-User: ", "X-Auth-Email: ", "X-Auth-Mode: jwt"]
    return "\r\n".join([first, *kept, *said, "Connection: close", "", ""]).encode()


def length_of(head: bytes) -> int:
    """How long the body is."""
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    return int(fields.get(b"content-length", b"0"))
