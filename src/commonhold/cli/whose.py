"""Whose rows a command on the database itself is about, where there are several tenants."""

from __future__ import annotations

from typing import Annotated

import typer

Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="Whose, where COMMONHOLD_TENANCY is `required`."),
]
