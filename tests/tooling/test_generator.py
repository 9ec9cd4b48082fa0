"""The load generator of the traces benchmark, against a server that answers what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from itertools import chain, repeat

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from bench.traces import requests
from bench.traces.generator import Order, read_head, run

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy"
BROKEN = b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def _sent(answers: Iterable[bytes]) -> tuple[dict, list[bytes], bytes]:
    """One connection until all is answered: the summary, the bodies that came, the ids kept."""
    ids = BytesIO()
    bodies: list[bytes] = []
    async with _server(answers, bodies) as port:
        summary = await run(Order(port, "/v1/traces", {}, 1, 0.2, 1), ids)
    return summary, bodies, ids.getvalue()


@asynccontextmanager
async def _server(answers: Iterable[bytes], bodies: list[bytes]) -> AsyncIterator[int]:
    remaining = iter(answers)
    handlers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            _, headers = read_head(f"- 0\r\n{head.decode().lower()}")
            bodies.append(await reader.readexactly(int(headers["content-length"])))
            answer = next(remaining)
            writer.write(answer)
            if answer is BROKEN:
                break
            await asyncio.sleep(0.01)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(handler for handler in handlers if handler))


async def test_what_is_acknowledged_is_counted_and_its_ids_are_kept() -> None:
    """Every request is another one."""
    summary, bodies, ids = await _sent(repeat(TAKEN))
    assert summary["spans"] == requests.SPANS * len(bodies) > requests.SPANS
    assert summary["requests"] == len(bodies) == len(set(bodies))
    assert len(set(_traces(bodies))) == len(ids) // 16 == requests.TRACES * len(bodies)
    assert {ids[at : at + 16] for at in range(0, len(ids), 16)} == set(_traces(bodies))


async def test_a_refused_request_is_sent_again_as_it_was() -> None:
    """As an exporter does; it counts as refused, and once as acknowledged."""
    summary, bodies, _ = await _sent(chain([BUSY, BUSY], repeat(TAKEN)))
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]
    assert summary["refused"] == 2
    assert summary["requests"] == len(bodies) - 2
    assert not summary["failed"]


async def test_a_failure_is_neither_acknowledged_nor_sent_again() -> None:
    """And a connection that was closed is opened anew."""
    summary, bodies, ids = await _sent(chain([BROKEN], repeat(TAKEN)))
    assert summary["failed"] == {"500": 1}
    assert summary["requests"] == len(bodies) - 1 > 0
    assert bodies[0] != bodies[1]
    assert len(ids) == 16 * requests.TRACES * (len(bodies) - 1)


async def test_rejected_spans_are_not_acknowledged() -> None:
    """A partial success says how many they are."""
    partial = ExportTracePartialSuccess(rejected_spans=30, error_message="no")
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    summary, bodies, ids = await _sent(chain([answer], repeat(TAKEN)))
    assert summary["rejected"] == 30
    assert summary["spans"] == requests.SPANS * len(bodies) - 30
    assert len(ids) == 16 * requests.TRACES * (len(bodies) - 1)


def _traces(bodies: list[bytes]) -> list[bytes]:
    found = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    spans = (span for one in found for span in one.resource_spans[0].scope_spans[0].spans)
    return [span.trace_id for span in spans if not span.parent_span_id]
