"""Real processes for the tests: the service itself, and whatever a test puts beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx2

from tests.forked import Forked

PATIENCE_S = 60


class NotServing(AssertionError):
    """A process did not come up, with the end of its output."""


class Process:
    """A program that serves HTTP on a port of its own, with its output in a file."""

    def __init__(
        self,
        command: Callable[[int], Sequence[str | Path]],
        folder: Path,
        *,
        name: str,
        ready: str = "/healthz",
        environ: Mapping[str, str] | None = None,
        is_forked: bool = False,
    ) -> None:
        self.port = free_port()
        self._is_forked = is_forked
        self.name = name
        self._command = [str(part) for part in command(self.port)]
        self._log = folder / f"{name}-{self.port}.log"
        self._ready = ready
        self._environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written so far, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> Self:
        """Return when it answers; it can be started again after its end.

        Raises:
            NotServing: it does not answer.
        """
        self.launch()
        deadline = time.monotonic() + PATIENCE_S
        with httpx2.Client(timeout=5) as client:
            while time.monotonic() < deadline and self.is_running:
                try:
                    if client.get(self.url + self._ready).status_code == 200:
                        return self
                except httpx2.TransportError:
                    pass
                time.sleep(0.05)
        log = self.log[-4000:]
        self.kill9()
        raise NotServing(f"{self.name} does not answer:\n{log}")

    def launch(self) -> None:
        """Start it and do not wait."""
        environ = {**os.environ, **self._environ}
        if self._is_forked:
            self._process = Forked(self._command[1:], environ, self._log)
            return
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                start_new_session=True,  # so that its workers end with it
            )

    @property
    def pid(self) -> int:
        """Its id while it lives."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def kill9(self) -> None:
        """Kill it and its workers at once, as a crash would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """End it in order; its exit code."""
        return self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def service(database: str, folder: Path, *flags: str) -> Process:
    """`commonhold serve` over `database`, not started yet."""
    script = Path(sys.executable).with_name("commonhold")
    return Process(
        lambda port: [script, "serve", "--database", database, "--port", str(port), *flags],
        folder,
        name="commonhold",
        environ={"COMMONHOLD_LOG_LEVEL": "warning"},
        is_forked="--workers" not in flags,  # a supervisor starts interpreters of its own
    )


def free_port() -> int:
    """A port of the loopback address nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
