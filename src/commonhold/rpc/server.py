"""The server: it takes its port, listens as long as the service runs, and stops in good order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from commonhold.errors import Unavailable
from commonhold.rpc.desk import Desk
from commonhold.rpc.export import METHODS, Export
from commonhold.rpc.message import Inbox

STREAMS = 128
"""Requests at once on one connection; an exporter keeps further ones back itself."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, whether other processes listen there too, and how to end.

    `port` 0 takes a free one. `grace_s` is how long requests in flight may take to finish.
    """

    host: str
    port: int
    is_shared: bool = False
    grace_s: float = 25.0

    @property
    def address(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@asynccontextmanager
async def listening(where: Listening, desk: Desk) -> AsyncIterator[int]:
    """Take requests, on the port that is given, until the gate of `desk` closes or the block ends.

    Raises:
        Unavailable: the address cannot be had.
    """
    server = grpc.aio.server(options=_options(where, desk.max_body_bytes))
    inbox = Inbox(desk.max_body_bytes)
    server.add_generic_rpc_handlers(
        [_handler(method.service, Export(method, desk, inbox)) for method in METHODS]
    )
    port = _take_port(server, where)
    await server.start()
    ending = asyncio.create_task(_end(server, desk, where.grace_s))
    try:
        yield port
    finally:
        desk.gate.close()
        await ending


def _options(where: Listening, max_message: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_message),
        ("grpc.max_concurrent_streams", STREAMS),
        # Otherwise a second service would share the port unnoticed, and half of the spans.
        ("grpc.so_reuseport", int(where.is_shared)),
        # Inflated by us: counted at the gate, and refused with a code that is not tried again.
        ("grpc.per_message_decompression", 0),
    ]


def _handler(service: str, export: Export) -> Any:
    # On the wire there is no difference between one message and a stream of one. Here there is:
    # a stream is received when it is asked for, after the gate was.
    method = grpc.stream_unary_rpc_method_handler(export.respond)
    return grpc.method_handlers_generic_handler(service, {"Export": method})


def _take_port(server: Any, where: Listening) -> int:
    try:
        port: int = server.add_insecure_port(where.address)
    except RuntimeError as error:
        told = f"Cannot listen on {where.address} for OTLP over gRPC"
        raise Unavailable(f"{told}: taken by another process, or no address of ours.") from error
    return port


async def _end(server: Any, desk: Desk, grace_s: float) -> None:
    """Stop when the process is told to, not only once all of HTTP has ended."""
    await desk.gate.closing()
    await server.stop(grace_s)
