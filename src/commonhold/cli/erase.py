"""`commonhold erase`: what is kept of a user goes, and a receipt says what that was."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from commonhold.cli.console import err, out, print_json, table
from commonhold.cli.plain import quoted
from commonhold.cli.reaching import ErasuresUrl, erasures_at, is_database, places
from commonhold.contract.erasures import Erasures
from commonhold.errors import InvalidRequest
from commonhold.model import ids
from commonhold.model.erasure import Counts, Erasure, check_user
from commonhold.model.wire_erasures import erasure_out

PAUSE_S = 0.5
"""How long to wait, in seconds, before asking again: somebody else may be at work on it."""

_ROWS = {
    "sessions": "removed",
    "messages": "removed with their sessions",
    "blanked_messages": "blanked, in sessions of others",
    "feedback": "removed, and no longer counted",
    "blanked_feedback": "of nobody in particular: kept as numbers",
    "traces": "blanked: structure, times, tokens and cost stay",
    "spans": "blanked",
    "logs": "blanked",
}


def erase(
    user: Annotated[
        str, typer.Argument(metavar="USER", help="As sessions and traces name the user.")
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what belongs to the user, and do nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The receipt as JSON.")] = False,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="NAME", help="Whose user, in a database of several."),
    ] = None,
    url: ErasuresUrl = None,
) -> None:
    """Erase a user: sessions, feedback, and what traces say. It cannot be undone.

    One that was interrupted goes on when it is asked for again.
    """
    try:
        check_user(user)
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    if not dry_run and not yes:
        _ask(user)
    for where in places(url):
        receipt = asyncio.run(
            _survey(where, tenant, user) if dry_run else _erase(where, tenant, user)
        )
        if as_json:
            print_json(erasure_out(receipt))
        else:
            _print(receipt)


def _ask(user: str) -> None:
    """Let a person think again.

    Raises:
        BadParameter: nobody is there to be asked.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter("Nobody can be asked here. Say --yes, or look with --dry-run.")
    err.print(Text.assemble("Everything kept of ", quoted(user), " goes, and cannot come back."))
    typer.confirm("Erase?", abort=True, err=True)


async def _survey(where: str, tenant: str | None, user: str) -> Erasure:
    async with erasures_at(where, tenant) as erasures:
        return await erasures.survey(user)


async def _erase(where: str, tenant: str | None, user: str) -> Erasure:
    async with erasures_at(where, tenant) as erasures:
        planned = await erasures.survey(user)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("Erasing", total=_size(planned.counts))
            async for receipt in _receipts(erasures, user, is_alone=is_database(where)):
                bar.update(task, completed=min(_size(receipt.counts), _size(planned.counts)))
        return receipt


async def _receipts(erasures: Erasures, user: str, *, is_alone: bool) -> AsyncIterator[Erasure]:
    """How far it is, until it is done. Where nobody else is, it goes on when it is asked for again."""
    key = ids.new_id("erase")
    yield (receipt := await erasures.create(user, key=key))
    while receipt.status == "running":
        await asyncio.sleep(PAUSE_S)
        again = erasures.create(user, key=key) if is_alone else erasures.get(_id(receipt))
        yield (receipt := await again)


def _id(receipt: Erasure) -> str:
    return receipt.erasure_id or ""


def _size(counts: Counts) -> int:
    return sum(asdict(counts).values())


def _print(receipt: Erasure) -> None:
    made = table("what", "how many", "")
    counts = asdict(receipt.counts)
    shown = _ROWS if receipt.erasure_id else dict.fromkeys(_seen(counts), "")
    for name, doc in shown.items():
        made.add_row(name.replace("_", " "), Text(f"{counts[name]:,}"), Text(doc, "dim"))
    out.print(made)
    if receipt.erasure_id:
        out.print(Text.assemble(("receipt  ", "dim"), receipt.erasure_id))
    else:
        err.print("Nothing was done. Forks and sessions that only traces name come on top.")


def _seen(counts: dict[str, int]) -> Sequence[str]:
    """What a dry run counts."""
    return [
        name for name in counts if name in ("sessions", "messages", "feedback", "traces", "spans")
    ]
