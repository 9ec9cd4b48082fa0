"""Log lines written in batches: a flush per request would cost more than the request's log line."""

from __future__ import annotations

import io
import logging
import os
import threading
from typing import TextIO

FLUSH_S = 0.05
"""How long a line may wait, in seconds. Warnings do not wait."""


class BatchedHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a file descriptor, and flushes them together.

    A process that is killed outright may lose its last lines of level info, and no others.
    """

    def __init__(self, descriptor: int = 2) -> None:
        raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115
        text = io.TextIOWrapper(io.BufferedWriter(raw, 1 << 16), "utf-8", "backslashreplace")
        super().__init__(text)
        self._start()
        os.register_at_fork(after_in_child=self._start)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line now, and flush it now or soon."""
        try:
            self.stream.write(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING:
                self.flush()
            elif not self._is_due.is_set():
                self._is_due.set()
        except Exception:  # noqa: BLE001 - as logging does: a log line never breaks its caller
            self.handleError(record)

    def _start(self) -> None:
        self._is_due = threading.Event()
        self._pause = threading.Event()
        threading.Thread(target=self._flush_forever, name="commonhold-log", daemon=True).start()

    def _flush_forever(self) -> None:
        while True:
            self._is_due.wait()
            self._pause.wait(FLUSH_S)  # never set: a sleep that needs no clock
            self._is_due.clear()
            self.flush()
