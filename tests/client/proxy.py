"""A network that fails: a TCP proxy that cuts its connections at random moments and bytes."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Self

CLEAN_END = 0.5
"""How often a cut looks like an orderly end of the connection; else it is reset."""


class CuttingProxy:
    """Passes bytes on to a port of this machine, and cuts until it has cut often enough."""

    def __init__(self, port: int, *, cuts: int = 0, seed: int = 0) -> None:
        self.cuts = 0
        self.connections = 0
        self.has_cut = asyncio.Event()
        self.is_down = False
        self._upstream = port
        self._most = cuts
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        if not cuts:
            self.has_cut.set()

    @property
    def url(self) -> str:
        """Where it answers."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.cut()
        await self._server.wait_closed()

    async def cut(self) -> None:
        """Cut every connection now."""
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        if self.is_down:
            self._open.discard(task)
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        sending = asyncio.create_task(_pump(reader, up_writer))
        try:
            await self._answer(up_reader, writer)
        finally:
            sending.cancel()
            self._open.discard(task)
            up_writer.transport.abort()
            if self._random.random() < CLEAN_END:
                with suppress(ConnectionError):
                    await writer.drain()
                writer.close()
            else:
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the answer on, up to a byte or a moment where the connection is cut."""
        may_cut = self.cuts < self._most
        left = self._random.choice([self._random.randint(0, 400), self._random.randint(0, 6000)])
        seconds = self._random.uniform(0, 0.2) if may_cut else None
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(seconds):
                while piece := await reader.read(4096):
                    writer.write(piece[:left] if may_cut else piece)
                    await writer.drain()
                    left -= len(piece)
                    if may_cut and left < 0:
                        break
        if may_cut:
            self.cuts += 1
        if self.cuts >= self._most:
            self.has_cut.set()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(4096):
            writer.write(piece)
            await writer.drain()
