"""What the commands share in speaking to a person: consoles, colours, and options from settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from commonhold.cli.plain import visible
from commonhold.model.json_lines import json_line
from commonhold.settings import Setting, Settings, documented

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_SETTINGS = {setting.name: setting for setting in documented(Settings)}


def option(name: str, panel: str, metavar: str | None = None) -> Any:
    """An option that stands for a setting, with the help the setting has."""
    setting = _SETTINGS[name]
    flag = f"--{name.replace('_', '-')}"
    on_off = setting.default in ("true", "false")
    names = f"{flag}/--no-{flag[2:]}" if on_off else flag
    return typer.Option(
        names,
        help=_help(setting),
        rich_help_panel=panel,
        metavar="" if on_off else metavar or name.upper(),
        show_default=False,
    )


def table(*columns: str) -> Table:
    """An empty table in the one style of the commands."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def say_error(message: str) -> None:
    """One line per sentence of what went wrong, on standard error."""
    for line in message.splitlines():
        err.print(f"[bold red]error:[/] {escape(visible(line))}")


def print_json(value: object) -> None:
    """One value on one line, at once: for programs, and harmless to a terminal."""
    with output() as file:
        file.write(f"{json_line(value)}\n".encode())


@contextmanager
def output() -> Iterator[IO[bytes]]:
    """Standard output for bytes, which are all written though somebody stops and continues us.

    `sys.stdout.buffer` may leave some out: with PYTHONUNBUFFERED it is no buffer.
    """
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as file:
        yield file


def _help(setting: Setting) -> str:
    default = f", default {setting.default}" if setting.default else ""
    return f"{escape(setting.doc)}\n\n[dim]{setting.env}{default}[/dim]"
