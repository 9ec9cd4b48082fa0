"""Environments for the programs that have real exporters: made once, and kept between sessions."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
PATIENCE_S = 100


class Missing(Exception):
    """An environment cannot be made here, and why."""


@dataclass(frozen=True, slots=True)
class Emitter:
    """A real exporter: how its program is run, and what it is called there."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


PYTHON = {"python-1.44": "protobuf_1_44", "python": "protobuf_1_45", "python-json": "json_1_45"}
"""Exporters of Python by the list of what is in their environment."""

NODE = {"node": "proto", "node-json": "http"}
"""Exporters of Node.js by the end of the name of their package."""

NAMES = (*PYTHON, *NODE)


def emitter(name: str, cache: Path) -> Emitter:
    """The exporter of that name, ready to run.

    Raises:
        Missing: a tool is not installed, or a registry cannot be reached.
    """
    if name in PYTHON:
        python = _python(PYTHON[name], cache)
        kind = "json" if "json" in name else "proto"
        return Emitter(name, (str(python), str(HERE / "emit.py"), kind))
    command = ("node", str(HERE / "emit.cjs"), NODE[name])
    return Emitter(name, command, {"NODE_PATH": str(node_packages(HERE / "node", cache))})


def _python(requirements: str, cache: Path) -> Path:
    source = HERE / "requirements" / f"{requirements}.txt"
    folder = cache / requirements
    python = folder / "bin" / "python"
    with _to_be_made(folder, [source]) as is_needed:
        if is_needed:
            # With our own pip: to give each environment one takes longer than all the rest.
            _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            _run([*pip, "--no-deps", "--no-compile", "--requirement", str(source)])
    return python


def node_packages(source: Path, cache: Path) -> Path:
    """The folder with packages of Node.js, as the lock file in `source` has them.

    Raises:
        Missing: a tool is not installed, or a registry cannot be reached.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        raise Missing("node and npm are not installed")
    sources = [source / name for name in ("package.json", "package-lock.json")]
    folder = cache / source.name
    with _to_be_made(folder, sources) as is_needed:
        if is_needed:
            folder.mkdir(exist_ok=True)
            for each in sources:
                shutil.copy(each, folder)
            _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    return folder / "node_modules"


@contextmanager
def _to_be_made(folder: Path, sources: Sequence[Path]) -> Iterator[bool]:
    """Whether a folder is to be made of some files, in one process at a time."""
    wanted = "".join(each.read_text() for each in sources) + sys.version
    made = folder.with_suffix(".made")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists() and made.read_text() == wanted and folder.exists():
            yield False
            return
        made.unlink(missing_ok=True)
        yield True
        made.write_text(wanted)


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} took longer than {PATIENCE_S} seconds") from None
    if done.returncode:
        raise Missing(f"{' '.join(command[:4])} failed: {done.stderr[-1000:]}")
