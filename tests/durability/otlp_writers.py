"""Exporters that remember which spans were acknowledged, and send again what was not."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import time
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2

from tests.otlp.wire import as_json, pair, request, sent_spans

SPANS = 10
"""Of a request; each is one model call, and half of them belong to the trace that all share."""

PATIENCE_S = 60
SHARED = bytes.fromhex("5a" * 16)


@dataclass(frozen=True, slots=True)
class Export:
    """One request: its body as it is sent, and the spans in it by their traces."""

    body: bytes
    media: str
    spans: dict[str, list[str]]


@dataclass
class Exported:
    """Every request that got a 200, every one that got none, and what else was answered."""

    acknowledged: list[Export] = field(default_factory=list)
    unanswered: list[Export] = field(default_factory=list)
    refusals: list[httpx2.Response] = field(default_factory=list)


class OtlpLoad:
    """Exporters in both encodings, half of them compressing, until they are told to stop."""

    def __init__(self, url: str, writers: int = 8) -> None:
        self.log = Exported()
        self._client = httpx2.AsyncClient(base_url=url, timeout=30)
        self._writers = writers
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._work(n)) for n in range(self._writers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._client.aclose()

    async def stop(self) -> None:
        """End the exporters after what they are waiting for now."""
        self._stopped.set()
        await asyncio.gather(*self._tasks)

    async def until_acknowledged(self, requests: int) -> None:
        """Return when so many requests were acknowledged."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.log.acknowledged) < requests:
            assert time.monotonic() < deadline, f"only {len(self.log.acknowledged)} requests"
            await asyncio.sleep(0.01)

    async def _work(self, number: int) -> None:
        for turn in itertools.count():
            if self._stopped.is_set():
                return
            export = an_export(is_json=number % 2 == 0, is_packed=turn % 2 == 0)
            answer = await send(self._client, export)
            if answer is None:
                self.log.unanswered.append(export)
            elif answer.status_code == 200:
                self.log.acknowledged.append(export)
            else:
                self.log.unanswered.append(export)
                self.log.refusals.append(answer)


async def send(client: httpx2.AsyncClient, export: Export) -> httpx2.Response | None:
    """The answer to an export, or None where there was none."""
    headers = {"content-type": export.media}
    if export.body.startswith(b"\x1f\x8b"):
        headers["content-encoding"] = "gzip"
    try:
        return await client.post("/v1/traces", content=export.body, headers=headers)
    except httpx2.TransportError:
        await asyncio.sleep(0.02)
        return None


def an_export(*, is_json: bool, is_packed: bool) -> Export:
    """A request with ids of its own."""
    own = os.urandom(16)
    sent = request(*["chat"] * SPANS)
    spans: dict[str, list[str]] = {}
    for number, span in enumerate(sent_spans(sent)):
        span.trace_id = SHARED if number % 2 else own
        span.span_id = os.urandom(8)
        pair(span.attributes, "gen_ai.operation.name", "chat")
        pair(span.attributes, "gen_ai.usage.input_tokens", 1)
        spans.setdefault(span.trace_id.hex(), []).append(span.span_id.hex())
    body = as_json(sent) if is_json else sent.SerializeToString()
    media = "application/json" if is_json else "application/x-protobuf"
    return Export(gzip.compress(body, 1) if is_packed else body, media, spans)


async def check_exported(client: httpx2.AsyncClient, logs: list[Exported]) -> None:
    """Every acknowledged span is there; a request without an answer is there whole or not at all."""
    everything = [each for log in logs for each in (*log.acknowledged, *log.unanswered)]
    traces = {trace for export in everything for trace in export.spans}
    read = await asyncio.gather(*[_spans(client, trace) for trace in traces])
    found = dict(zip(traces, read, strict=True))
    for log in logs:
        for export in log.acknowledged:
            assert _there(export, found) == SPANS, "acknowledged spans are gone"
        for export in log.unanswered:
            assert _there(export, found) in (0, SPANS), "half a request"


def _there(export: Export, found: dict[str, set[str]]) -> int:
    return sum(len(found[trace].intersection(spans)) for trace, spans in export.spans.items())


async def _spans(client: httpx2.AsyncClient, trace_id: str) -> set[str]:
    answer = await client.get(f"/v1/traces/{trace_id}")
    if answer.status_code == 404:
        return set()
    assert answer.status_code == 200, answer.text
    spans: list[dict[str, Any]] = answer.json()["spans"]
    ids = {span["span_id"] for span in spans}
    assert len(ids) == len(spans), "a span is there twice"
    return ids


async def counted(client: httpx2.AsyncClient) -> tuple[int, int, int]:
    """Spans, model calls and tokens of all traces, as their summaries have them."""
    totals = (0, 0, 0)
    path: str | None = "/v1/traces?limit=1000"
    while path is not None:
        page = await client.get(path)
        assert page.status_code == 200, page.text
        for each in page.json():
            row = (each["span_count"], each["llm_calls"], each["prompt_tokens"])
            totals = tuple(map(sum, zip(totals, row, strict=True)))  # type: ignore[assignment]
        path = page.links.get("next", {}).get("url")
    return totals
