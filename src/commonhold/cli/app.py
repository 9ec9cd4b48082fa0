"""The commands put together, and every way they can end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from commonhold.cli import (
    audit,
    db,
    doctor,
    erase,
    feedback,
    keys,
    redaction,
    registry,
    serve,
    sessions,
    tenants,
    traces,
    version,
    webhooks,
)
from commonhold.cli.console import say_error
from commonhold.errors import CommonholdError, Unavailable
from commonhold.settings import InvalidSettings

FAILED = 1
MISUSED = 2

_ABOUT = """
Sessions, traces and feedback of a whole fleet of AI agents, held in common.

Start with [bold]commonhold serve[/bold] and open the address it prints.
"""
_EPILOG = "Every option is also an environment variable; the flag wins. Docs: docs/reference/cli.md"


class _InOrder(TyperGroup):
    """Lists the commands in the order of need, where typer puts groups behind commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [
            "serve",
            "sessions",
            "traces",
            "feedback",
            "agents",
            "webhooks",
            "keys",
            "audit",
            "redaction",
            "tenants",
            "erase",
            "db",
            "doctor",
            "version",
        ]


app = typer.Typer(
    name="commonhold",
    cls=_InOrder,
    help=_ABOUT,
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", rich_help_panel="Run")(serve.serve)
app.add_typer(sessions.app, name="sessions", rich_help_panel="Look at what is kept")
app.add_typer(traces.app, name="traces", rich_help_panel="Look at what is kept")
app.add_typer(feedback.app, name="feedback", rich_help_panel="Look at what is kept")
app.add_typer(registry.app, name="agents", rich_help_panel="Look at what is kept")
app.add_typer(webhooks.app, name="webhooks", rich_help_panel="Look at what is kept")
app.add_typer(keys.app, name="keys", rich_help_panel="Say who may call")
app.add_typer(audit.app, name="audit", rich_help_panel="Say who may call")
app.add_typer(redaction.app, name="redaction", rich_help_panel="Say who may call")
app.add_typer(tenants.app, name="tenants", rich_help_panel="Say who may call")
app.command("erase", rich_help_panel="Say who may call")(erase.erase)
app.add_typer(db.app, name="db", rich_help_panel="Look after the database")
app.command("doctor", rich_help_panel="Find out")(doctor.doctor)
app.command("version", rich_help_panel="Find out")(version.version)

_log = logging.getLogger("commonhold.cli")


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status: 0 done, 1 failed, 2 asked for something impossible."""
    try:
        status = app(list(arguments), prog_name="commonhold", standalone_mode=False)
    except TyperException as error:
        return _misused(error)
    except InvalidSettings as error:
        say_error(error.detail)
        return MISUSED
    except CommonholdError as error:
        say_error(error.detail + _why(error))
        return FAILED
    except BrokenPipeError:
        return FAILED
    except Exception as error:  # noqa: BLE001  (a person gets a sentence, the log gets the trace)
        say_error(f"{type(error).__name__}: {error}. This is a bug; please report it.")
        _log.debug("The command failed.", exc_info=error)
        return FAILED
    return status if isinstance(status, int) else 0


def _why(error: CommonholdError) -> str:
    """What the system said of an address that was not reached; it names no user and no password."""
    cause = error.__cause__
    return f" ({cause})" if isinstance(error, Unavailable) and isinstance(cause, OSError) else ""


def _misused(error: TyperException) -> int:
    message = error.format_message()
    if not message:  # the help was printed instead: no command was given
        return MISUSED
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "commonhold"
    say_error(f"{message} Try `{path} --help`.")
    return error.exit_code
