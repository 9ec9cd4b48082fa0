"""`python -m bench.traces.generator`: sends requests until its time is over, and says what came back.

A process of its own, as light as it gets: its core is the service's too. It does as an exporter
does: one request at a time on each connection, and after a 503 the same again, when it was told to.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import uvloop
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from bench.traces import requests

PATIENCE_S = 120.0
"""How long an answer may take before it counts as a failure."""

AGAIN = (429, 502, 503, 504)
"""What an exporter tries again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status, how many spans it turns down, and when to try again."""

    status: int
    rejected: int = 0
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to send, where to, from how many connections and for how long."""

    port: int
    path: str
    headers: dict[str, str]
    connections: int
    seconds: float
    seed: int

    def head(self, length: int) -> bytes:
        """The request up to its body."""
        sent = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/x-protobuf",
            "User-Agent": "OTel-OTLP-Exporter-Python/1.45.2",
            **self.headers,
            "Content-Length": str(length),
        }
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {sent[name]}" for name in sent)]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(slots=True)
class Tally:
    """What came back until now; `ids` gets the traces that were acknowledged whole."""

    ids: BinaryIO | None = None
    spans: int = 0
    rejected: int = 0
    refused: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    last: float = 0.0

    def count(self, answer: Answer, values: list[bytes], took: float) -> None:
        """An answer that will not be asked for again."""
        if answer.status != 200:
            self.failed[str(answer.status)] += 1
            return
        self.last = time.perf_counter()
        self.waits.append(took)
        self.rejected += answer.rejected
        self.spans += requests.SPANS - answer.rejected
        if self.ids is not None and not answer.rejected:
            self.ids.write(requests.trace_ids(values))

    def as_json(self, started: float) -> dict[str, Any]:
        """The summary; seconds end with the last acknowledgement."""
        cuts = statistics.quantiles(self.waits, n=100) if len(self.waits) > 1 else [0.0] * 99
        return {
            "spans": self.spans,
            "requests": len(self.waits),
            "seconds": (self.last or time.perf_counter()) - started,
            "rejected": self.rejected,
            "refused": self.refused,
            "failed": dict(self.failed),
            "p50_ms": cuts[49] * 1000,
            "p99_ms": cuts[98] * 1000,
            "cpu_s": time.process_time(),
        }


class Sender:
    """One connection, with a request of its own that is filled anew each time."""

    def __init__(self, order: Order, number: int, tally: Tally) -> None:
        made = requests.template(number % requests.TEMPLATES)
        self._body, self._slots = bytearray(made.body), made.slots
        self._head = order.head(len(self._body))
        self._random = Random(f"{order.seed}/{number}")
        self._open = partial(asyncio.open_connection, "127.0.0.1", order.port)
        self._tally = tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send_until(self, deadline: float) -> None:
        """One request after the other; none is begun after the deadline."""
        while time.perf_counter() < deadline:
            values = requests.fresh(self._random, time.time_ns())
            requests.fill(self._body, self._slots, values)
            began = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    answer = await self._accepted(deadline)
            except (OSError, EOFError, TimeoutError) as failure:
                self._tally.failed[type(failure).__name__] += 1
                self._hang_up()
                await asyncio.sleep(0.1)
                continue
            if answer is not None:
                self._tally.count(answer, values, time.perf_counter() - began)
        self._hang_up()

    async def _accepted(self, deadline: float) -> Answer | None:
        """The first answer that is final; None when the time is over before there is one."""
        while True:
            answer = await self._exchange()
            if answer.status not in AGAIN:
                return answer
            self._tally.refused += 1
            if time.perf_counter() + answer.retry_after_s > deadline:
                return None
            await asyncio.sleep(answer.retry_after_s)

    async def _exchange(self) -> Answer:
        reader, writer = self._streams = self._streams or await self._open()
        # Copied: what is not sent yet when an early answer comes must not change any more.
        writer.writelines((self._head, bytes(self._body)))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status, headers = read_head(head)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self._hang_up()
        waits = float(headers.get("retry-after", "1")) if status in AGAIN else 0.0
        return Answer(status, _rejected(body) if status == 200 else 0, waits)

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def read_head(text: str) -> tuple[int, dict[str, str]]:
    """The status and the headers of a response whose head is in lower case."""
    first, *lines = text.rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name: value.strip() for name, _, value in pairs}


def _rejected(body: bytes) -> int:
    if not body:
        return 0
    return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)


async def run(order: Order, ids: BinaryIO | None) -> dict[str, Any]:
    """Send, and summarise."""
    tally = Tally(ids)
    senders = [Sender(order, number, tally) for number in range(order.connections)]
    prepared, started = time.process_time(), time.perf_counter()
    deadline = started + order.seconds
    await asyncio.gather(*(sender.send_until(deadline) for sender in senders))
    summary = tally.as_json(started)
    return {**summary, "cpu_s": summary["cpu_s"] - prepared}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the order, carry it out, print the summary."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/traces")
    parser.add_argument("--headers", type=json.loads, default={})
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ids", type=Path)
    given = vars(parser.parse_args(arguments))
    path: Path | None = given.pop("ids")
    if path is None:
        summary = uvloop.run(run(Order(**given), None))
    else:
        with path.open("ab") as ids:
            summary = uvloop.run(run(Order(**given), ids))
    json.dump(summary, sys.stdout)


if __name__ == "__main__":
    main()
