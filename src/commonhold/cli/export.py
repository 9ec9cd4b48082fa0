"""`commonhold sessions export`: sessions as JSON Lines, one at a time, in memory that stays flat."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from commonhold.cli import log
from commonhold.cli.console import err, output
from commonhold.cli.paging import every
from commonhold.contract.sessions import Sessions
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model import wire, wire_turns
from commonhold.model.json_lines import json_line
from commonhold.model.session import SessionQuery
from commonhold.model.turns import Event

IN_MEMORY = 1 << 22
"""Bytes of one session that are kept in memory; a longer one waits in a temporary file."""


@dataclass(slots=True)
class Tally:
    """What has been exported so far, and what was deleted before it could be."""

    sessions: int = 0
    messages: int = 0
    gone: int = 0


async def export(
    sessions: Sessions, chosen: AsyncIterable[str], to: IO[bytes], *, superseded: bool
) -> AsyncIterator[Tally]:
    """Write a line for each session, whole or not at all; how far it is after each page."""
    tally = Tally()
    async for session_id in chosen:
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
            try:
                async for count in _line(sessions, session_id, spool, superseded=superseded):
                    yield Tally(tally.sessions, tally.messages + count, tally.gone)
            except NotFound:
                tally.gone += 1
                continue
            spool.seek(0)
            shutil.copyfileobj(spool, to)
        tally.sessions += 1
        tally.messages += count
        yield tally
    yield tally


async def _line(
    sessions: Sessions, session_id: str, to: IO[bytes], *, superseded: bool
) -> AsyncIterator[int]:
    """Write the line of one session; how many of its messages are in it so far."""

    def write(text: str) -> None:
        to.write(text.encode())

    count = 0
    session = await sessions.get(session_id)
    write(f'{{"session":{json_line(wire.session_out(session))},"messages":[')
    yield count
    async for message in log.messages(sessions, session_id, superseded=superseded):
        write(f"{',' if count else ''}{json_line(wire.message_out(message))}")
        count += 1
        if count % log.PAGE == 0:
            yield count
    write('],"events":[')
    comma = ""
    async for entry in log.entries(sessions, session_id, kinds=("event",)):
        if isinstance(entry, Event):
            write(f"{comma}{json_line(wire_turns.event_out(entry))}")
            comma = ","
    cost = json_line(wire.raw(await sessions.cost(session_id)))
    state = json_line(wire.raw(await sessions.state(session_id)))
    write(f'],"cost_data":{cost},"state":{state}}}\n')
    yield count


async def named(sessions: Sessions, session_ids: Sequence[str]) -> AsyncIterator[str]:
    """The sessions that were asked for by id, each once.

    Raises:
        NotFound: one of them does not exist, before the first is given.
    """
    wanted = dict.fromkeys(session_ids)
    for session_id in wanted:
        await sessions.get(session_id)
    for session_id in wanted:
        yield session_id


async def listed(sessions: Sessions, asked: SessionQuery) -> AsyncIterator[str]:
    """The ids of the sessions that match."""
    async for session in every(sessions.list, asked):
        yield session.session_id


@contextlib.contextmanager
def opened(path: Path | None) -> Iterator[IO[bytes]]:
    """Where to write: standard output, or a file that takes its name when it is whole.

    Raises:
        InvalidRequest: the file cannot be written.
    """
    if path is None:
        with output() as file:
            yield file
        return
    final = Path(os.path.realpath(path))
    if final.exists() and not final.is_file():
        raise InvalidRequest(f"{path} is not a file.")
    try:
        part = tempfile.NamedTemporaryFile(  # noqa: SIM115  (it outlives this line, renamed)
            dir=final.parent, prefix=f".{final.name[:100]}.", suffix=".part", delete=False
        )
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with part:
            yield part
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).replace(final)
    except BaseException:
        Path(part.name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def progress(path: Path | None) -> Iterator[Callable[[Tally], None]]:
    """Show how far it is on standard error, when a person sees it and no line comes between."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    silent = not err.is_terminal or (path is None and sys.stdout.isatty())
    with Progress(*columns, console=err, transient=True, disable=silent) as bar:
        task = bar.add_task("0 sessions")
        yield lambda tally: bar.update(task, description=summary(tally))


def summary(tally: Tally) -> str:
    """How much it is: `1 session with 3 messages`."""
    return f"{_count(tally.sessions, 'session')} with {_count(tally.messages, 'message')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
