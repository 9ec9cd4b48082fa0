"""Environments of the benchmarks' own: made on first use, and again when their pins change."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import typer
from rich.console import Console

BENCH = Path(__file__).resolve().parent


class NotInstalled(Exception):
    """The packages could not be installed, and what pip said."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder with the packages that a file of pins names."""

    pins: Path
    folder: Path

    def pinned(self) -> dict[str, str]:
        """Versions by name."""
        lines = (line.strip() for line in self.pins.read_text().splitlines())
        pairs = (line.partition("==") for line in lines if line and not line.startswith("#"))
        return {name: version for name, _, version in pairs}

    def is_ready(self) -> bool:
        """Whether it has what the pins say."""
        stamp = self.folder / ".installed"
        return stamp.exists() and stamp.read_text() == self._fingerprint()

    def make(self, told: Callable[[str], None]) -> None:
        """Make it; `told` hears what pip is at.

        Raises:
            NotInstalled: pip gave up.
        """
        _run([sys.executable, "-m", "venv", "--clear", str(self.folder)], told)
        pip = [str(self.python()), "-m", "pip", "install", "--disable-pip-version-check"]
        _run([*pip, "--no-compile", "--requirement", str(self.pins)], told)
        (self.folder / ".installed").write_text(self._fingerprint())

    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def prepare(self, console: Console, what: str) -> None:
        """Make it if it is not ready, and say so; `what` names its packages.

        Raises:
            typer.Exit: it cannot be made.
        """
        if self.is_ready():
            return
        pins, folder = (path.relative_to(BENCH.parent) for path in (self.pins, self.folder))
        console.print(
            f"{what} no dependencies of this project: {len(self.pinned())} packages, pinned in"
            f" {pins}, go into {folder}. This happens once and takes a minute or two."
        )
        with console.status("installing") as status:
            try:
                self.make(lambda name: status.update(f"installing: {name}"))
            except NotInstalled as failure:
                console.print(f"[red]They could not be installed:[/]\n{failure}", highlight=False)
                raise typer.Exit(1) from None

    def _fingerprint(self) -> str:
        return sha256(self.pins.read_bytes() + sys.version.encode()).hexdigest()


PEERS = Environment(BENCH / "peers.txt", BENCH.parent / ".venv-peers")
"""The frameworks of the curve."""


def _run(command: list[str], told: Callable[[str], None]) -> None:
    last: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            last.append(line)
            if line.startswith("Collecting "):
                told(line.split()[1])
            elif line.startswith("Installing "):
                told("unpacking them")
    if process.returncode:
        raise NotInstalled("".join(last))
