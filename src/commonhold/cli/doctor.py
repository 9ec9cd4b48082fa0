"""`commonhold doctor`: is everything here fit to serve, and if not, what to do."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from commonhold import compose
from commonhold.cli.console import option, out, table
from commonhold.errors import CommonholdError, SchemaOutdated
from commonhold.model import clock
from commonhold.settings import InvalidSettings, Settings, unknown_names
from commonhold.settings.addresses import redact_url

State = Literal["ok", "warn", "fail"]

LOW_DISK = 1 << 30
"""Bytes free below which doctor warns: 1 GiB."""

FULL_DISK = 64 << 20
SKEW_WARN_S = 1.0
SKEW_FAIL_S = 60.0

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do when it is not well."""

    name: str
    state: State
    found: str
    advice: str = ""


def doctor(
    *,
    database: Annotated[str | None, option("database", "Options", "URL")] = None,
    host: Annotated[str | None, option("host", "Options", "ADDRESS")] = None,
    port: Annotated[str | None, option("port", "Options")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False,
) -> None:
    """Check settings, database, schema, disk, clock and port, and say what to do.

    Changes nothing. Exits with 1 when something would keep the service from working.
    """
    checks = list(_examine({"database": database, "host": host, "port": port}))
    if as_json:
        out.print_json(json.dumps([asdict(check) for check in checks]))
    else:
        _print(checks)
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)


def _examine(flags: dict[str, object]) -> Iterator[Check]:
    try:
        settings = Settings.load(flags)
        settings.refuse_unsafe()
        compose.check_callers(settings)
    except InvalidSettings as error:
        for each in error.errors:
            yield Check("settings", "fail", ".".join(map(str, each.loc)), each.msg)
        return
    yield _settings()
    yield from asyncio.run(_database(settings))
    yield _disk(settings)
    yield _port(settings)


def _settings() -> Check:
    if strange := unknown_names():
        told = "They mean nothing here. Check the spelling in docs/reference/settings.md."
        return Check("settings", "warn", ", ".join(strange), told)
    return Check("settings", "ok", "valid")


async def _database(settings: Settings) -> list[Check]:
    where = redact_url(settings.database)
    path = compose.sqlite_file(settings)
    if path is not None and not path.exists():
        found = f"{where} does not exist yet"
        return [Check("database", "ok", found), Check("schema", "ok", "made at the first start")]
    try:
        async with await compose.open_for_upkeep(settings, across=True) as backend:
            found = f"{where}, {backend.dialect} {await compose.version_of(backend)}"
            reached = Check("database", "ok", found)
            checks = [reached, await _schema(backend, settings), await _clock(backend)]
        return [*checks, *await _tenants(settings)]
    except CommonholdError as error:
        advice = f"{error.detail} Check COMMONHOLD_DATABASE, and that it runs and is reachable."
        return [Check("database", "fail", where, advice)]


async def _schema(backend: compose.SqlBackend, settings: Settings) -> Check:
    status = await backend.status()
    found = f"version {status.current} of {status.expected}"
    if not status.is_current:
        if settings.auto_upgrade:
            return Check("schema", "warn", found, "The next start brings it up to date.")
        return Check("schema", "fail", found, "Run `commonhold db upgrade`.")
    try:
        await backend.check()
    except SchemaOutdated as error:
        return Check("schema", "fail", found, error.detail)
    return Check("schema", "ok", found)


async def _tenants(settings: Settings) -> list[Check]:
    if settings.tenancy != "required":
        return []
    problems = await compose.wall_problems(settings)
    if problems:
        return [Check("tenants", "fail", "not kept apart", "\n".join(problems))]
    return [Check("tenants", "ok", "kept apart by row-level security")]


async def _clock(backend: compose.SqlBackend) -> Check:
    before = clock.now()
    there = await compose.clock_of(backend)
    here = (before + clock.now()) / 2
    skew_s = abs(there - here) / 1e6
    found = f"{skew_s:.3f} s from the database's"
    if skew_s > SKEW_FAIL_S:
        return Check("clock", "fail", found, "Set the clocks of both machines, with NTP.")
    if skew_s > SKEW_WARN_S:
        return Check("clock", "warn", found, "Times of different machines will look out of order.")
    return Check("clock", "ok", found)


def _disk(settings: Settings) -> Check:
    path = compose.sqlite_file(settings)
    if path is None:
        return Check("disk", "ok", "nothing is kept on this machine")
    folder = path.absolute().parent
    if not folder.is_dir():
        return Check("disk", "fail", f"{folder} does not exist", f"Run: mkdir -p {folder}")
    if told := _unwritable(path, folder):
        return Check("disk", "fail", told, "Give the user of the service write permission.")
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):.1f} GiB free in {folder}"
    if free < FULL_DISK:
        return Check("disk", "fail", found, "Free some space: writes are about to be refused.")
    if free < LOW_DISK:
        return Check("disk", "warn", found, "Free some space before it is full.")
    return Check("disk", "ok", found)


def _unwritable(path: Path, folder: Path) -> str:
    if path.exists() and not os.access(path, os.W_OK):
        return f"{path} cannot be written"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"


def _port(settings: Settings) -> Check:
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
    except OSError as error:
        told = "Good when it is Commonhold that runs there; otherwise choose another --port."
        return Check("port", "warn", f"{where}: {error.strerror or error}", told)
    return Check("port", "ok", f"{where} is free")


def _print(checks: list[Check]) -> None:
    lines = table("check", "", "found")
    for check in checks:
        colour = _COLOURS[check.state]
        found = escape(check.found)
        if check.advice:
            found += f"\n[dim]{escape(check.advice)}[/]"
        lines.add_row(check.name, f"[{colour}]{check.state}[/]", found)
    out.print(lines)
    failed = sum(check.state == "fail" for check in checks)
    warned = sum(check.state == "warn" for check in checks)
    if failed:
        out.print(f"\n[bold red]Not fit to serve:[/] {failed} to mend.")
    elif warned:
        out.print(f"\n[yellow]Fit to serve[/], {warned} to look at.")
    else:
        out.print("\n[green]All is well.[/]")
