"""`commonhold redaction`: what is kept out of what is written, shown, changed and tried.

`show` and `set` work on the database itself, as `commonhold keys` does; `try` needs none.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from commonhold import compose
from commonhold.auth.principal import Principal
from commonhold.cli.console import err, option, out, output, print_json
from commonhold.cli.whose import Tenant
from commonhold.errors import InvalidRequest
from commonhold.model.clock import to_rfc3339
from commonhold.model.redaction import (
    CAPTURES,
    GROUPS,
    Group,
    PolicyChange,
    capture_of,
    groups_of,
)
from commonhold.model.wire_redaction import policy_out
from commonhold.redact.redactor import Redactor
from commonhold.redact.rules import rules_of
from commonhold.service.redaction import PolicyDesk, Standing
from commonhold.settings import Settings

app = typer.Typer(
    help="Keep credentials, and more, out of what is written.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SERVICE = "service"
"""What stands for having nothing different from the service."""

Database = Annotated[str | None, option("database", "Options", "URL")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead, for programs.")]
Groups = Annotated[
    str | None,
    typer.Option(
        "--redact",
        metavar="GROUPS",
        help=f"Of {', '.join(GROUPS)}, with commas between, or none.",
    ),
]


@app.command()
def show(*, tenant: Tenant = None, as_json: AsJson = False, database: Database = None) -> None:
    """Show what holds for what is written, and what of it is not as the service has it."""
    _print(_asked(database, tenant, lambda desk, caller: desk.find(caller)), as_json=as_json)


@app.command("set")
def set_(
    capture: Annotated[
        str,
        typer.Option(
            "--capture", metavar="NAME", help=f"One of {', '.join(CAPTURES)}, or {SERVICE}."
        ),
    ] = SERVICE,
    redact: Groups = SERVICE,
    *,
    tenant: Tenant = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Say what holds from now on. What is not said is as the service has it.

    Every process of the service heeds it within two seconds. What is stored stays as it is.
    """
    change = PolicyChange(
        None if capture == SERVICE else capture_of(capture),
        None if redact in (None, SERVICE) else _groups(str(redact)),
    )
    standing = _asked(database, tenant, lambda desk, caller: desk.change(caller, change))
    _print(standing, as_json=as_json)


@app.command("try")
def try_(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The text; standard input, when there is none."),
    ] = None,
    redact: Groups = None,
) -> None:
    """Show what would become of a text, and which rules found something in it."""
    groups = Settings.load().redact if redact is None else _groups(redact)
    redactor = Redactor(rules_of(groups))
    text = _given(file).decode("utf-8", "replace")
    with output() as told:
        told.write(redactor.text(text).encode())
    _tell(redactor.found)


def _given(file: Path | None) -> bytes:
    try:
        return sys.stdin.buffer.read() if file is None else file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None


def _groups(text: str) -> tuple[Group, ...]:
    return groups_of(each.strip() for each in text.split(",") if each.strip() not in ("", "none"))


def _asked(
    database: str | None,
    tenant: str | None,
    ask: Callable[[PolicyDesk, Principal], Awaitable[Standing]],
) -> Standing:
    settings = Settings.load({"database": database})
    compose.check_database_url(settings)

    async def work() -> Standing:
        caller = await compose.caller_of(settings, tenant)
        async with compose.open_policies(settings) as desk:
            return await ask(desk, caller)

    return asyncio.run(work())


def _print(standing: Standing, *, as_json: bool) -> None:
    policy, stored = standing.policy, standing.stored
    if as_json:
        print_json(policy_out(policy, stored))
        return
    out.print(f"[dim]capture[/]  {policy.capture}")
    out.print(f"[dim]redact[/]   {', '.join(policy.groups) or 'none'}")
    if stored is not None:
        when = to_rfc3339(stored.updated_at)
        out.print(f"[dim]set[/]      {when} by {escape(stored.updated_by)}")


def _tell(found: Counter[str]) -> None:
    told = [f"{rule} {count}" for rule, count in sorted(found.items())]
    err.print(f"[dim]redacted[/]  {', '.join(told)}" if told else "[dim]nothing was found[/]")
