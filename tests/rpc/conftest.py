"""The receiver over real SQLite and a real port, in the process of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest

from commonhold.contract.stores import Stores
from commonhold.http.binding import as_given
from commonhold.rpc import Desk, Listening, listening
from commonhold.service.gate import Gate
from commonhold.sql import SqlBackend, open_backend
from tests.rpc.calls import Noted

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a test gets: where to send, where it is kept, and what is counted."""

    address: str
    backend: SqlBackend
    gate: Gate
    noted: list[Noted]

    @property
    def url(self) -> str:
        """What an exporter is pointed at."""
        return f"http://{self.address}"


@pytest.fixture
def gate() -> Gate:
    """The bounds a test runs with."""
    return Gate(max_requests=8, max_bytes=32 * MIB)


@pytest.fixture
async def receiver(gate: Gate) -> AsyncIterator[Receiver]:
    """A receiver that takes messages of 16 MiB."""
    noted: list[Noted] = []
    async with await open_backend("sqlite:///:memory:") as backend:
        stores = Stores.on(backend)
        desk = Desk(gate, as_given(stores), lambda *told: noted.append(told), 16 * MIB)
        async with listening(Listening("127.0.0.1", 0, grace_s=5), desk) as port:
            yield Receiver(f"127.0.0.1:{port}", backend, gate, noted)


@pytest.fixture
async def channel(receiver: Receiver) -> AsyncIterator[grpc.aio.Channel]:
    """A connection to it."""
    async with grpc.aio.insecure_channel(receiver.address) as opened:
        yield opened
