"""A receiver of webhooks: a real server on the loopback address that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tests.processes import free_port


@dataclass(frozen=True, slots=True)
class Got:
    """One request that came in."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        told: dict[str, Any] = json.loads(self.body)
        return told


@dataclass(slots=True)
class Receiver:
    """Listens between `start` and `stop`, always on the same port.

    While `hold` is clear it answers nobody.
    """

    status: int = 200
    answer: bytes = b"ok"
    headers: str = ""
    tls: ssl.SSLContext | None = None
    got: list[Got] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    @property
    def ids(self) -> list[str]:
        """The ids of the events that came, in their order."""
        return [each.headers["webhook-id"] for each in self.got]

    async def start(self) -> Self:
        """Listen."""
        self.hold.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        return self

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self.hold.set()
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        kept = {name: line.split(": ", 1)[1] for line in head[1:] if line for name in [_name(line)]}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append(Got(head[0].split(" ")[1], kept, body))
        self.arrived.set()
        await self.hold.wait()
        told = (
            f"HTTP/1.1 {self.status} Told\r\nContent-Length: {len(self.answer)}\r\n{self.headers}"
        )
        writer.write(told.encode() + b"\r\n" + self.answer)
        writer.close()


def _name(line: str) -> str:
    return line.split(": ", 1)[0].lower()
