"""`commonhold keys`: keys made, listed, replaced and ended, on the database itself.

No service needs to run, and no key is needed: who can reach the database and knows the pepper could
write anything there. So this is how a service gets its first key.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, cast

import typer
from rich.markup import escape
from rich.text import Text

from commonhold import compose
from commonhold.auth.principal import Principal
from commonhold.cli.columns import Cells, fitting, print_stacked, print_table, print_whole
from commonhold.cli.console import err, option, out, print_json
from commonhold.cli.plain import quoted
from commonhold.cli.times import ago
from commonhold.cli.whose import Tenant
from commonhold.model import clock
from commonhold.model.clock import to_rfc3339
from commonhold.model.key import (
    DEFAULT_DAYS,
    DEFAULT_OVERLAP_DAYS,
    PRESETS,
    ApiKey,
    NewKey,
    Preset,
)
from commonhold.model.tenant import check_tenant
from commonhold.model.wire_keys import key_out
from commonhold.service.keys import BOOTSTRAP, Issued
from commonhold.settings import Settings

app = typer.Typer(
    help="Make the keys that callers prove themselves with, look at them, end them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Database = Annotated[str | None, option("database", "Options", "URL")]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="As `commonhold keys list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead, for programs.")]
Days = Annotated[
    int, typer.Option("--days", metavar="DAYS", help="How long it is good, at most 365.")
]

_STYLES = {"active": "green", "expired": "yellow", "revoked": "red"}
_TOLD = ("preset", "agent", "name", "ends", "last used")
_SPARE = ("last used", "name")


@app.command()
def create(
    preset: Annotated[
        str, typer.Option("--preset", metavar="PRESET", help=f"One of {', '.join(PRESETS)}.")
    ] = "agent",
    agent: Annotated[
        str, typer.Option("--agent", metavar="NAME", help="The agent whose key it is.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="What people know it by.")
    ] = "",
    tenant: Tenant = None,
    days: Days = DEFAULT_DAYS,
    *,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Make a key. It is printed once, and never again."""
    asked = NewKey(cast("Preset", preset), agent, name, days)
    _print_issued(asyncio.run(_create(_settings(database), asked, tenant)), as_json=as_json)


@app.command("list")
def list_(tenant: Tenant = None, *, as_json: AsJson = False, database: Database = None) -> None:
    """List the keys, newest first, with those that ended; never their secrets."""
    found = asyncio.run(_list(_settings(database), tenant))
    if as_json:
        for key in found:
            print_json(key_out(key, clock.now()))
    elif found:
        _print(found)
    else:
        err.print("There is no key yet. `commonhold keys create` makes one.")


@app.command()
def revoke(key_id: KeyId, tenant: Tenant = None, database: Database = None) -> None:
    """End a key now. Every process of the service heeds it within two seconds."""
    key = asyncio.run(_revoke(_settings(database), key_id, tenant))
    out.print(f"[green]revoked[/]  {escape(_shown(key))}")


@app.command()
def rotate(
    key_id: KeyId,
    days: Days = DEFAULT_DAYS,
    overlap_days: Annotated[
        int,
        typer.Option("--overlap-days", metavar="DAYS", help="How long both are good; 0 to 90."),
    ] = DEFAULT_OVERLAP_DAYS,
    tenant: Tenant = None,
    *,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Make a key in the place of another, which goes on being good for some days."""
    settings = _settings(database)
    issued = asyncio.run(_rotate(settings, key_id, days, overlap_days, tenant))
    _print_issued(issued, as_json=as_json)


def _settings(database: str | None) -> Settings:
    settings = Settings.load({"database": database})
    compose.check_database_url(settings)
    return settings


async def _create(settings: Settings, asked: NewKey, tenant: str | None) -> Issued:
    own = await compose.tenant_of_key(settings, tenant, asked.preset)
    async with compose.open_key_ring(settings) as ring:
        return await ring.create(replace(BOOTSTRAP, tenant=own), asked)


async def _list(settings: Settings, tenant: str | None) -> list[ApiKey]:
    async with compose.open_key_ring(settings) as ring:
        return list(await ring.list(_of(tenant)))


async def _revoke(settings: Settings, key_id: str, tenant: str | None) -> ApiKey:
    async with compose.open_key_ring(settings) as ring:
        return await ring.revoke(_of(tenant), key_id)


async def _rotate(
    settings: Settings, key_id: str, days: int, overlap_days: int, tenant: str | None
) -> Issued:
    async with compose.open_key_ring(settings) as ring:
        return await ring.rotate(_of(tenant), key_id, days=days, overlap_days=overlap_days)


def _of(tenant: str | None) -> Principal:
    return replace(BOOTSTRAP, tenant=check_tenant(tenant)) if tenant else BOOTSTRAP


def _print_issued(issued: Issued, *, as_json: bool) -> None:
    """The secret alone goes to standard output, so that a shell can take it."""
    if as_json:
        print_json({**key_out(issued.key, clock.now()), "key": issued.text})
        return
    key = issued.key
    whose = f"{key.preset} key of {key.agent}" if key.agent else f"{key.preset} key"
    told = f"[green]created[/]  {whose}, id {key.key_id}, good until {to_rfc3339(key.expires_at)}"
    err.print(told)
    err.print("[dim]It is shown this once. Put it where secrets are kept.[/]")
    out.print(escape(issued.text))


def _print(found: list[ApiKey]) -> None:
    cells = _cells(found)
    if not out.is_terminal:
        print_whole(cells, "name", out)
    elif shown := fitting(cells, "name", _SPARE, out.width, names=("agent",)):
        print_table(shown, "name", out)
    else:
        heads = [Text("  ").join(pair) for pair in zip(cells["key"], cells["state"], strict=True)]
        rest = [[cells[name][at] for name in _TOLD] for at in range(len(found))]
        print_stacked(heads, rest, out)


def _cells(found: list[ApiKey]) -> Cells:
    now = clock.now()
    states = [key.state(now) for key in found]
    return {
        "key": [Text(_shown(key)) for key in found],
        "preset": [Text(key.preset) for key in found],
        "agent": [quoted(key.agent) for key in found],
        "name": [quoted(key.name) for key in found],
        "state": [Text(state, _STYLES[state]) for state in states],
        "ends": [Text(to_rfc3339(key.expires_at)[:10]) for key in found],
        "last used": [
            Text("never" if key.last_used_at is None else ago(key.last_used_at), "dim")
            for key in found
        ],
    }


def _shown(key: ApiKey) -> str:
    return f"{key.key_id}…{key.last_four}"
