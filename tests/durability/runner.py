"""A runner as a process of its own: it does what it is told, one line of JSON at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, is_dataclass
from typing import Any, Self

import commonhold
from commonhold.errors import CommonholdError


class Runner:
    """That process, and the pipes to it."""

    def __init__(self, url: str, agent: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.runner", url, agent],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, method: str, *args: Any, **options: Any) -> None:
        """Tell it what to call, and do not wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([method, args, options]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """What came of the next call."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the runner is gone"
        heard: dict[str, Any] = json.loads(line)
        return heard

    def call(self, method: str, *args: Any, **options: Any) -> dict[str, Any]:
        """Call a method of sessions in that process."""
        self.tell(method, *args, **options)
        return self.hear()

    def pause(self) -> None:
        """Stop it where it stands; return when it has stopped."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on, as if nothing had happened."""
        os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


async def serve(url: str, agent: str) -> None:
    """Call what the lines of standard input say, and print what comes of it."""
    async with commonhold.connect(url, agent=agent) as stores:
        while line := await asyncio.to_thread(sys.stdin.readline):
            method, args, options = json.loads(line)
            try:
                answer = await getattr(stores.sessions, method)(*args, **options)
                told = asdict(answer) if is_dataclass(answer) else {}  # type: ignore[arg-type]
            except CommonholdError as error:
                told = {"error": type(error).__name__, "code": error.code}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
