"""`commonhold traces`: find a trace, see where its time went, follow new ones, take them along."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from commonhold.cli import trace_export, trace_tail
from commonhold.cli import trace_filters as filters
from commonhold.cli.console import err, out, print_json
from commonhold.cli.conversation import Palette
from commonhold.cli.export import opened
from commonhold.cli.paging import every
from commonhold.cli.reaching import TracesUrl, trace_place, traces_at
from commonhold.cli.trace_listing import print_traces, trace_line
from commonhold.cli.waterfall import Waterfall
from commonhold.contract.traces import Traces
from commonhold.model import wire_traces
from commonhold.model.clock import Micros
from commonhold.model.trace import Trace, TraceQuery, TraceSummary
from commonhold.settings.addresses import redact_url

app = typer.Typer(
    help="Find a trace, see where its time went, follow new ones, export them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.command("list")
def list_(  # noqa: PLR0917  (the options of a command are its parameters)
    session: filters.Session = None,
    agent: filters.Agent = None,
    user: filters.User = None,
    kind: filters.Kind = None,
    model: filters.Model = None,
    tool: filters.Tool = None,
    environment: filters.Environment = None,
    tag: filters.Tag = None,
    status: filters.Status = None,
    min_duration: filters.MinDuration = None,
    min_cost: filters.MinCost = None,
    feedback: filters.Feedback = None,
    attribute: filters.Attribute = None,
    since: filters.Since = None,
    until: filters.Until = None,
    words: filters.Words = None,
    sort: filters.Order = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")
    ] = 20,
    as_json: AsJson = False,
    url: TracesUrl = None,
) -> None:
    """List traces, newest first."""
    asyncio.run(_list(url, filters.query(locals()), limit, as_json=as_json))


@app.command()
def show(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="The id of the trace.")],
    *,
    full: Annotated[
        bool,
        typer.Option("--full", help="Also what went into each span, what came out, and its logs."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The trace in the native shape, on one line.")
    ] = False,
    as_otlp: Annotated[
        bool, typer.Option("--otlp", help="The trace as one request of OTLP JSON, on one line.")
    ] = False,
    url: TracesUrl = None,
) -> None:
    """Show a trace: what it was, and its spans as a tree beside the time they took."""
    if as_json + as_otlp + full > 1:
        raise typer.BadParameter("--full, --json and --otlp exclude each other.")
    if as_json or as_otlp:
        asyncio.run(_show_json(url, trace, as_otlp=as_otlp))
    else:
        asyncio.run(_show(url, trace, full=full))


@app.command()
def tail(  # noqa: PLR0917  (the options of a command are its parameters)
    session: filters.Session = None,
    agent: filters.Agent = None,
    user: filters.User = None,
    kind: filters.Kind = None,
    model: filters.Model = None,
    tool: filters.Tool = None,
    environment: filters.Environment = None,
    tag: filters.Tag = None,
    status: filters.Status = None,
    min_duration: filters.MinDuration = None,
    min_cost: filters.MinCost = None,
    feedback: filters.Feedback = None,
    attribute: filters.Attribute = None,
    words: filters.Words = None,
    last: Annotated[
        int, typer.Option("--last", min=0, metavar="N", help="Begin with the last N traces.")
    ] = 0,
    interval: Annotated[
        float,
        typer.Option("--interval", min=0.1, metavar="SECONDS", help="How often to look."),
    ] = 2.0,
    as_json: AsJson = False,
    url: TracesUrl = None,
) -> None:
    """Follow new traces as they arrive, a line for each. Ctrl+C ends it."""
    try:
        asyncio.run(_tail(url, filters.query(locals()), last, interval, as_json=as_json))
    except KeyboardInterrupt:
        return


@app.command()
def export(  # noqa: PLR0917  (the options of a command are its parameters)
    format_: Annotated[
        Any,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="otlp: a request of OTLP JSON per line; jsonl: a native trace per line;"
            " parquet: a row per span.",
            parser=filters.one_of(*trace_export.WRITERS),
        ),
    ] = "jsonl",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file, when it is whole."),
    ] = None,
    session: filters.Session = None,
    agent: filters.Agent = None,
    user: filters.User = None,
    kind: filters.Kind = None,
    model: filters.Model = None,
    tool: filters.Tool = None,
    environment: filters.Environment = None,
    tag: filters.Tag = None,
    status: filters.Status = None,
    min_duration: filters.MinDuration = None,
    min_cost: filters.MinCost = None,
    feedback: filters.Feedback = None,
    attribute: filters.Attribute = None,
    since: filters.Since = None,
    until: filters.Until = None,
    words: filters.Words = None,
    url: TracesUrl = None,
) -> None:
    """Export traces with all their spans, newest first."""
    path = None if output is None or str(output) == "-" else output
    if format_ == "parquet" and path is None:
        raise typer.BadParameter("Parquet needs a file: name one with --output.")
    trace_export.check_format(format_)
    asyncio.run(_export(url, filters.query(locals()), format_, path))


async def _list(url: str | None, asked: TraceQuery, limit: int, *, as_json: bool) -> None:
    async with traces_at(url) as traces:
        if as_json:
            async for trace in every(traces.list, asked, limit):
                print_json(wire_traces.summary_out(trace))
            return
        found = [trace async for trace in every(traces.list, asked, limit + 1)]
    if not found:
        _say_nothing(url, asked)
        return
    print_traces(found[:limit])
    if len(found) > limit:
        err.print(f"[dim]There are more: --limit {10 * limit} shows up to {10 * limit}.[/]")


def _say_nothing(url: str | None, asked: TraceQuery) -> None:
    where = trace_place(url)
    if asked != TraceQuery(sort=asked.sort):
        err.print("No trace matches. Leave out a filter to see more.")
        return
    err.print(Text(f"No trace is kept at {redact_url(where)} yet."))
    if where.startswith("http"):
        told = f"OTEL_EXPORTER_OTLP_ENDPOINT={redact_url(where)}"
        err.print(Text.assemble(("Point any OpenTelemetry exporter at it:\n  ", "dim"), told))


async def _show(url: str | None, trace_id: str, *, full: bool) -> None:
    async with traces_at(url) as traces:
        trace = await traces.get(trace_id)
        summary = await _summary(traces, trace)
    shown = Waterfall(out, trace, full=full)
    shown.header(summary)
    shown.spans()


async def _summary(traces: Traces, trace: Trace) -> TraceSummary:
    """What lists say of a trace, found by when it began; less when it has moved meanwhile."""
    at = trace.started_at
    async for each in every(traces.list, TraceQuery(since=at, until=Micros(at + 1))):
        if each.trace_id == trace.trace_id:
            return each
    return TraceSummary(
        trace_id=trace.trace_id,
        started_at=trace.started_at,
        ended_at=trace.ended_at,
        model=trace.model,
        session_id=trace.session_id,
        status=trace.status,
        span_count=len(trace.spans),
    )


async def _show_json(url: str | None, trace_id: str, *, as_otlp: bool) -> None:
    async with traces_at(url) as traces:
        if as_otlp:
            print_json(msgspec.Raw((await traces.otlp(trace_id)).encode()))
        else:
            print_json(wire_traces.trace_out(await traces.get(trace_id)))


async def _tail(
    url: str | None, asked: TraceQuery, last: int, interval_s: float, *, as_json: bool
) -> None:
    palette = Palette()
    async with traces_at(url) as traces:
        if err.is_terminal and not as_json:
            err.print("[dim]Following new traces. Ctrl+C ends.[/]")
        async for trace in trace_tail.arriving(traces, asked, last, interval_s):
            if as_json:
                print_json(wire_traces.summary_out(trace))
            else:
                out.print(trace_line(trace, palette))
                out.file.flush()


async def _export(
    url: str | None, asked: TraceQuery, format_: trace_export.Format, path: Path | None
) -> None:
    is_seen = trace_export.is_bar_seen(path, is_terminal_out=sys.stdout.isatty())
    async with traces_at(url) as traces:
        with opened(path) as to:
            tally = await trace_export.write_all(traces, asked, format_, to, is_seen=is_seen)
    where = f" to {path}" if path else ""
    err.print(Text(f"Exported {trace_export.summary(tally)}{where}."))
    if tally.gone:
        err.print(f"[yellow]{tally.gone:,} deleted meanwhile[/], and left out.")
