"""`commonhold tenants`: who shares an installation, on the database itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from commonhold import compose
from commonhold.cli.console import err, option, out, print_json
from commonhold.cli.times import ago
from commonhold.model.tenant import Status, Tenant
from commonhold.model.wire_tenants import tenant_out
from commonhold.settings import Settings

app = typer.Typer(
    help="Say who shares this installation, where COMMONHOLD_TENANCY is `required`.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Database = Annotated[str | None, option("database_maintenance", "Options", "URL")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="1 to 63 of a-z, 0-9 and -.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead, for programs.")]


@app.command()
def create(name: Name, database_maintenance: Database = None) -> None:
    """Make a tenant. Its first key is `commonhold keys create --tenant NAME --preset operator`."""
    made = asyncio.run(_create(_settings(database_maintenance), name))
    out.print(f"[green]created[/]   {made.tenant}")


@app.command("list")
def list_(*, as_json: AsJson = False, database_maintenance: Database = None) -> None:
    """List the tenants by name."""
    found = asyncio.run(_list(_settings(database_maintenance)))
    for tenant in found:
        if as_json:
            print_json(tenant_out(tenant))
        else:
            out.print(f"{tenant.tenant}  {tenant.status}  [dim]made {ago(tenant.created_at)}[/]")
    if not found and not as_json:
        err.print("There is no tenant yet. `commonhold tenants create NAME` makes one.")


@app.command()
def disable(name: Name, database_maintenance: Database = None) -> None:
    """Keep a tenant out. The service heeds it within two seconds; nothing of it is lost."""
    _set(name, "disabled", database_maintenance)


@app.command()
def enable(name: Name, database_maintenance: Database = None) -> None:
    """Let a tenant in again."""
    _set(name, "active", database_maintenance)


def _set(name: str, status: Status, database_maintenance: str | None) -> None:
    changed = asyncio.run(_change(_settings(database_maintenance), name, status))
    out.print(f"[green]{changed.status}[/]  {changed.tenant}")


def _settings(database_maintenance: str | None) -> Settings:
    return Settings.load({"database_maintenance": database_maintenance})


async def _create(settings: Settings, name: str) -> Tenant:
    async with compose.open_tenants(settings) as tenants:
        return await tenants.create(name)


async def _list(settings: Settings) -> Sequence[Tenant]:
    async with compose.open_tenants(settings) as tenants:
        return await tenants.list()


async def _change(settings: Settings, name: str, status: Status) -> Tenant:
    async with compose.open_tenants(settings) as tenants:
        return await tenants.set_status(name, status)
