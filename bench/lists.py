"""`python -m bench lists`: how many lists of a thousand messages and one more are saved a second."""

from __future__ import annotations

import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import payloads, servers
from bench.servers import Served
from tests.databases import Databases
from tests.postgres import PostgresServer

LENGTH = 1000
WRITERS = 8
PROMISED = 5.0
console = Console()


class Writer:
    """An agent with a session of its own, which saves its list after every message."""

    def __init__(self, served: Served, name: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        self._path = f"/v1/sessions/{name}"
        self._name = name
        self._length = 0
        self._inside = bytearray()
        for _ in range(LENGTH):
            self._say()
        self.save()

    def save(self) -> None:
        """One more message, and the whole list is sent."""
        self._say()
        body = b'{"messages":[' + self._inside + b"]}"
        headers = {"Content-Type": "application/json"}
        self._connection.request("PUT", self._path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self._path} answered {answer.status}")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _say(self) -> None:
        if self._length:
            self._inside += b","
        self._inside += json.dumps(payloads.varied(self._name, self._length)).encode()
        self._length += 1


def lists(
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and noisier.")] = False,
) -> None:
    """Lists of a thousand messages and one more, saved by eight agents at once."""
    rounds, seconds = (1, 2.0) if quick else (5, 4.0)
    table = Table(title=f"PUT of {LENGTH:,} + 1, {WRITERS} writers: lists a second", box=None)
    for heading in ("database", "Commonhold", "fipsagents", "ratio", "promised"):
        table.add_column(heading, justify="left" if heading == "database" else "right")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="commonhold-lists-")))
        for name, ours, theirs in _sides(stack, folder):
            with console.status(name):
                found = [
                    _rate(served, seconds, n) for n in range(rounds) for served in (ours, theirs)
                ]
            us, them = statistics.median(found[::2]), statistics.median(found[1::2])
            promised = f"at least {PROMISED:g}x" if name == "Postgres" else ""
            table.add_row(name, f"{us:.0f}", f"{them:.0f}", f"{us / them:.2f}x", promised)
    console.print(table)


def _sides(stack: ExitStack, folder: Path) -> list[tuple[str, Served, Served]]:
    server = PostgresServer(durable=True).start()
    stack.callback(server.close)
    databases = Databases(server.dsn)
    ours = server.dsn(databases.create_migrated())
    theirs = server.dsn(databases.create())
    return [
        (
            "Postgres",
            stack.enter_context(servers.commonhold(ours, folder / "ours-pg.log")),
            stack.enter_context(servers.baseline("postgres", theirs, folder / "theirs-pg.log")),
        ),
        (
            "SQLite",
            stack.enter_context(
                servers.commonhold(f"sqlite:///{folder}/ours.db", folder / "ours.log")
            ),
            stack.enter_context(
                servers.baseline("sqlite", f"{folder}/theirs.db", folder / "theirs.log")
            ),
        ),
    ]


def _rate(served: Served, seconds: float, number: int) -> float:
    """Lists saved a second by writers whose sessions are there already."""
    writers = [Writer(served, f"list-{number}-{n}") for n in range(WRITERS)]
    deadline = time.perf_counter() + seconds
    started = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as threads:
        saved = sum(threads.map(lambda writer: _save_until(writer, deadline), writers))
    took = time.perf_counter() - started
    _close(writers)
    return saved / took


def _save_until(writer: Writer, deadline: float) -> int:
    saved = 0
    while time.perf_counter() < deadline:
        writer.save()
        saved += 1
    return saved


def _close(writers: Sequence[Writer]) -> None:
    for writer in writers:
        writer.close()
