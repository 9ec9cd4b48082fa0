"""A conversation for the eye: who said what, which tools were called, whose turn it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from commonhold.cli import happenings
from commonhold.cli.plain import on_line, quoted, visible
from commonhold.cli.times import day, local, span
from commonhold.model import clock
from commonhold.model.pieces import Kind, Piece, pieces
from commonhold.model.session import Message, Session
from commonhold.model.turns import Event, Participant
from commonhold.model.usage import Usage

COLOURS = (
    "cyan",
    "magenta",
    "green",
    "blue",
    "yellow",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
)
SHORT_LINES = 6
SHORT = 480
"""Lines and characters of a tool's arguments or result that are shown of a long one."""

_STATUS = {"running": "green", "waiting": "yellow", "idle": "dim"}
_STYLES: dict[Kind, str] = {"thought": "dim italic"}


@dataclass(slots=True)
class Palette:
    """A colour for each agent: the same in every session, unless two would share it."""

    _taken: dict[str, str] = field(default_factory=dict)

    def of(self, agent: str) -> str:
        """The colour of an agent."""
        if agent not in self._taken:
            start = sha256(agent.encode("utf-8", "replace")).digest()[0]
            wheel = [COLOURS[(start + step) % len(COLOURS)] for step in range(len(COLOURS))]
            used = set(self._taken.values())
            self._taken[agent] = next((one for one in wheel if one not in used), wheel[0])
        return self._taken[agent]


