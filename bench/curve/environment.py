"""The environment of the peers: made on first use, and again when its pins change."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
PINS = BENCH / "peers.txt"
FOLDER = BENCH.parent / ".venv-peers"


class NotInstalled(Exception):
    """The packages of the peers could not be installed, and what pip said."""


def pinned() -> dict[str, str]:
    """Versions by name."""
    lines = (line.strip() for line in PINS.read_text().splitlines())
    pairs = (line.partition("==") for line in lines if line and not line.startswith("#"))
    return {name: version for name, _, version in pairs}


def is_ready() -> bool:
    """Whether the environment has what the pins say."""
    stamp = FOLDER / ".installed"
    return stamp.exists() and stamp.read_text() == _fingerprint()


def make(told: Callable[[str], None]) -> None:
    """Make the environment; `told` hears what pip is at.

    Raises:
        NotInstalled: pip gave up.
    """
    _run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], told)
    pip = [str(python()), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    _run([*pip, "--requirement", str(PINS)], told)
    (FOLDER / ".installed").write_text(_fingerprint())


def python() -> Path:
    """The interpreter of the environment."""
    return FOLDER / "bin" / "python"


def _fingerprint() -> str:
    return sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()


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
