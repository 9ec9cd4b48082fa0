"""What exporters send becomes rows: here, or in a process beside this one.

Reading a request is most of the work of keeping it, and touches nothing but the request. The
interpreter runs one thread at a time, so that a thread would not help: a process does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections import deque
from contextlib import suppress
from operator import attrgetter
from typing import Protocol, cast

import msgspec

from commonhold.errors import Internal, Unavailable, from_problem
from commonhold.model.clock import Micros
from commonhold.model.otel import Rejected, Request
from commonhold.model.scope import Author
from commonhold.sql.spans import Batch, of_spans

SMALL_BYTES = 8 * 1024
"""What is smaller is read at once: the way to another process and back takes longer."""

IN_LINE_BYTES = 128 * 1024
"""What is larger is read in a thread where there is no other process, so that nobody waits."""

LENGTH = 4
"""Bytes before each message that tell its length."""

_log = logging.getLogger("commonhold.sql")


class Asked(msgspec.Struct, array_like=True):
    """A request, who sent it, and when it came."""

    request: Request
    author: Author
    now: Micros


class Told(msgspec.Struct, array_like=True):
    """What became of a request: rows, or the status, the code and the detail of an error."""

    batch: Batch | None = None
    rejected: Rejected = Rejected()
    error: tuple[int, str, str] | None = None
    traceback: str = ""


encode = msgspec.msgpack.Encoder().encode
decode_asked = msgspec.msgpack.Decoder(Asked).decode
_decode_told = msgspec.msgpack.Decoder(Told).decode


def read(request: Request, author: Author, now: Micros) -> tuple[Batch, Rejected]:
    """The rows of a request, and what had to be left out.

    Raises:
        InvalidRequest: it cannot be read, or not be kept.
    """
    # Who has a database of their own, or looks into one, needs no protobuf.
    from commonhold.otlp.requests import spans_of  # noqa: PLC0415

    spans, rejected = spans_of(request)
    return of_spans(spans, author, now), rejected


class Reading(Protocol):
    """Where requests are read."""

    async def read(self, request: Request, author: Author, now: Micros) -> tuple[Batch, Rejected]:
        """See `read`."""

    async def aclose(self) -> None:
        """Let go of what it holds."""


class InProcess:
    """In this process."""

    async def read(self, request: Request, author: Author, now: Micros) -> tuple[Batch, Rejected]:
        """See `read`."""
        if len(request.body) <= IN_LINE_BYTES:
            return read(request, author, now)
        return await asyncio.to_thread(read, request, author, now)

    async def aclose(self) -> None:
        """Nothing is held."""


class Beside:
    """In so many processes beside this one, each started when it is first needed."""

    def __init__(self, count: int, *, small_bytes: int = SMALL_BYTES) -> None:
        self.decoders = tuple([Decoder() for _ in range(count)])
        self._small_bytes = small_bytes

    async def read(self, request: Request, author: Author, now: Micros) -> tuple[Batch, Rejected]:
        """See `read`.

        Raises:
            Unavailable: the process ended meanwhile; nothing was written.
        """
        if len(request.body) < self._small_bytes:
            return read(request, author, now)
        decoder = min(self.decoders, key=attrgetter("waiting"))
        return _opened(await decoder.ask(encode(Asked(request, author, now))))

    async def aclose(self) -> None:
        """End the processes."""
        for decoder in self.decoders:
            await decoder.aclose()


class Decoder:
    """One process, which answers in the order in which it is asked. See `sql.decoder`."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._asked: deque[asyncio.Future[bytes]] = deque()
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Messages that have no answer yet."""
        return len(self._asked)

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    async def ask(self, message: bytes) -> bytes:
        """The answer to a message.

        Raises:
            Unavailable: the process ended before it had answered.
        """
        async with self._starting:
            process = self._process or await self._start()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        _input(process).write(len(message).to_bytes(LENGTH, "big") + message)
        return await answer

    async def aclose(self) -> None:
        """End the process, whose input ends."""
        if self._process is not None and self._listening is not None:
            _input(self._process).close()
            await self._listening

    async def _start(self) -> Process:
        command = (sys.executable, "-m", "commonhold.sql.decoder")
        # A session of its own: whoever interrupts the service lets it finish what it has begun.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        self._process = process
        self._listening = asyncio.create_task(self._listen(process))
        return process

    async def _listen(self, process: Process) -> None:
        output = cast("StreamReader", process.stdout)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await _message(output)
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_result(message)
        self._process = None
        self._give_up()
        if await process.wait():
            _log.error("The process that reads spans ended with %s.", process.returncode)

    def _give_up(self) -> None:
        while self._asked:
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_exception(Unavailable("The process that reads spans ended. Try again."))


def _input(process: Process) -> StreamWriter:
    return cast("StreamWriter", process.stdin)


async def _message(stream: StreamReader) -> bytes:
    length = int.from_bytes(await stream.readexactly(LENGTH), "big")
    return await stream.readexactly(length)


def _opened(message: bytes) -> tuple[Batch, Rejected]:
    told = _decode_told(message)
    if told.traceback:
        _log.error("Reading a request failed:\n%s", told.traceback)
        raise Internal
    if told.error is not None:
        status, code, detail = told.error
        raise from_problem(status, {"code": code, "detail": detail})
    return told.batch or Batch(), told.rejected
