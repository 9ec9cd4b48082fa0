"""An agent with the SDK of OpenTelemetry, as its documentation sets it up, beside an overload.

Runs in the environment of `exporter.txt`. It writes the ids of its traces to a file, and says how
many spans it made and what the SDK complained about.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

CHILDREN = 9
PAUSE_S = 0.2
PATIENCE_MS = 60_000
TEXT = "what an agent says " * 12


class Complaints(logging.Handler):
    """Keeps what the SDK logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage()[:200])


def main() -> None:
    """Make a trace again and again, export as the SDK does, and flush in the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    given = parser.parse_args()
    complaints = Complaints()
    logging.getLogger("opentelemetry").addHandler(complaints)
    provider = TracerProvider(resource=Resource.create({"service.name": "beside"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(given.endpoint)))
    tracer = provider.get_tracer("bench.exporting")
    deadline = time.monotonic() + given.seconds
    with given.ids.open("wb") as ids:
        while time.monotonic() < deadline:
            ids.write(_trace(tracer))
            time.sleep(PAUSE_S)
    flushed = provider.force_flush(PATIENCE_MS)
    provider.shutdown()
    traces = given.ids.stat().st_size // 16
    summary = {"spans": traces * (1 + CHILDREN), "flushed": flushed}
    json.dump({**summary, "complaints": complaints.kept}, sys.stdout)


def _trace(tracer: trace.Tracer) -> bytes:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": TEXT}
    with tracer.start_as_current_span("invoke_agent beside") as root:
        for _ in range(CHILDREN):
            with tracer.start_as_current_span("chat model", attributes=attributes):
                pass
        return root.get_span_context().trace_id.to_bytes(16, "big")


if __name__ == "__main__":
    main()
