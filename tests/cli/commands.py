"""The `commonhold` command as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cli import warm

SCRIPT = Path(sys.executable).with_name("commonhold")
MISUSED = 2


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def run(*arguments: str, folder: Path, environ: Mapping[str, str] | None = None) -> Result:
    """Run `commonhold` in a folder, to its end, in a process of its own."""
    if warm.is_cold(environ or {}):
        return run_script(*arguments, folder=folder, environ=environ)
    with tempfile.TemporaryDirectory() as streams:
        out = Path(streams) / "out"
        status = warm.command(arguments, folder, {**os.environ, **(environ or {})}, out)
        return Result(status, out.read_text(), out.with_name("out.err").read_text())


def run_script(*arguments: str, folder: Path, environ: Mapping[str, str] | None = None) -> Result:
    """The same by the script that is installed, with an interpreter that starts for it."""
    done = subprocess.run(
        [SCRIPT, *arguments],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def check_one_line(result: Result, status: int) -> str:
    """A failure is one line on standard error, without a trace; the line."""
    assert result.status == status, result
    assert result.err.count("\n") == 1, result.err
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err + result.out
    return result.err
