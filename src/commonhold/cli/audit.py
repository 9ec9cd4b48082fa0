"""`commonhold audit`: who did, or tried, what; and whether the log of it is still as it was.

Like `commonhold keys` it works on the database itself: what is to be proved must not be asked of the
service that could lie.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.text import Text

from commonhold import compose
from commonhold.auth.matrix import MATRIX
from commonhold.cli.amounts import counted
from commonhold.cli.audit_heads import heads_in
from commonhold.cli.audit_look import (
    Database,
    fail_as_broken,
    progress_bar,
    settings_of,
    settings_to_look,
)
from commonhold.cli.audit_prune import prune_
from commonhold.cli.columns import Cells, print_table, print_whole
from commonhold.cli.console import err, out, print_json
from commonhold.cli.export import opened
from commonhold.cli.paging import every
from commonhold.cli.plain import quoted
from commonhold.cli.times import local, moment
from commonhold.model.audit import OF_THE_SERVICE, AuditQuery, Decision, Kept
from commonhold.model.json_lines import json_line
from commonhold.model.nearest import nearest
from commonhold.model.page import DEFAULT_LIMIT
from commonhold.model.wire_audit import event_out
from commonhold.service.verifying import Head, Verified, verify
from commonhold.settings import Settings

app = typer.Typer(
    help="See who did what, and prove that the log of it was not changed.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Tenant = Annotated[str, typer.Option("--tenant", metavar="NAME", help="Whose events.")]
Operation = Annotated[
    str | None,
    typer.Option("--operation", metavar="NAME", help="Only of this one, such as keys.write."),
]
Actor = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Only of this caller, such as agent:weather."),
]
Ended = Annotated[
    str | None, typer.Option("--decision", metavar="WORD", help="allowed, denied or noted.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only from this time on: 2h, 7d.")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only before this time.")
]

_STYLES = {"allowed": "green", "denied": "red", "noted": "dim"}


@app.command("list")
def list_(
    operation: Operation = None,
    actor: Actor = None,
    decision: Ended = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="How many at most.", min=1)
    ] = DEFAULT_LIMIT,
    *,
    tenant: Tenant = "default",
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """List events, newest first."""
    asked = _asked(operation, actor, decision, since, until)
    found = asyncio.run(_list(settings_of(database), tenant, asked, limit))
    if as_json:
        for each in found:
            print_json(event_out(each))
    elif not found:
        err.print("There is no such event.")
    elif out.is_terminal:
        print_table(_cells(found), "resource", out)
    else:
        print_whole(_cells(found), "resource", out)


@app.command()
def export(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to write; standard output.")
    ] = None,
    operation: Operation = None,
    actor: Actor = None,
    decision: Ended = None,
    since: Since = None,
    until: Until = None,
    *,
    tenant: Tenant = "default",
    database: Database = None,
) -> None:
    """Write events as JSON Lines, newest first."""
    asked = _asked(operation, actor, decision, since, until)
    count = asyncio.run(_export(settings_of(database), tenant, asked, to))
    err.print(f"[green]exported[/]  {count:,} events")


@app.command("verify")
def verify_(
    heads: Annotated[
        Path | None,
        typer.Option("--heads", metavar="FILE", help="Logs of the service, with heads to compare."),
    ] = None,
    *,
    database: Database = None,
) -> None:
    """Check the seal of every event. Exits with 1 at the first that was changed or taken away."""
    settings = settings_to_look(database)
    found = asyncio.run(_verify(settings, heads_in(heads) if heads else ()))
    if found.broken is not None:
        fail_as_broken(found.broken)
    since = f", since {local(found.since)}" if found.since is not None else ""
    out.print(f"[green]verified[/]  {found.events:,} events are as they were sealed{since}")
    if found.waiting:
        wait = "waits for its seal" if found.waiting == 1 else "wait for their seal"
        out.print(f"[dim]waiting[/]   {counted(found.waiting, 'event')} {wait}")
    for tenant, head in sorted(found.heads.items()):
        out.print(Text.assemble("          ", quoted(tenant), f"  {head.n}  {head.mac.hex()}"))


app.command("prune")(prune_)


def _asked(
    operation: str | None,
    actor: str | None,
    decision: str | None,
    since: str | None,
    until: str | None,
) -> AuditQuery:
    return AuditQuery(
        operation=_known(operation),
        actor=actor,
        decision=cast("Decision | None", decision),
        since=moment(since) if since else None,
        until=moment(until) if until else None,
    )


def _known(operation: str | None) -> str | None:
    """An operation that there is.

    Raises:
        BadParameter: there is none of that name, and what may have been meant.
    """
    known = {*MATRIX, *OF_THE_SERVICE}
    if operation is None or operation in known:
        return operation
    meant = nearest(operation, known) or f"There are {', '.join(sorted(known))}."
    raise typer.BadParameter(f"There is no operation {operation}. {meant}")


async def _list(settings: Settings, tenant: str, asked: AuditQuery, limit: int) -> list[Kept]:
    await compose.check_tenant_of_events(settings, tenant)
    async with compose.open_audit_log(settings) as log:
        return [kept async for kept in every(partial(log.list, tenant), asked, limit)]


async def _export(settings: Settings, tenant: str, asked: AuditQuery, to: Path | None) -> int:
    count = 0
    await compose.check_tenant_of_events(settings, tenant)
    async with compose.open_audit_log(settings) as log:
        with opened(to) as file:
            async for kept in every(partial(log.list, tenant), asked):
                file.write(f"{json_line(event_out(kept))}\n".encode())
                count += 1
    return count


async def _verify(settings: Settings, heads: Sequence[Head]) -> Verified:
    async with compose.open_audit_log(settings) as log:
        with progress_bar() as progress:
            return await verify(log, compose.seal_keys(settings), heads, progress)


def _cells(found: Sequence[Kept]) -> Cells:
    events = [kept.event for kept in found]
    return {
        "time": [Text(local(event.at), "dim") for event in events],
        "operation": [quoted(event.operation) for event in events],
        "decision": [Text(event.decision, _STYLES[event.decision]) for event in events],
        "actor": [quoted(event.actor) for event in events],
        "resource": [quoted(event.resource_id) for event in events],
        "reason": [quoted(event.reason) for event in events],
        "key": [quoted(event.credential_id) for event in events],
        "peer": [quoted(event.peer) for event in events],
        "times": [Text(str(event.count) if event.count > 1 else "") for event in events],
    }
