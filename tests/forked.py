"""Services forked from a process that has loaded what they load: starting is most of what they take.

What runs is the same: a process in a session of its own, which can be killed like any other.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from multiprocessing.context import ForkServerContext
from pathlib import Path

LOADED = [
    *("commonhold.compose.app", "commonhold.sql.postgres", "commonhold.otlp.requests"),
    *("uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.on", "uvicorn.loops.uvloop"),
    *("uvicorn.supervisors", "asyncpg", "typer", "rich.console", "rich.table", "rich.padding"),
]
"""Nothing of `commonhold.cli`, which looks at the environment when it is loaded."""


@cache
def _forker() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


class Forked:
    """`commonhold` with these arguments, as `subprocess.Popen` would have started it."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        told = (list(arguments), dict(environ), str(log))
        self._process = _forker().Process(target=_become, args=told, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, when it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code at its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("commonhold", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Signal it, and nothing that it has started."""
        os.kill(self.pid, number)


def _become(arguments: Sequence[str], environ: Mapping[str, str], log: str) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    for path, number, flags in (
        (os.devnull, 0, os.O_RDONLY),
        (log, 1, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (log, 2, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags, 0o600), number)
    # Python's own streams still are those of the process that forked.
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["commonhold", *arguments]
    try:
        import_module("commonhold.cli").main()
    finally:  # what an interpreter does at its end, which a forked one skips
        atexit._run_exitfuncs()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
