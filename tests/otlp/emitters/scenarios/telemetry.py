"""OpenTelemetry as an agent sets it up, and the words of the conversation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

QUESTION = "What is the weather in Paris?"
REFUSED = "What is the weather in Atlantis?"
INSTRUCTIONS = "Answer in one sentence."
WEATHER = "18 degrees and sunny"
SESSION = "session-golden"
USER = "user-golden"
AGENT = "weather_agent"


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"{WEATHER} in {city}"


@contextmanager
def exporting(traces: Any = None) -> Iterator[None]:
    """Global providers with the exporters' own defaults, flushed at the end."""
    # Stack traces would name the folders of the machine: without them only the error is left.
    sys.tracebacklimit = 0
    traces, logs = traces or TracerProvider(), LoggerProvider()
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    trace.set_tracer_provider(traces)
    set_logger_provider(logs)
    yield
    traces.shutdown()
    logs.shutdown()
