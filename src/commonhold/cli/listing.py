"""Sessions as a table, or one below the other where a table does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from commonhold.cli.columns import (
    Cells,
    fitting,
    print_stacked,
    print_table,
    print_whole,
    right,
)
from commonhold.cli.console import out
from commonhold.cli.conversation import Palette, standing
from commonhold.cli.plain import quoted
from commonhold.cli.times import ago
from commonhold.model.session import Session

_SPARE = ("user",)
_NAMES = ("agent", "user")


def print_sessions(found: Sequence[Session]) -> None:
    """Print sessions in the order given; to a pipe always as a table, with nothing cut."""
    cells = _cells(found)
    if not out.is_terminal:
        print_whole(cells, "title", out)
    elif table := fitting(cells, "title", _SPARE, out.width, names=_NAMES):
        print_table(table, "title", out)
    else:
        _print_stacked(cells)


def _cells(found: Sequence[Session]) -> dict[str, Sequence[Text]]:
    palette = Palette()
    return {
        "id": [quoted(each.session_id) for each in found],
        "created": [Text(ago(each.created_at), "dim") for each in found],
        "agent": [_agents(each, palette) for each in found],
        "user": [quoted(each.user) for each in found],
        "msgs": [right(f"{each.message_count:,}") for each in found],
        "status": [standing(each, until=False) for each in found],
        "title": [quoted(each.title or "") for each in found],
    }


def _agents(session: Session, palette: Palette) -> Text:
    names = dict.fromkeys(name for name in (session.agent, session.holder) if name)
    return Text(" → ").join(quoted(name, palette.of(name)) for name in names)


def _print_stacked(cells: Cells) -> None:
    heads = [
        Text.assemble(session_id, "  ", created, (f"  {_messages(count.plain)}", "dim"))
        for session_id, created, count in zip(
            cells["id"], cells["created"], cells["msgs"], strict=True
        )
    ]
    rest = zip(*(cells[name] for name in ("status", "agent", "user", "title")), strict=True)
    print_stacked(heads, list(rest), out)


def _messages(count: str) -> str:
    return f"{count} message{'' if count == '1' else 's'}"
