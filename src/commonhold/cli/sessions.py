"""`commonhold sessions`: find a conversation, read it, follow it, take it along, fork it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from commonhold.cli import export as exporting
from commonhold.cli import filters, log
from commonhold.cli.console import err, out, print_json
from commonhold.cli.conversation import Conversation
from commonhold.cli.listing import print_sessions
from commonhold.cli.paging import every
from commonhold.cli.plain import quoted
from commonhold.cli.reaching import Url, place, sessions_at
from commonhold.cli.serve import first_line
from commonhold.contract.sessions import Sessions
from commonhold.model import wire, wire_turns
from commonhold.model.session import Message, SessionQuery
from commonhold.model.turns import Event
from commonhold.settings.addresses import redact_url

app = typer.Typer(
    help="Find a conversation, read it, follow it, export it, fork it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Id = Annotated[str, typer.Argument(metavar="SESSION", help="The id of the session.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Full = Annotated[bool, typer.Option("--full", help="Show long tool calls and results whole.")]
Superseded = Annotated[
    bool, typer.Option("--superseded", help="Also messages that were replaced or reverted.")
]
Last = Annotated[
    int | None, typer.Option("--last", min=0, metavar="N", help="Begin with the last N messages.")
]


@app.command("list")
def list_(  # noqa: PLR0917  (the options of a command are its parameters)
    agent: filters.Agent = None,
    participant: filters.Participant = None,
    user: filters.User = None,
    holder: filters.Holder = None,
    status: filters.State = None,
    parent: filters.Parent = None,
    metadata: filters.Metadata = None,
    since: filters.Since = None,
    until: filters.Until = None,
    words: filters.Words = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")
    ] = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List sessions, newest first."""
    asyncio.run(_list(url, filters.query(locals()), limit, as_json=as_json))


@app.command()
def show(
    session: Id,
    *,
    last: Last = None,
    full: Full = False,
    superseded: Superseded = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Show a conversation: who said what, which tools were called, whose turn it was."""
    if as_json:
        asyncio.run(_show_json(url, session, last, superseded=superseded))
    else:
        asyncio.run(_show(url, session, last, full=full, superseded=superseded))


@app.command()
def tail(
    session: Id,
    *,
    start: Annotated[
        int | None, typer.Option("--from", min=0, metavar="SEQ", help="Begin at this sequence.")
    ] = None,
    last: Last = None,
    full: Full = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Follow a conversation as it goes on. Ctrl+C ends it."""
    if start is not None and last is not None:
        raise typer.BadParameter("--from and --last exclude each other.")
    after = None if start is None else max(start - 1, 0)
    try:
        asyncio.run(_tail(url, session, after, last, full=full, as_json=as_json))
    except KeyboardInterrupt:
        return


@app.command()
def export(  # noqa: PLR0917  (the options of a command are its parameters)
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SESSION]...", help="Their ids; without one, all that match."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file, when it is whole."),
    ] = None,
    include_superseded: Annotated[
        bool,
        typer.Option("--include-superseded", help="Also messages replaced or reverted."),
    ] = False,
    agent: filters.Agent = None,
    participant: filters.Participant = None,
    user: filters.User = None,
    holder: filters.Holder = None,
    status: filters.State = None,
    parent: filters.Parent = None,
    metadata: filters.Metadata = None,
    since: filters.Since = None,
    until: filters.Until = None,
    words: filters.Words = None,
    url: Url = None,
) -> None:
    """Export sessions as JSON Lines: each line a whole session, with its log, costs and state."""
    asked = filters.query(locals())
    if sessions and asked != SessionQuery():
        raise typer.BadParameter("Name sessions, or filter them; not both.")
    path = None if output is None or str(output) == "-" else output
    asyncio.run(_export(url, sessions or [], asked, path, superseded=include_superseded))


@app.command()
def fork(
    session: Id,
    *,
    at: Annotated[
        int | None,
        typer.Option("--at", min=0, metavar="N", help="Take the first N live messages; else all."),
    ] = None,
    url: Url = None,
) -> None:
    """Make a new session with the messages of this one, and print its id."""
    asyncio.run(_fork(url, session, at))


