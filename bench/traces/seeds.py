"""A thousand traces that differ in everything a list can be filtered by, and votes on some."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bench.payloads import AGENT_TYPES
from bench.traces.requests import SPANS_PER_TRACE, STEPS, Step, Value, pairs, text

TRACES = 1000
APART_US = 1_000_000
"""One trace a second."""

MODELS = tuple(f"model-{number}" for number in range(10))
NEEDLE = "needle"
VOTES = 20
"""Every so many traces one gets a vote; it is down for half of them."""

SLOW_MS = 9_000
"""One trace in ten takes longer than this."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What is particular about one trace."""

    number: int

    @property
    def agent(self) -> str:
        """Whose it is."""
        return AGENT_TYPES[self.number % len(AGENT_TYPES)]

    @property
    def model(self) -> str:
        """The one model of its calls; no function of the agent."""
        return MODELS[self.number // len(AGENT_TYPES) % len(MODELS)]

    @property
    def has_failed(self) -> bool:
        """Whether its last span is an error."""
        return self.number % 16 == 0

    @property
    def stretch(self) -> float:
        """Times of the steps are multiplied by this: from one to about three."""
        return 1 + (self.number * 7 % 100) / 80 + (1.1 if self.number % 10 == 0 else 0)

    @property
    def is_needle(self) -> bool:
        """Whether its first input has a word that most have not."""
        return self.number % 13 == 0


async def plant(url: str) -> None:
    """Send all of them to a service, and the votes.

    Raises:
        httpx2.HTTPStatusError: it refuses one.
    """
    now = time.time_ns()
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        for first in range(0, TRACES, 10):
            body = _request([Seed(number) for number in range(first, first + 10)], now)
            sent = {"Content-Type": "application/x-protobuf"}
            (await client.post("/v1/traces", content=body, headers=sent)).raise_for_status()
        for vote in _votes():
            (await client.post("/v1/feedback", json=vote)).raise_for_status()


def _votes() -> Iterator[dict[str, Any]]:
    for number in range(0, TRACES, VOTES):
        rating = -1 if number // VOTES % 2 else 1
        yield {"trace_id": _trace_id(number).hex(), "rating": rating, "comment": f"of {number}"}


def _trace_id(number: int) -> bytes:
    return Random(f"trace {number}").randbytes(16)


def _request(seeds: list[Seed], now_ns: int) -> bytes:
    request = ExportTraceServiceRequest()
    for seed in seeds:
        group = request.resource_spans.add()
        group.resource.attributes.extend(pairs({"service.name": seed.agent}))
        scoped = group.scope_spans.add()
        scoped.spans.extend(_spans(seed, now_ns))
    encoded: bytes = request.SerializeToString()
    return encoded


def _spans(seed: Seed, now_ns: int) -> Iterator[Span]:
    random = Random(seed.number)
    ids = [random.randbytes(8) for _ in range(SPANS_PER_TRACE)]
    start = now_ns - (TRACES - seed.number) * APART_US * 1000 - 60 * 10**9
    for place, step in enumerate(STEPS):
        begins = start + int(step.start_ms * seed.stretch * 1e6)
        failed = seed.has_failed and place == SPANS_PER_TRACE - 1
        yield Span(
            trace_id=_trace_id(seed.number),
            span_id=ids[place],
            parent_span_id=b"" if step.parent is None else ids[step.parent],
            name=f"{step.does} {seed.model if step.does == 'chat' else seed.agent}",
            start_time_unix_nano=begins,
            end_time_unix_nano=begins + int(step.took_ms * seed.stretch * 1e6),
            status=Status(code=Status.STATUS_CODE_ERROR) if failed else None,
            attributes=pairs(_attributes(seed, step, random)),
        )


def _attributes(seed: Seed, step: Step, random: Random) -> dict[str, Value]:
    known: dict[str, Value] = {"gen_ai.operation.name": step.does}
    known["gen_ai.conversation.id"] = f"sess_{seed.number:08d}"
    if step.does == "chat":
        known |= {"gen_ai.request.model": seed.model, "gen_ai.provider.name": "openai"}
        known |= {"gen_ai.usage.input_tokens": 400, "gen_ai.usage.output_tokens": 80}
    if step.does == "execute_tool":
        known |= {"gen_ai.tool.name": "search", "gen_ai.tool.call.arguments": text(random, 4)}
    if step.parent is None:
        words = f"{text(random, 6)} {NEEDLE if seed.is_needle else 'hay'}"
        known |= {"gen_ai.agent.name": seed.agent, "gen_ai.input.messages": words}
    return known
