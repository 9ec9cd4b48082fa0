"""Spans as rows of a Parquet file. The only module that imports pyarrow."""

from __future__ import annotations

from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet

from commonhold.cli.span_texts import texts_of
from commonhold.model.trace import NANO, Span, Trace

MOST_ROWS = 5_000
MOST_TEXT = 1 << 24
"""Rows, and characters in them, that are held back: a row group is written when there are more."""

SCHEMA = pa.schema(
    [
        pa.field("trace_id", pa.string(), nullable=False),
        pa.field("span_id", pa.string(), nullable=False),
        ("parent_span_id", pa.string()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("agent", pa.string()),
        ("agent_version", pa.string()),
        ("instance", pa.string()),
        ("session_id", pa.string()),
        ("user_id", pa.string()),
        ("environment", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("start_time", pa.timestamp("ns", tz="UTC")),
        ("end_time", pa.timestamp("ns", tz="UTC")),
        ("duration_ns", pa.int64()),
        ("status", pa.string()),
        ("failed", pa.bool_()),
        ("clock_ahead", pa.bool_()),
        ("model", pa.string()),
        ("provider", pa.string()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cached_input_tokens", pa.int64()),
        ("cache_write_tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("tool_name", pa.string()),
        ("tool_call_id", pa.string()),
        ("input", pa.large_string()),
        ("output", pa.large_string()),
        ("attributes", pa.large_string()),
        ("events", pa.large_string()),
        ("otel", pa.large_string()),
    ]
)


class SpanRows:
    """Writes the spans of traces, in row groups that bound what is held in memory."""

    def __init__(self, to: IO[bytes]) -> None:
        self._writer = parquet.ParquetWriter(to, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._text = 0

    def add(self, trace: Trace) -> None:
        """Write the spans of a trace."""
        for span in trace.spans:
            row = _row(span, trace)
            self._rows.append(row)
            self._text += sum(len(each) for each in row.values() if isinstance(each, str))
            if len(self._rows) >= MOST_ROWS or self._text >= MOST_TEXT:
                self._flush()

    def close(self) -> None:
        """Write the last rows and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows, self._text = [], 0


def _row(span: Span, trace: Trace) -> dict[str, Any]:
    """A span; the session of its trace where it names none."""
    gist, texts = span.gist, texts_of(span)
    is_closed = span.end_ns is not None and span.start_ns is not None
    row = {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": gist.operation or None,
        "agent": span.agent or None,
        "agent_version": gist.agent_version,
        "instance": gist.instance,
        "session_id": gist.session_id or trace.session_id,
        "user_id": gist.user_id,
        "environment": gist.environment,
        "start_time": span.start_ns,
        "end_time": span.end_ns,
        "duration_ns": (span.end_ns or 0) - (span.start_ns or 0) if is_closed else None,
        "status": span.status,
        "failed": gist.is_error,
        "clock_ahead": gist.is_ahead,
        **_used(span),
        "tool_name": gist.tool_name,
        "tool_call_id": gist.tool_call_id,
        "input": texts.input,
        "output": texts.output,
        "attributes": span.attributes,
        "events": span.events,
        "otel": span.otel,
    }
    clean = {name: _clean(value) for name, value in row.items()}
    return clean | {"tags": [_clean(tag) for tag in gist.tags]}


def _used(span: Span) -> dict[str, Any]:
    gist = span.gist
    return {
        "model": gist.model,
        "provider": gist.provider,
        "input_tokens": gist.input_tokens,
        "output_tokens": gist.output_tokens,
        "cached_input_tokens": gist.cached_input,
        "cache_write_tokens": gist.cache_write,
        "reasoning_tokens": gist.reasoning,
        "cost_usd": None if gist.cost_nano is None else gist.cost_nano / NANO,
    }


def _clean(value: Any) -> Any:
    """Halves of characters, which JSON may hold and UTF-8 may not, become question marks."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()
    return value