async def _list(url: str | None, asked: SessionQuery, limit: int, *, as_json: bool) -> None:
    async with sessions_at(url) as sessions:
        if as_json:
            async for session in every(sessions.list, asked, limit):
                print_json(wire.session_out(session))
            return
        found = [session async for session in every(sessions.list, asked, limit + 1)]
    if not found:
        _say_nothing(url, asked)
        return
    print_sessions(found[:limit])
    if len(found) > limit:
        err.print(f"[dim]There are more: --limit {10 * limit} shows up to {10 * limit}.[/]")


def _say_nothing(url: str | None, asked: SessionQuery) -> None:
    where = place(url)
    if asked != SessionQuery():
        err.print("No session matches. Leave out a filter to see more.")
        return
    err.print(Text(f"No session is kept at {redact_url(where)} yet."))
    if where.startswith("http"):
        err.print(Text.assemble(("Send the first message:\n  ", "dim"), first_line(where)))


async def _show(
    url: str | None, session_id: str, last: int | None, *, full: bool, superseded: bool
) -> None:
    async with sessions_at(url) as sessions:
        session = await sessions.get(session_id)
        participants = await sessions.participants(session_id)
        talk = Conversation(out, participants, full=full, superseded=superseded)
        talk.header(session, participants, await sessions.usage(session_id))
        after = await _after(sessions, session_id, last, superseded=superseded)
        shown = False
        if after:
            out.print("\n[dim]… what came before is left out[/]")
        if last != 0:
            kinds = ("message", "event")
            async for entry in log.entries(sessions, session_id, after=after, kinds=kinds):
                shown = talk.entry(entry) or shown
    if not shown and last != 0:
        out.print("\n[dim]Nothing has been said yet.[/]")


async def _show_json(
    url: str | None, session_id: str, last: int | None, *, superseded: bool
) -> None:
    async with sessions_at(url) as sessions:
        await sessions.get(session_id)
        after = await _after(sessions, session_id, last, superseded=superseded)
        if last == 0:
            return
        said = log.messages(sessions, session_id, after=after, superseded=superseded)
        async for message in said:
            print_json(wire.message_out(message))


async def _tail(
    url: str | None,
    session_id: str,
    after: int | None,
    last: int | None,
    *,
    full: bool,
    as_json: bool,
) -> None:
    async with sessions_at(url) as sessions:
        session = await sessions.get(session_id)
        if last:
            after = await _after(sessions, session_id, last)
        talk = Conversation(out, await sessions.participants(session_id), full=full)
        if err.is_terminal and not as_json:
            name = quoted(session.title or session_id, "bold")
            err.print(Text.assemble(("Following ", "dim"), name, (". Ctrl+C ends.", "dim")))
        async for entry in sessions.events(session_id, after=after):
            if as_json:
                print_json(_entry_out(entry))
            else:
                talk.entry(entry)
    err.print("[dim]The session was deleted.[/]")


async def _after(
    sessions: Sessions, session_id: str, last: int | None, *, superseded: bool = False
) -> int:
    if not last:
        return 0
    return await log.before_last(sessions, session_id, last, superseded=superseded)


def _entry_out(entry: Message | Event) -> wire.Wire:
    """A message or an event, as a timeline has it: under its kind."""
    if isinstance(entry, Message):
        return {"kind": "message", "message": wire.message_out(entry)}
    return {"kind": "event", "event": wire_turns.event_out(entry)}


async def _export(
    url: str | None,
    session_ids: list[str],
    asked: SessionQuery,
    path: Path | None,
    *,
    superseded: bool,
) -> None:
    tally = exporting.Tally()
    async with sessions_at(url) as sessions:
        chosen = (
            exporting.named(sessions, session_ids)
            if session_ids
            else exporting.listed(sessions, asked)
        )
        with exporting.opened(path) as to, exporting.progress(path) as tell:
            async for tally in exporting.export(sessions, chosen, to, superseded=superseded):
                tell(tally)
    where = f" to {path}" if path else ""
    err.print(Text(f"Exported {exporting.summary(tally)}{where}."))
    if tally.gone:
        err.print(f"[yellow]{tally.gone:,} deleted meanwhile[/], and left out.")


async def _fork(url: str | None, session_id: str, at: int | None) -> None:
    async with sessions_at(url) as sessions:
        made = await sessions.fork(session_id, at=at)
    out.print(quoted(made.session_id))
    if out.is_terminal:
        count = f"{made.message_count:,} message{'' if made.message_count == 1 else 's'}"
        out.print(Text(f"A fork of {session_id} with {count}.", "dim"))
