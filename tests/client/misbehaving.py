"""A real HTTP server on a real socket that answers what a test tells it to, well or badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. The length is declared truly unless `headers` say otherwise."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class Drop:
    """Read the request, then close the connection without a word."""


class Hang:
    """Read the request, then never answer."""


Behaviour = Reply | Drop | Hang


class Misbehaving:
    """Follows `script`, one behaviour for each request; the last one is for all that follow."""

    def __init__(self, script: Sequence[Behaviour]) -> None:
        self.script = list(script)
        self.seen: list[Seen] = []
        self.url = ""
        self.arrived = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()
        self.connections: set[asyncio.StreamWriter] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.connections.remove(writer)

    async def close(self) -> None:
        """End every connection, and wait until each of them is."""
        while self.connections:
            for writer in self.connections:
                writer.close()
            await asyncio.sleep(0)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (item.split(": ", 1) for item in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = line.split(" ")
        self.seen.append(Seen(method, target, headers, body))
        behaviour = self.script[min(len(self.seen), len(self.script)) - 1]
        self.arrived.set()
        await self.held.wait()
        if isinstance(behaviour, Drop):
            return False
        if isinstance(behaviour, Hang):
            await reader.read()
            return False
        writer.write(_bytes(behaviour))
        await writer.drain()
        return True


def problem(status: int, code: str, detail: str = "", **extra: object) -> Reply:
    """The problem document of a Commonhold service."""
    body = {"type": f"urn:commonhold:problem:{code}", "status": status, "code": code, **extra}
    return Reply(
        status,
        json.dumps({**body, "detail": detail or f"This is {code}."}).encode(),
        {"content-type": "application/problem+json"},
    )


def page(status: int, text: str = "<html>gateway</html>", **headers: str) -> Reply:
    """What a proxy answers in its own name."""
    return Reply(status, text.encode(), {"content-type": "text/html", **headers})


def session(session_id: str = "s1", **fields: object) -> Reply:
    """A session summary as a service answers it."""
    at = "2026-04-27T12:00:00+00:00"
    body = {
        "session_id": session_id,
        "created_at": at,
        "updated_at": at,
        "version": 1,
        "message_count": 0,
        "head_seq": 0,
        "metadata": {},
        **fields,
    }
    return Reply(200, json.dumps(body).encode())


@asynccontextmanager
async def serving(*script: Behaviour, port: int = 0) -> AsyncIterator[Misbehaving]:
    """The server, listening on this machine only."""
    told = Misbehaving(script)
    server = await asyncio.start_server(told.handle, "127.0.0.1", port)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield told
    finally:
        server.close()
        await told.close()


def _bytes(reply: Reply) -> bytes:
    headers = {"content-length": str(len(reply.body)), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode() + reply.body
