"""What exporters send is read in a process beside the service, which changes nothing but where."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator
from pathlib import Path
from struct import unpack

import pytest

from commonhold.errors import MalformedBody, Unavailable
from commonhold.model.otel import Form, Request
from commonhold.model.scope import Author
from commonhold.otlp.encode import to_otlp_json
from commonhold.sql.decoder import answered
from commonhold.sql.reading import LENGTH, Asked, Beside, Decoder, encode, read
from commonhold.testing.factories import NOON
from commonhold.testing.otel import otel_span, span_id

GOLDEN = Path(__file__).parents[1] / "otlp" / "golden"
FORMS: dict[str, Form] = {"traces.binpb": "protobuf", "ingest.json": "openai-agents"}
RECORDED = sorted(
    (str(file.relative_to(GOLDEN)), form)
    for ending, form in FORMS.items()
    for file in GOLDEN.glob(f"*/*-{ending}")
)
ALICE = Author(agent="alice", user="ada", delegation="verified")
PARENT = """
import asyncio
from commonhold.model.otel import Request
from commonhold.model.scope import Author
from commonhold.sql.reading import Decoder, encode, Asked
async def main():
    decoder = Decoder()
    await decoder.ask(encode(Asked(Request(b"{}", "json"), Author(), 0)))
    print(decoder.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
async def beside() -> AsyncIterator[Beside]:
    """Two processes that read whatever they are sent."""
    opened = Beside(2, small_bytes=0)
    yield opened
    await opened.aclose()


def request_of(number: int) -> Request:
    """A request with one span of that number."""
    return Request(to_otlp_json([otel_span(number)]).encode(), "json")


async def test_real_exports_are_read_alike_in_either_place(beside: Beside) -> None:
    """Rows, summaries, sightings and emitters of every recording, to the last byte."""
    for name, form in RECORDED:
        request = Request((GOLDEN / name).read_bytes(), form)
        assert await beside.read(request, ALICE, NOON) == read(request, ALICE, NOON), name


async def test_everybody_gets_the_answer_to_their_own_request(beside: Beside) -> None:
    """Two hundred at once over two processes; some of those who asked are gone meanwhile."""
    asked = [
        asyncio.create_task(beside.read(request_of(number), ALICE, NOON)) for number in range(200)
    ]
    await asyncio.sleep(0)
    for task in asked[::7]:
        task.cancel()
    for number, task in enumerate(asked):
        if number % 7 == 0:
            with pytest.raises(asyncio.CancelledError):
                await task
            continue
        batch, _ = await task
        assert [*next(iter(batch.spans.values()))] == [span_id(number)]


async def test_what_cannot_be_read_is_refused_alike_in_either_place(beside: Beside) -> None:
    """The same error with the same words, and the process goes on."""
    broken = Request(b'{"resourceSpans": 5}', "json")
    with pytest.raises(MalformedBody) as there:
        await beside.read(broken, ALICE, NOON)
    with pytest.raises(MalformedBody) as here:
        read(broken, ALICE, NOON)
    assert there.value.detail == here.value.detail
    batch, _ = await beside.read(request_of(0), ALICE, NOON)
    assert batch.size == 1


async def test_a_process_that_ends_is_told_of_and_replaced() -> None:
    """Who waits for it hears that nothing was written; who comes next finds another one."""
    opened = Beside(1, small_bytes=0)
    (decoder,) = opened.decoders
    await opened.read(request_of(0), ALICE, NOON)
    first = decoder.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    waiting = asyncio.create_task(opened.read(request_of(1), ALICE, NOON))
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(Unavailable, match="Try again"):
        await waiting
    batch, _ = await opened.read(request_of(2), ALICE, NOON)
    assert batch.size == 1
    assert decoder.pid not in (None, first)
    await opened.aclose()


async def test_what_is_closed_leaves_no_process() -> None:
    """And one that was never needed was never started."""
    decoder = Decoder()
    await decoder.aclose()
    opened = Beside(1, small_bytes=0)
    await opened.read(request_of(0), ALICE, NOON)
    pid = opened.decoders[0].pid
    assert pid is not None
    await opened.aclose()
    assert is_gone(pid)


def test_it_does_not_outlive_a_service_that_is_killed() -> None:
    """SIGKILL leaves the service no time to end anything; its pipe ends all the same."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    deadline = time.monotonic() + 30
    while not is_gone(pid):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.02)


def test_an_answer_is_whole_though_its_writer_was_stopped_half_way() -> None:
    """Longer than the pipe, so that it waits within a write, which ends where it was stopped."""
    sent = to_otlp_json([otel_span(number) for number in range(400)]).encode()
    message = encode(Asked(Request(sent, "json"), ALICE, NOON))
    command = (sys.executable, "-m", "commonhold.sql.decoder")
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(len(message).to_bytes(LENGTH, "big") + message)
        process.stdin.close()
        wait_until_full(process.stdout.fileno())
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        process.send_signal(signal.SIGCONT)
        told = process.stdout.read()
    assert told[LENGTH:] == answered(message)


def wait_until_full(pipe: int) -> None:
    """Return when a pipe that is not read does not fill any further."""
    held = before = 0
    while held == 0 or held > before:
        time.sleep(0.1)
        before = held
        (held,) = unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))


def is_gone(pid: int) -> bool:
    """Whether there is no such process; one that nobody has waited for is none."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"
