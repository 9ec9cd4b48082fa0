"""The `commonhold` command as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("commonhold")
MISUSED = 2


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def run(*arguments: str, folder: Path, environ: Mapping[str, str] | None = None) -> Result:
    """Run `commonhold` in a folder, to its end."""
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
