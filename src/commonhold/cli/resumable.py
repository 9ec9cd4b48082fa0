"""A file that is written piece by piece, and goes on where it was cut.

What is there so far is in `FILE.part`, how far that is in `FILE.resume`: a size, and the cursor
behind it. Whatever was written after the last state, a crash say, is cut away before it goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from commonhold.errors import InvalidRequest
from commonhold.service.lessons import Skipped


@dataclass(frozen=True, slots=True)
class State:
    """How far a file is: without a cursor it is whole. `asked` tells whose file it is."""

    asked: Mapping[str, Any]
    size: int = 0
    cursor: str | None = None
    since: int | None = None
    until: int | None = None
    records: int = 0
    lines: int = 0
    skipped: dict[Skipped, int] = field(default_factory=dict)


_decode = msgspec.json.Decoder(State).decode


class Resumable:
    """The file at a path, while it is not whole."""

    def __init__(self, path: Path) -> None:
        self._final = Path(os.path.realpath(path))
        if self._final.exists() and not self._final.is_file():
            raise InvalidRequest(f"{path} is not a file.")
        self._part = self._final.with_name(f"{self._final.name}.part")
        self._state = self._final.with_name(f"{self._final.name}.resume")
        self._told = path
        self._to: IO[bytes] | None = None

    def state(self, asked: Mapping[str, Any]) -> State | None:
        """How far an earlier run came; None where there was none.

        Raises:
            InvalidRequest: what is there is of another question, or was damaged.
        """
        try:
            found = _decode(self._state.read_bytes())
            size = self._part.stat().st_size
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise self._refused("cannot be read") from error
        if size < found.size:
            raise self._refused(f"says more than there is in {self._part.name}")
        if found.asked != asked:
            raise self._refused("is of an export that was asked for something else")
        return found

    def open(self, state: State | None) -> None:
        """Begin, or go on behind what the state tells of.

        Raises:
            InvalidRequest: the file cannot be written.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            if state is None:
                self._state.unlink(missing_ok=True)
            to = os.fdopen(os.open(self._part, flags, 0o600), "r+b")
        except OSError as error:
            raise InvalidRequest(f"{self._told} cannot be written: {error.strerror}.") from error
        to.truncate(0 if state is None else state.size)
        to.seek(0, os.SEEK_END)
        self._to = to

    def write(self, data: bytes) -> int:
        """Add a piece, which is on the disk when this returns; the size of the file."""
        assert self._to is not None  # noqa: S101  (it was opened)
        self._to.write(data)
        self._to.flush()
        os.fsync(self._to.fileno())
        return self._to.tell()

    def keep(self, state: State) -> None:
        """Remember how far it is: the state before, or this one, and never half of it."""
        fresh = self._state.with_name(f"{self._state.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as to:
            to.write(msgspec.json.encode(state))
            to.flush()
            os.fsync(to.fileno())
        fresh.replace(self._state)

    def finish(self) -> None:
        """The file is whole and takes its name."""
        self.close()
        self._part.replace(self._final)
        self._state.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave it as it is."""
        if self._to is not None:
            self._to.close()
            self._to = None

    def _refused(self, why: str) -> InvalidRequest:
        return InvalidRequest(
            f"{self._state.name} {why}. Leave --resume out to begin again from the start."
        )
