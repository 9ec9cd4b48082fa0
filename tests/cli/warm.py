"""A process that has loaded what commands load, and forks a fresh one for each of them.

Most of the time of a command is the interpreter's start and its imports. What is run is the same: a
process of its own, with its own folder, environment and streams.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

PATIENCE_S = 60
LOADED = (
    *("asyncio", "asyncpg", "httpx2", "msgspec", "rich.console", "rich.progress", "rich.table"),
    *("rich.live", "rich.panel", "rich.markup", "rich.markdown", "rich.traceback", "rich.columns"),
    *("typer", "typer._adapters", "uvicorn", "uvicorn.supervisors", "uvicorn.loops.uvloop"),
    *("uvicorn.protocols.http.httptools_impl", "commonhold.connect", "commonhold.sql"),
    *("commonhold.client", "commonhold.settings", "commonhold.sql.postgres", "commonhold.otlp"),
    *("commonhold.compose", "commonhold.service.lessons", "commonhold.service.verifying"),
    *("commonhold.sql.probe", "commonhold.model.wire_audit", "commonhold.model.wire_keys"),
    *("commonhold.model.wire_registry", "commonhold.model.wire_tenants", "ahocorasick_rs"),
)
"""Nothing of `commonhold.cli`, which looks at the environment when it is loaded."""

COLD = ("PYTHON", "LC_", "LANG")
"""Variables that an interpreter looks at when it starts."""


@cache
def _forker() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.warm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def is_cold(environ: Mapping[str, str]) -> bool:
    """Whether only an interpreter that starts anew would do as these say."""
    return any(name.startswith(COLD) for name in environ)


def command(arguments: Sequence[str], folder: Path, environ: Mapping[str, str], out: Path) -> int:
    """Run `commonhold` to its end, its streams in `out` and, with `.err`, beside it; its status."""
    forker = _forker()
    assert forker.stdin is not None
    assert forker.stdout is not None
    told = [list(arguments), str(folder), dict(environ), str(out)]
    forker.stdin.write(json.dumps(told) + "\n")
    forker.stdin.flush()
    return int(forker.stdout.readline())


def serve() -> None:
    """Fork for each line of standard input, and say how it ended."""
    for name in LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        arguments, folder, environ, out = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(arguments, folder, environ, out)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(arguments: Sequence[str], folder: str, environ: Mapping[str, str], out: str) -> None:
    signal.alarm(PATIENCE_S)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for path, number, flags in (
        (os.devnull, 0, os.O_RDONLY),
        (out, 1, os.O_WRONLY | os.O_CREAT),
        (f"{out}.err", 2, os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(path, flags, 0o600), number)
    sys.argv = ["commonhold", *arguments]
    status = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run() -> int:
    try:
        importlib.import_module("commonhold.cli").main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001  (as an interpreter ends)
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
