"""`commonhold version`: what runs here, down to the libraries that matter in a report."""

from __future__ import annotations

import _hashlib
import json
import platform
import ssl
from importlib.metadata import version as installed
from typing import Annotated

import typer

from commonhold import compose
from commonhold._version import __version__
from commonhold.cli.console import out, table


def version(
    *, as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False
) -> None:
    """Say which version this is, and what it runs on."""
    facts = {
        "commonhold": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "sqlite": compose.SQLITE_LIBRARY,
        "asyncpg": installed("asyncpg"),
        "openssl": ssl.OPENSSL_VERSION,
        "fips": "active" if fips_is_active() else "not active",
    }
    if as_json:
        out.print_json(json.dumps(facts))
        return
    lines = table("", "")
    lines.show_header = False
    for name, value in facts.items():
        lines.add_row(f"[dim]{name}[/]", value)
    out.print(lines)


def fips_is_active() -> bool:
    """Whether OpenSSL answers only with algorithms its FIPS provider approves."""
    return bool(_hashlib.get_fips_mode())
