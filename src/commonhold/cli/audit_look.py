"""A look at the seals of the audit log: what it needs, how far it is, and what it found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from commonhold import compose
from commonhold.cli.console import err, option, out
from commonhold.cli.plain import quoted
from commonhold.errors import FieldError
from commonhold.service.verifying import Broken, Watcher
from commonhold.settings import PREFIX, InvalidSettings, Settings

Database = Annotated[str | None, option("database", "Options", "URL")]


class _Bar(Watcher):
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def reached(self, seq: int, tip: int) -> None:
        self._bar.update(self._task, completed=seq, total=tip)


def settings_of(database: str | None) -> Settings:
    """The settings of a command on the database itself."""
    settings = Settings.load({"database": database})
    compose.check_database_url(settings)
    return settings


def settings_to_look(database: str | None) -> Settings:
    """The same, with a key of seals.

    Raises:
        InvalidSettings: there is none.
    """
    settings = settings_of(database)
    if not compose.seal_keys(settings):
        told = "without the key of the seals, or the pepper that it was made of, nothing is proved."
        raise InvalidSettings([FieldError((f"{PREFIX}AUDIT_KEY",), told)])
    return settings


@contextlib.contextmanager
def progress_bar() -> Iterator[Watcher]:
    """A bar that is seen by a person only."""
    columns = (TextColumn("verifying"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield _Bar(bar, bar.add_task("verifying"))


def fail_as_broken(broken: Broken) -> None:
    """Name the first event that is broken.

    Raises:
        Exit: with 1.
    """
    told = f"    event {broken.seq} of tenant "
    out.print(Text.assemble(("broken", "bold red"), told, quoted(broken.tenant), f": {broken.why}"))
    raise typer.Exit(1)
