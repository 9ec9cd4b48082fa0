"""`commonhold feedback`: what people think of the answers, how that goes, and files to learn from."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import typer
from rich.text import Text

from commonhold.cli import feedback_export, feedback_stats
from commonhold.cli import feedback_filters as filters
from commonhold.cli import feedback_options as options
from commonhold.cli.console import err, print_json
from commonhold.cli.feedback_listing import print_feedback, print_turns
from commonhold.cli.paging import every
from commonhold.cli.reaching import FeedbackUrl, feedback_at, feedback_place
from commonhold.model import wire_scores
from commonhold.model.score import ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.service.learning import Export
from commonhold.settings.addresses import redact_url

app = typer.Typer(
    help="See what people think of the answers, how that goes, and export it to learn from.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130


@app.command("list")
def list_(  # noqa: PLR0917  (the options of a command are its parameters)
    rating: filters.Rating = None,
    name: filters.Name = None,
    data_type: filters.DataType = None,
    min_value: filters.MinValue = None,
    max_value: filters.MaxValue = None,
    label: filters.Label = None,
    source: filters.Source = None,
    agent: filters.Agent = None,
    agent_type: filters.AgentType = None,
    model: filters.Model = None,
    session: filters.Session = None,
    trace: filters.Trace = None,
    user: filters.User = None,
    comment: filters.HasComment = None,
    correction: filters.HasCorrection = None,
    since: filters.Since = None,
    until: filters.Until = None,
    words: filters.Words = None,
    turns: options.Turns = False,
    limit: options.Limit = 20,
    as_json: options.AsJson = False,
    url: FeedbackUrl = None,
) -> None:
    """List feedback, newest first: thumbs, scores and corrections."""
    asyncio.run(_list(url, filters.query(locals()), limit, turns=turns, as_json=as_json))


@app.command()
def stats(  # noqa: PLR0917  (the options of a command are its parameters)
    window: options.Window = "day",
    group_by: options.GroupBy = None,
    tz: options.Zone = "UTC",
    name: filters.Name = None,
    label: filters.Label = None,
    source: filters.Source = None,
    agent: filters.Agent = None,
    agent_type: filters.AgentType = None,
    model: filters.Model = None,
    since: filters.Since = None,
    until: filters.Until = None,
    limit: options.Limit = 20,
    as_json: options.AsJson = False,
    url: FeedbackUrl = None,
) -> None:
    """Show how each group fares: a bar per window, ratio with its 95 % interval, and change."""
    asyncio.run(_stats(url, options.counts(locals()), limit, as_json=as_json))


@app.command()
def export(  # noqa: PLR0917  (the options of a command are its parameters)
    shape: options.Shape = "records",
    format_: options.Format = "jsonl",
    output: options.Output = None,
    resume: options.Resume = False,
    rating: filters.Rating = None,
    name: filters.Name = None,
    data_type: filters.DataType = None,
    min_value: filters.MinValue = None,
    max_value: filters.MaxValue = None,
    label: filters.Label = None,
    source: filters.Source = None,
    agent: filters.Agent = None,
    agent_type: filters.AgentType = None,
    model: filters.Model = None,
    session: filters.Session = None,
    trace: filters.Trace = None,
    user: filters.User = None,
    comment: filters.HasComment = None,
    correction: filters.HasCorrection = None,
    since: filters.Since = None,
    until: filters.Until = None,
    words: filters.Words = None,
    url: FeedbackUrl = None,
) -> None:
    """Export feedback to learn from, newest first."""
    path = None if output is None or str(output) == "-" else output
    if format_ == "parquet" and path is None:
        raise typer.BadParameter("Parquet needs a file: name one with --output.")
    if resume and (path is None or format_ == "parquet"):
        raise typer.BadParameter("--resume needs --output, and a format that grows: jsonl or csv.")
    asked = Export(filters.query(locals()), shape, format_)
    try:
        asyncio.run(_export(url, asked, path, resume=resume))
    except KeyboardInterrupt:
        if path is not None and format_ != "parquet":
            err.print("Cut. The same command with --resume goes on from here.")
        raise typer.Exit(INTERRUPTED) from None


async def _list(
    url: str | None, asked: ScoreQuery, limit: int, *, turns: bool, as_json: bool
) -> None:
    asked = replace(asked, turns=turns)
    async with feedback_at(url) as stores:
        if as_json:
            async for each in every(stores.feedback.scores, asked, limit):
                print_json(wire_scores.score_out(each, turns=turns))
            return
        found = [each async for each in every(stores.feedback.scores, asked, limit + 1)]
    if not found:
        _say_nothing(url, is_narrowed=asked != ScoreQuery(turns=turns))
        return
    (print_turns if turns else print_feedback)(found[:limit])
    if len(found) > limit:
        err.print(f"[dim]There are more: --limit {10 * limit} shows up to {10 * limit}.[/]")


async def _stats(url: str | None, asked: ScoreStatsQuery, limit: int, *, as_json: bool) -> None:
    async with feedback_at(url) as stores:
        found = await stores.feedback.score_stats(asked)
    if as_json:
        for each in found:
            print_json(wire_scores.score_stats_out(each, asked.group_by))
    elif found:
        feedback_stats.print_stats(found, asked, limit)
    else:
        _say_nothing(url, is_narrowed=True)


async def _export(url: str | None, asked: Export, path: Path | None, *, resume: bool) -> None:
    to = feedback_export.Target(path, redact_url(feedback_place(url)), resume)
    async with feedback_at(url) as stores:
        tally = await feedback_export.export(stores, asked, to)
    err.print(feedback_export.summary(tally, path))
    for reason in feedback_export.left_out(tally):
        err.print(f"[yellow]Left out:[/] {reason}.")


def _say_nothing(url: str | None, *, is_narrowed: bool) -> None:
    if is_narrowed:
        err.print("No feedback matches. Leave out a filter, or look further back, to see more.")
    else:
        err.print(Text(f"No feedback is kept at {redact_url(feedback_place(url))} yet."))
