"""Who may call, how a refusal is told, and how long a message is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from commonhold.errors import Forbidden, Unavailable
from commonhold.rpc.desk import Holding
from commonhold.rpc.message import Inbox
from commonhold.rpc.peer import check_local
from commonhold.rpc.refusal import MAX_MESSAGE, throttling
from commonhold.service.gate import Gate

LOCAL = ["ipv4:127.0.0.1:5000", "ipv4:127.9.9.9:1", "ipv6:%5B::1%5D:5000", "unix:", "unix:/x"]
LOCAL += ["ipv6:[::1]:5000", "ipv6:%5B::ffff:127.0.0.1%5D:5000"]
REMOTE = ["ipv4:10.0.0.1:5000", "ipv6:%5Bfe80::1%5D:5000", "ipv6:%5B::ffff:10.0.0.1%5D:1"]
REMOTE += ["", "ipv4:", "vsock:3:5000", "ipv4:localhost:1"]


@pytest.mark.parametrize("peer", LOCAL)
def test_this_machine_may_call(peer: str) -> None:
    """In every form in which gRPC writes its addresses."""
    check_local(peer)


@pytest.mark.parametrize("peer", REMOTE)
def test_another_machine_may_not(peer: str) -> None:
    """Nor may what nobody understands."""
    with pytest.raises(Forbidden, match="only this machine"):
        check_local(peer)


def test_a_long_message_fits_behind_an_error() -> None:
    """Callers take 8 KiB of metadata, in which a letter beyond ASCII is three bytes for each."""
    message = "\U0001f600" * MAX_MESSAGE
    sizes = [len(value) for _, value in throttling(message)]

    assert sum(sizes) < 3000


async def test_a_message_that_stalls_is_given_up() -> None:
    """And the next one is taken."""

    async def stalled() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    async def prompt() -> AsyncIterator[bytes]:
        yield b"sent"

    inbox = Inbox(1000, at_once=1, receive_s=0.01)
    holding = Holding(Gate(1, 1000))

    with pytest.raises(Unavailable, match="did not arrive"):
        await inbox.take(stalled(), holding)
    assert await inbox.take(prompt(), holding) == b"sent"
    assert holding.held == 4


async def test_few_messages_arrive_at_once() -> None:
    """The length of those on their way is not known, so their number is bounded."""
    arriving: list[int] = []
    most = 0

    async def slow(number: int) -> AsyncIterator[bytes]:
        nonlocal most
        arriving.append(number)
        most = max(most, len(arriving))
        await asyncio.sleep(0)
        arriving.remove(number)
        yield b"x"

    inbox = Inbox(1000, at_once=3)
    gate = Gate(100, 1000)
    await asyncio.gather(*(inbox.take(slow(n), Holding(gate)) for n in range(20)))

    assert most == 3
    assert gate.bytes == 20
