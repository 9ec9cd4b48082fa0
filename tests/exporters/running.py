"""Programs with real exporters while they run, and what they were told."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.exporters.environments import Emitter

PATIENCE_S = 80

Ids = tuple[str, str]
"""Of a trace and of a span."""


class Running:
    """One program, with what it writes in files."""

    def __init__(
        self,
        emitter: Emitter,
        mode: str,
        url: str,
        folder: Path,
        *,
        name: str = "",
        count: int = 2,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name or emitter.name
        self._output = folder / f"{self.name}-{mode}.out"
        self._errors = folder / f"{self.name}-{mode}.err"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*emitter.command, mode, url, self.name, str(count)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={"PATH": os.environ["PATH"], **emitter.environ, **(environ or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def acknowledged(self) -> list[Ids]:
        """The spans whose export it was told to be a success, so far."""
        return self._told("acknowledged")

    @property
    def given_up(self) -> list[Ids]:
        """The spans it did not get rid of."""
        return self._told("failed")

    def until_acknowledged(self, count: int) -> None:
        """Return when so many spans were."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline, self._failure()
            assert self._process.poll() in (None, 0), self._failure()
            assert not self.given_up, self._failure()
            time.sleep(0.02)

    def end(self) -> Self:
        """Return when it has exported everything and ended by itself."""
        assert self._process.wait(PATIENCE_S) == 0, self._failure()
        return self

    def _told(self, word: str) -> list[Ids]:
        *whole, _ = self._output.read_text().split("\n")
        lines = [json.loads(line) for line in whole]
        return [(trace, span) for line in lines for trace, span in line.get(word, ())]

    def _failure(self) -> str:
        told = self._errors.read_text(errors="replace")[-2000:]
        return f"{self.name}: {len(self.acknowledged)} spans acknowledged; {told}"
