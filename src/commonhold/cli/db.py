"""`commonhold db`: the schema, brought up to date, looked at, checked; tenants kept apart."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.markup import escape

from commonhold import compose
from commonhold.cli.console import option, out, table
from commonhold.errors import NotFound
from commonhold.settings import Settings
from commonhold.settings.addresses import redact_url

app = typer.Typer(
    help="Bring the schema up to date, look at it, check it; keep tenants apart.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Database = Annotated[str | None, option("database", "Options", "URL")]
AsJson = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


@app.command()
def upgrade(database: Database = None) -> None:
    """Bring the schema to this version. Safe to repeat, and to run from several places at once."""
    settings = Settings.load({"database": database})
    compose.check_database_url(settings)
    asyncio.run(_upgrade(settings))


@app.command()
def secure(
    app_role: Annotated[
        str, typer.Option("--app", metavar="ROLE", help="The role that the service connects as.")
    ],
    database: Database = None,
) -> None:
    """Keep tenants apart with row-level security. Run it as the owner, after every upgrade too."""
    settings = Settings.load({"database": database})
    _require_file(settings)
    count = asyncio.run(_secure(settings, app_role))
    out.print(f"[green]secured[/]   {count} tables; {escape(app_role)} sees one tenant at a time")


@app.command()
def status(*, database: Database = None, as_json: AsJson = False) -> None:
    """Show where the schema stands. Exits with 1 when it is behind."""
    settings = Settings.load({"database": database})
    _require_file(settings)
    if not asyncio.run(_status(settings, as_json=as_json)):
        raise typer.Exit(1)


@app.command()
def verify(database: Database = None) -> None:
    """Compare the schema with the one expected, and check the file. Exits with 1 on a problem."""
    settings = Settings.load({"database": database})
    _require_file(settings)
    if not asyncio.run(_verify(settings)):
        raise typer.Exit(1)


async def _upgrade(settings: Settings) -> None:
    out.print(f"[dim]database[/]  {escape(redact_url(settings.database))}")
    async with await compose.open_for_upkeep(settings) as backend:
        before = await backend.status()
        done = await backend.upgrade(
            lambda step: out.print(f"[green]applied[/]   {step.version:04d} {step.name}")
        )
        after = await backend.status()
    if not done:
        out.print(f"[green]current[/]   nothing to do, version {after.current}")
    else:
        out.print(f"[green]done[/]      version {before.current} to {after.current}")


async def _secure(settings: Settings, app_role: str) -> int:
    async with await compose.open_for_upkeep(settings) as backend:
        return await backend.secure(app_role)


async def _status(settings: Settings, *, as_json: bool) -> bool:
    async with await compose.open_for_upkeep(settings) as backend:
        found = await backend.status()
    pending = [f"{step.version:04d} {step.name}" for step in found.pending]
    facts = {
        "database": redact_url(settings.database),
        "current": found.current,
        "expected": found.expected,
        "pending": pending,
    }
    if as_json:
        out.print_json(json.dumps(facts))
        return found.is_current
    lines = table("", "")
    lines.show_header = False
    lines.add_row("[dim]database[/]", escape(redact_url(settings.database)))
    lines.add_row("[dim]schema[/]", f"version {found.current} of {found.expected}")
    lines.add_row("[dim]pending[/]", "\n".join(pending) or "[green]nothing[/]")
    out.print(lines)
    if not found.is_current:
        out.print("\nRun [bold]commonhold db upgrade[/].")
    return found.is_current


async def _verify(settings: Settings) -> bool:
    async with await compose.open_for_upkeep(settings) as backend:
        problems = await backend.verify()
    out.print(f"[dim]database[/]  {escape(redact_url(settings.database))}")
    for problem in problems:
        out.print(f"[bold red]problem[/]   {escape(problem)}")
    if not problems:
        out.print("[green]verified[/]  the schema is the expected one, and nothing is damaged")
    return not problems


def _require_file(settings: Settings) -> None:
    """Looking at a SQLite database must not create it."""
    path = compose.sqlite_file(settings)
    if path is not None and not path.exists():
        raise NotFound(f"{path} does not exist yet. `commonhold serve` or `db upgrade` makes it.")
