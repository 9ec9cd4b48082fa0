"""A program with a real exporter. It runs in an environment of its own, without this project.

`emit.py EXPORTER MODE URL NAME COUNT`: see `MODES` below. It writes a line of JSON for every batch
that the exporter says was acknowledged, and one for every batch it gave up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)

PATIENCE_S = 60
SECOND = 10**9
START = 1_767_225_600 * SECOND
LINKED = SpanContext(
    int("ab" * 16, 16), int("cd" * 8, 16), is_remote=True, trace_flags=TraceFlags(1)
)


class Telling(SpanExporter):
    """An exporter, and what came of each batch."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch and tell the result."""
        result = self._exporter.export(spans)
        told = "acknowledged" if result is SpanExportResult.SUCCESS else "failed"
        ids = [[f"{each.context.trace_id:032x}", f"{each.context.span_id:016x}"] for each in spans]
        print(json.dumps({told: ids}), flush=True)
        return result

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()


def exporter(name: str, url: str) -> SpanExporter:
    """The one that is named, which tries for a minute."""
    if name == "json":
        from opentelemetry.exporter.otlp.json.http import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=f"{url}/v1/traces", timeout=PATIENCE_S)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(
        endpoint=f"{url}/v1/traces", timeout=PATIENCE_S, compression=Compression.Gzip
    )


def whole(tracer: Tracer, name: str, _count: int) -> None:
    """One trace with everything that a span can say."""
    values: dict[str, Any] = {
        "text": "naïve \U0001f600",
        "whole": 9007199254740991,
        "negative": -7,
        "real": 0.5,
        "yes": True,
        "texts": ["a", "b"],
        "wholes": [1, 2],
        "reals": [0.5, 1.5],
        "flags": [True, False],
        "empty": "",
    }
    root = tracer.start_span("run", kind=SpanKind.SERVER, start_time=START)
    with_root = extract({"traceparent": traceparent(root.get_span_context())})
    link = Link(LINKED, {"why": "continued"})
    span = tracer.start_span(
        "chat",
        with_root,
        SpanKind.CLIENT,
        {**values, "session.id": name},
        [link],
        START + SECOND,
    )
    span.add_event("token", {"index": 0, "text": "Hi"}, START + SECOND + 1)
    span.set_status(Status(StatusCode.ERROR, "refused"))
    span.end(START + 2 * SECOND)
    root.set_status(Status(StatusCode.OK))
    root.end(START + 3 * SECOND)


def part(tracer: Tracer, name: str, count: int) -> None:
    """Spans below the span of another process, which `TRACEPARENT` names."""
    outer = extract({"traceparent": os.environ["TRACEPARENT"]})
    root = tracer.start_span(f"request {name}", outer, SpanKind.SERVER)
    inner = extract({"traceparent": traceparent(root.get_span_context())})
    for number in range(count - 1):
        tracer.start_span(f"{name} {number}", inner).end()
    root.end()


def steadily(tracer: Tracer, name: str, count: int) -> None:
    """Model calls of one trace, for some seconds."""
    usage: dict[str, Any] = {"gen_ai.operation.name": "chat", "session.id": name}
    usage["gen_ai.usage.input_tokens"] = 1
    root = tracer.start_span("run")
    inner = extract({"traceparent": traceparent(root.get_span_context())})
    for _ in range(count - 1):
        tracer.start_span("chat", inner, SpanKind.CLIENT, usage).end()
        time.sleep(0.01)
    root.end()


MODES = {"whole": whole, "part": part, "steadily": steadily}


def traceparent(context: SpanContext) -> str:
    """The header by which a trace goes on in another process (W3C Trace Context)."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def main() -> None:
    """Emit, wait until all of it is exported, and end."""
    kind, mode, url, name, count = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    processor = BatchSpanProcessor(
        Telling(exporter(kind, url)), schedule_delay_millis=50, max_export_batch_size=10
    )
    provider.add_span_processor(processor)
    MODES[mode](provider.get_tracer("tests", "1.0"), name, int(count))
    processor.force_flush(PATIENCE_S * 1000)
    provider.shutdown()


main()
