"""`commonhold agents`: who is out there, and how each is doing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from commonhold.cli.amounts import counted, dollars, took
from commonhold.cli.amounts import tokens as in_and_out
from commonhold.cli.columns import (
    Cells,
    fitting,
    print_stacked,
    print_table,
    print_whole,
    right,
)
from commonhold.cli.console import err, out, print_json
from commonhold.cli.conversation import Palette
from commonhold.cli.plain import quoted
from commonhold.cli.reaching import TracesUrl, trace_place, traces_at
from commonhold.cli.times import ago, moment, window
from commonhold.cli.trace_listing import thumbs
from commonhold.model import wire_traces
from commonhold.model.agent import Agent, AgentQuery
from commonhold.settings.addresses import redact_url

MOST_VERSIONS = 3
"""Versions of one agent that are named in a table; the others are counted."""

_WORRYING = 0.05
_SPARE = ("thumbs", "tokens", "versions")


def agents(
    context: typer.Context,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Only this one.")
    ] = None,
    within: Annotated[
        Any,
        typer.Option(
            "--window",
            metavar="LENGTH",
            help="Count what was done in this time up to now: 24h, 7d, 30d; 7d if nothing is said.",
            parser=window,
        ),
    ] = None,
    since: Annotated[
        Any,
        typer.Option("--since", metavar="TIME", help="Count from this time on.", parser=moment),
    ] = None,
    until: Annotated[
        Any,
        typer.Option("--until", metavar="TIME", help="Count up to this time.", parser=moment),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    url: TracesUrl = None,
) -> None:
    """List the agents that were seen, the last seen first, and what each did."""
    if context.invoked_subcommand is not None:
        return
    if within is not None and (since is not None or until is not None):
        raise typer.BadParameter("--window excludes --since and --until.")
    asked = AgentQuery(agent, within if since is None else since, until)
    asyncio.run(_agents(url, asked, as_json=as_json))


async def _agents(url: str | None, asked: AgentQuery, *, as_json: bool) -> None:
    async with traces_at(url) as traces:
        found = await traces.agents(asked)
    if as_json:
        for each in found:
            print_json(wire_traces.agent_out(each))
    elif found:
        _print(found)
    else:
        where = redact_url(trace_place(url))
        told = "No agent of this name was seen" if asked.agent else "No agent was seen"
        err.print(Text(f"{told} at {where} yet."))


def _print(found: Sequence[Agent]) -> None:
    cells = _cells(found)
    if not out.is_terminal:
        print_whole(cells, "agent", out)
    elif table := fitting(cells, "agent", _SPARE, out.width, names=("versions",)):
        print_table(table, "agent", out)
    else:
        heads = [
            Text("  ").join(pair) for pair in zip(cells["agent"], cells["last seen"], strict=True)
        ]
        print_stacked(heads, [_rest(each, cells, at) for at, each in enumerate(found)], out)


def _cells(found: Sequence[Agent]) -> dict[str, Sequence[Text]]:
    palette = Palette()
    return {
        "agent": [quoted(each.agent, palette.of(each.agent)) for each in found],
        "last seen": [Text(ago(each.last_seen_at), "dim") for each in found],
        "versions": [_versions(each) for each in found],
        "requests": [right(f"{each.requests:,}") for each in found],
        "errors": [_errors(each) for each in found],
        "p50": [right(took(each.p50_ms)) for each in found],
        "p95": [right(took(each.p95_ms)) for each in found],
        "tokens": [right(in_and_out(each.prompt_tokens, each.completion_tokens)) for each in found],
        "cost": [right(dollars(each.cost_nano)) for each in found],
        "thumbs": [thumbs(each.thumbs_up, each.thumbs_down) for each in found],
    }


def _versions(agent: Agent) -> Text:
    told = quoted(", ".join(agent.versions[:MOST_VERSIONS]))
    left = len(agent.versions) - MOST_VERSIONS
    return told.append(f" +{left}", "dim") if left > 0 else told


def _errors(agent: Agent) -> Text:
    if agent.error_rate is None:
        return right("")
    style = "" if not agent.errors else "red" if agent.error_rate >= _WORRYING else "yellow"
    return right(f"{agent.error_rate:.1%}", style)


def _rest(agent: Agent, cells: Cells, at: int) -> list[Text]:
    """What is told of an agent below its name."""
    errors = cells["errors"][at]
    used = cells["tokens"][at].plain
    return [
        cells["versions"][at],
        Text(counted(agent.requests, "request")),
        Text(f"{errors.plain} failed", errors.style) if agent.errors else Text(),
        *(_labelled(name, cells[name][at].plain) for name in ("p50", "p95")),
        Text(f"{used} tokens" if used else ""),
        Text(cells["cost"][at].plain),
        cells["thumbs"][at],
    ]


def _labelled(label: str, told: str) -> Text:
    return Text.assemble((f"{label} ", "dim"), told) if told else Text()
