"""`commonhold audit prune`: months of long ago are taken away, and the rest stays proven."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.text import Text

from commonhold import compose
from commonhold.cli.amounts import counted
from commonhold.cli.audit_look import Database, fail_as_broken, progress_bar, settings_to_look
from commonhold.cli.console import err, out, table
from commonhold.cli.plain import quoted
from commonhold.cli.times import moment
from commonhold.model import clock
from commonhold.model.clock import Micros, to_rfc3339
from commonhold.service.keys import BOOTSTRAP
from commonhold.service.pruning import Going, prune, prune_before, survey
from commonhold.settings import Settings


def prune_(
    before: Annotated[
        str,
        typer.Option(
            "--before", metavar="TIME", help="Months before that of this time go: 2026-01-01, 400d."
        ),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and take nothing away.")
    ] = False,
    database: Database = None,
) -> None:
    """Take away events of whole months, as the owner of the tables. `export` them first.

    The log is verified before: nothing goes of one that is broken, or not sealed yet.
    """
    until = prune_before(moment(before), clock.now())
    settings = settings_to_look(database)
    going = asyncio.run(_prune(settings, until, dry_run=dry_run))
    if going.broken is not None:
        err.print("Nothing was pruned.")
        fail_as_broken(going.broken)
    _tell(going, "would go" if dry_run else "pruned")


async def _prune(settings: Settings, before: Micros, *, dry_run: bool) -> Going:
    keys = compose.seal_keys(settings)
    async with compose.open_audit_pruner(settings) as (log, pruner):
        with progress_bar() as progress:
            going = await survey(log, keys, before, progress)
        if going.broken is None and not dry_run:
            await prune(pruner, keys[0], going, BOOTSTRAP.actor)
    return going


def _tell(going: Going, what: str) -> None:
    day = to_rfc3339(going.before)[:10]
    if not going.last:
        err.print(f"There are no events of before {day} that could go.")
    else:
        made = table("month", "events")
        for month, count in sorted(going.months.items()):
            made.add_row(month, Text(f"{count:,}"))
        out.print(made)
        count = going.months.total()
        out.print(
            Text.assemble((f"{what:<10}", "green"), f"{counted(count, 'event')} of before {day}")
        )
    for tenant, link in sorted(going.last.items()):
        out.print(Text.assemble("          ", quoted(tenant), f"  {link.n}  {link.mac.hex()}"))
    if going.staying:
        err.print(
            f"{counted(going.staying, 'event')} of before {day} must stay: added behind newer ones."
        )