class Conversation:
    """Prints the log of a session, entry by entry."""

    def __init__(
        self,
        console: Console,
        participants: Sequence[Participant] = (),
        *,
        full: bool = False,
        superseded: bool = False,
    ) -> None:
        self._console = console
        self._full = full
        self._superseded = superseded
        self._palette = Palette()
        self._tools: dict[str, str] = {}
        self._day = ""
        for each in participants:
            self._palette.of(each.agent)

    def header(self, session: Session, participants: Sequence[Participant], usage: Usage) -> None:
        """Print what there is to know about the session before its first word."""
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(overflow="fold")
        for name, value in self._facts(session, participants, usage):
            facts.add_row(name, value)
        self._day = day(session.created_at)
        title = quoted(session.title or session.session_id, "bold")
        self._print(Panel(facts, title=title, title_align="left", border_style="dim"))

    def entry(self, entry: Message | Event) -> bool:
        """Print a message or an event; whether there was anything to print."""
        if isinstance(entry, Message):
            if entry.superseded_at is not None and not self._superseded:
                return False
            self._message(entry)
        else:
            self._event(entry)
        return True

    def _facts(
        self, session: Session, participants: Sequence[Participant], usage: Usage
    ) -> Iterator[tuple[str, Text]]:
        yield "session", quoted(session.session_id)
        yield "began", Text(local(session.created_at))
        yield "agents", self._agents(session, participants)
        if session.user:
            yield "user", quoted(session.user)
        yield "status", standing(session)
        if session.open_tool_calls:
            yield "open calls", quoted(", ".join(session.open_tool_calls), "yellow")
        if session.parent_session_id:
            yield "forked from", _parent(session)
        yield "messages", Text(f"{session.message_count:,}")
        if used := _used(usage):
            yield "used", quoted(used)

    def _agents(self, session: Session, participants: Sequence[Participant]) -> Text:
        seen = dict.fromkeys(each.agent for each in participants)
        names = [*seen, *(name for name in (session.agent, session.holder) if name not in seen)]
        shown = [self._name(name) for name in dict.fromkeys(names) if name]
        if session.holder and len(shown) > 1:
            return Text.assemble(
                Text(", ").join(shown), "  (now with ", self._name(session.holder), ")"
            )
        return Text(", ").join(shown) or Text("nobody in particular", "dim")

    def _message(self, message: Message) -> None:
        said = pieces(message.content)
        gone = message.superseded_at is not None
        self._print(Text())
        self._print(self._headline(message, said, gone=gone))
        for piece in said:
            if piece.kind == "call" and piece.call_id:
                self._tools[piece.call_id] = piece.name
            for line in self._piece(piece):
                line.stylize("dim strike" if gone else "")
                self._print(line)

    def _headline(self, message: Message, said: Sequence[Piece], *, gone: bool) -> Text:
        role, agent = on_line(message.role or ""), on_line(message.agent)
        # One API wants the results of tools from the user, who knows nothing of them.
        if role == "user" and all(piece.kind == "result" for piece in said):
            role = "tool"
        if role == "user" or not agent:
            who = Text(role or "somebody", "bold")
            who.append(f"  through {agent}" if agent else "", "dim not bold")
        else:
            who = self._name(agent)
            who.append(f"  {role}" if role else "", "not bold")
        when = f"  {self._time(message)}  #{message.seq}{'  superseded' if gone else ''}"
        return Text.assemble(who, (when, "dim"), style="strike" if gone else "", no_wrap=True)

    def _time(self, entry: Message | Event) -> str:
        today, self._day = self._day, day(entry.created_at)
        return local(entry.created_at, with_date=self._day != today)

    def _piece(self, piece: Piece) -> Iterator[Text]:
        if piece.kind == "call":
            given, _ = self._cut(on_line(piece.text))
            name, _ = self._cut(on_line(piece.name))
            line = Text.assemble(("→ ", "dim"), (name, "bold"), f"({given})")
            yield from self._wrapped(line, 4)
        elif piece.kind == "result":
            yield from self._result(piece)
        elif piece.kind == "other":
            shown, left = self._cut(visible(piece.text))
            yield from self._wrapped(Text(f"{shown} ({left} more)" if left else shown, "dim"))
        else:
            said = quoted(piece.text, _STYLES.get(piece.kind, ""), one_line=False)
            yield from self._wrapped(said)

    def _result(self, piece: Piece) -> Iterator[Text]:
        shown, left = self._cut(visible(piece.text).strip("\n") or "(nothing)")
        name, _ = self._cut(on_line(self._tools.get(piece.call_id, "")))
        head = Text.assemble(("← ", "dim"), (name, "bold"))
        if "\n" in shown and name:
            yield from self._wrapped(head)
            yield from self._wrapped(Text(shown), 4, 4)
        else:
            yield from self._wrapped(head.append(f"  {shown}" if name else shown), 4)
        if left:
            yield Text(f"    … {left} more", "dim")

    def _cut(self, text: str) -> tuple[str, str]:
        """The beginning of a long text, and how much more there is."""
        lines = text.split("\n")
        kept = text if self._full else "\n".join(lines[:SHORT_LINES])
        if len(kept) > SHORT and not self._full:
            return f"{kept[:SHORT]}…", f"{len(text) - SHORT:,} characters"
        left = 0 if self._full else max(len(lines) - SHORT_LINES, 0)
        return kept, f"{left:,} line{'' if left == 1 else 's'}" if left else ""

    def _event(self, event: Event) -> None:
        told = happenings.told(event)
        title = Text(f"── {on_line(told.sentence)}  {self._time(event)} ", "dim")
        title.append("─" * (self._console.width - title.cell_len))
        self._print(Text())
        self._print(title)
        for words in told.details:
            shown, left = self._cut(visible(words))
            for line in self._wrapped(Text(f"{shown} ({left} more)" if left else shown, "dim")):
                self._print(line)

    def _wrapped(self, text: Text, hanging: int = 2, first: int = 2) -> Iterator[Text]:
        """A text as lines that fit, indented; those behind the first by `hanging`."""
        width = max(self._console.width - hanging, 20)
        for at, line in enumerate(text.wrap(self._console, width, overflow="fold")):
            line.rstrip()
            yield Text(" " * (hanging if at else first)).append_text(line) if line else line

    def _name(self, agent: str) -> Text:
        return quoted(agent, f"bold {self._palette.of(agent)}")

    def _print(self, what: RenderableType) -> None:
        self._console.print(what, soft_wrap=False)


def standing(session: Session, *, until: bool = True) -> Text:
    """The status of a session in its colour, who has the turn, and for how long."""
    told = Text(on_line(session.status), _STATUS.get(session.status, ""))
    if session.lease_holder is not None:
        told.append(f" {on_line(session.lease_holder)}")
    left = 0 if session.lease_expires_at is None else session.lease_expires_at - clock.now()
    if until and left > 0:
        told.append(f", {span(left // 1_000_000)} left", "dim")
    return told


def _parent(session: Session) -> Text:
    told = quoted(session.parent_session_id or "")
    if session.forked_at_message_id:
        told.append(f" at {on_line(session.forked_at_message_id)}", "dim")
    return told


def _used(usage: Usage) -> str:
    if not (usage.input_tokens or usage.output_tokens or usage.turn_count):
        return ""
    parts = [f"tokens: {usage.input_tokens:,} in, {usage.output_tokens:,} out"]
    if usage.turn_count:
        parts.append(f"turns: {usage.turn_count:,}")
    if usage.cost_usd is not None:
        parts.append(f"${usage.cost_usd:,.4f}" if usage.cost_usd >= 0.0001 else "below $0.0001")
    return " · ".join([*parts, *([usage.model] if usage.model else [])])
