"""The two services under test, each a process of its own, and what they cost the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

START_DEADLINE_S = 60.0
QUIET_SHARE = 0.05
"""Of a processor: what services that only wait may still use."""
LOOK_S = 0.25
SETTLE_S = 40.0


class NotStarted(Exception):
    """A service did not come up, and the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    name: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Processor time used so far, with all children."""
        return cpu_of(self.pid)


def cpu_of(pid: int) -> float:
    """Processor seconds of a process and its children, also of those that have ended."""
    parent = psutil.Process(pid)
    total = 0.0
    for process in (parent, *parent.children(recursive=True)):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def memory_of(pid: int) -> int:
    """Resident bytes of a process and its children; shared pages count for each of them."""
    parent = psutil.Process(pid)
    total = 0
    for process in (parent, *parent.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def settle(pids: Sequence[int], look_s: float = LOOK_S) -> None:
    """Wait, for as long as is sensible, until these and their children do nothing any longer."""
    deadline = time.monotonic() + SETTLE_S
    used = sum(map(cpu_of, pids))
    while time.monotonic() < deadline:
        time.sleep(look_s)
        before, used = used, sum(map(cpu_of, pids))
        if used - before < QUIET_SHARE * look_s:
            return


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def commonhold(
    database: str, log: Path, *, settings: Mapping[str, str] | None = None
) -> AbstractContextManager[Served]:
    """This project's service over `database` (a URL)."""
    script = Path(sys.executable).with_name("commonhold")
    port = free_port()
    command = [str(script), "serve", "--database", database, "--host", "127.0.0.1"]
    command += ["--port", str(port)]
    return running("commonhold", command, port, log, settings=settings)


def baseline(backend: str, database: str, log: Path) -> AbstractContextManager[Served]:
    """The compared service; `database` is a file path or a Postgres URL."""
    port = free_port()
    command = [sys.executable, "-m", "bench.baseline", "--backend", backend]
    command += ["--database", database, "--port", str(port)]
    return running("baseline", command, port, log)


def responder(log: Path) -> AbstractContextManager[Served]:
    """The server that does nothing."""
    port = free_port()
    command = [sys.executable, "-m", "bench.responder", str(port)]
    return running("responder", command, port, log)


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    log: Path,
    *,
    probe: str = "/healthz",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """A process that serves, from when `probe` answers until the block ends.

    Raises:
        NotStarted: it does not answer.
    """
    environment = {**os.environ, "COMMONHOLD_LOG_LEVEL": "warning", **(settings or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            served = Served(name, port, process.pid)
            _await_answer(served, process, log, probe)
            yield served
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_answer(served: Served, process: subprocess.Popen[bytes], log: Path, probe: str) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{served.url}{probe}").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise NotStarted(f"{served.name} did not start:\n{log.read_text()[-4000:]}")
