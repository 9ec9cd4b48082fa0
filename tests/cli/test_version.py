"""`commonhold version` names what a report needs."""

from __future__ import annotations

import json
import platform
import sqlite3
import ssl
from pathlib import Path

from commonhold import __version__
from tests.cli.commands import run


def test_it_names_every_library_that_matters(tmp_path: Path) -> None:
    """As Python itself names them."""
    facts = json.loads(run("version", "--json", folder=tmp_path).out)

    assert facts["commonhold"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["sqlite"] == sqlite3.sqlite_version
    assert facts["openssl"] == ssl.OPENSSL_VERSION
    assert facts["fips"] in ("active", "not active")


def test_the_same_facts_are_there_for_a_person(tmp_path: Path) -> None:
    """One line each."""
    shown = run("version", folder=tmp_path).out

    assert all(f in shown for f in (__version__, sqlite3.sqlite_version, ssl.OPENSSL_VERSION))
