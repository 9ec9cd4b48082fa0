"""`commonhold traces export`: traces as files, one at a time, in memory that stays flat."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Literal, Protocol

import msgspec
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from commonhold.cli.amounts import counted
from commonhold.cli.console import err
from commonhold.cli.paging import every, pages
from commonhold.contract.traces import Traces
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model import wire_traces
from commonhold.model.json_lines import json_line
from commonhold.model.trace import TraceQuery

Format = Literal["otlp", "jsonl", "parquet"]


@dataclass(slots=True)
class Tally:
    """What has been exported so far, and what was deleted before it could be."""

    traces: int = 0
    spans: int = 0
    gone: int = 0


class Writer(Protocol):
    """Writes traces to a file in one format."""

    async def write(self, traces: Traces, trace_id: str) -> None:
        """Write one trace.

        Raises:
            NotFound: it is gone; nothing was written.
        """

    def close(self) -> None:
        """Write what is still held back, and the end of the file."""


class OtlpLines:
    """A request of OTLP JSON on each line."""

    def __init__(self, to: IO[bytes]) -> None:
        self._to = to

    async def write(self, traces: Traces, trace_id: str) -> None:
        request = await traces.otlp(trace_id)
        self._to.write(f"{json_line(msgspec.Raw(request.encode()))}\n".encode())

    def close(self) -> None:
        """Every line is written at once."""


class NativeLines:
    """A trace in the native shape on each line."""

    def __init__(self, to: IO[bytes]) -> None:
        self._to = to

    async def write(self, traces: Traces, trace_id: str) -> None:
        trace = await traces.get(trace_id)
        self._to.write(f"{json_line(wire_traces.trace_out(trace))}\n".encode())

    def close(self) -> None:
        """Every line is written at once."""


class ParquetRows:
    """A row for each span, in the columns of `commonhold.cli.parquet`."""

    def __init__(self, to: IO[bytes]) -> None:
        self._rows = _parquet().SpanRows(to)

    async def write(self, traces: Traces, trace_id: str) -> None:
        self._rows.add(await traces.get(trace_id))

    def close(self) -> None:
        """Write the last rows and the footer."""
        self._rows.close()


WRITERS: Mapping[Format, Callable[[IO[bytes]], Writer]] = {
    "otlp": OtlpLines,
    "jsonl": NativeLines,
    "parquet": ParquetRows,
}


def check_format(format_: Format) -> None:
    """Say what is missing before anything is asked or made.

    Raises:
        InvalidRequest: what writes this format is not installed.
    """
    if format_ == "parquet":
        _parquet()


async def export(traces: Traces, asked: TraceQuery, writer: Writer) -> AsyncIterator[Tally]:
    """Write every trace that matches; how far it is after each."""
    tally = Tally()
    async for each in every(traces.list, asked):
        try:
            await writer.write(traces, each.trace_id)
        except NotFound:
            tally.gone += 1
        else:
            tally.traces += 1
            tally.spans += each.span_count
        yield tally
    writer.close()
    yield tally


async def write_all(
    traces: Traces, asked: TraceQuery, format_: Format, to: IO[bytes], *, is_seen: bool
) -> Tally:
    """Export to a file, with a bar on standard error while a person sees it."""
    tally = Tally()
    with progress(is_seen=is_seen) as bar:
        task = bar.add_task(summary(tally), total=None)
        counting = asyncio.create_task(_count(traces, asked, bar) if is_seen else asyncio.sleep(0))
        try:
            async for tally in export(traces, asked, WRITERS[format_](to)):
                done = tally.traces + tally.gone
                bar.update(task, description=summary(tally), completed=done)
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
    return tally


async def _count(traces: Traces, asked: TraceQuery, bar: Progress) -> None:
    """Tell a bar how much there is, which lists know long before the export is done."""
    total = 0
    async for page in pages(traces.list, asked):
        total += len(page.items)
    bar.update(bar.task_ids[0], total=total)


@contextlib.contextmanager
def progress(*, is_seen: bool) -> Iterator[Progress]:
    """A bar on standard error that is gone when it is done."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not is_seen) as bar:
        yield bar


def is_bar_seen(path: Path | None, *, is_terminal_out: bool) -> bool:
    """Whether a person sees the bar, and no line of the export comes between."""
    return err.is_terminal and (path is not None or not is_terminal_out)


def summary(tally: Tally) -> str:
    """How much it is: `1 trace with 3 spans`."""
    return f"{counted(tally.traces, 'trace')} with {counted(tally.spans, 'span')}"


def _parquet() -> ModuleType:
    # Loaded when it is asked for: pyarrow is larger than all else, and few need it.
    try:
        return importlib.import_module("commonhold.cli.parquet")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise InvalidRequest(
            "Parquet needs pyarrow, which is not installed: pip install 'commonhold[parquet]'."
        ) from None
