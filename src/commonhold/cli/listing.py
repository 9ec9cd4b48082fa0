"""Sessions as a table, or one below the other where a table does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from commonhold.cli.console import out, table
from commonhold.cli.conversation import Palette, standing
from commonhold.cli.plain import quoted
from commonhold.cli.times import ago
from commonhold.model.session import Session

GAP = 2
"""Columns between two columns of a table."""

UNBOUNDED = 100_000
"""The width of what no person looks at."""

TITLE = 16
"""What of a title has to be seen."""

Cells = Sequence[Text]


def print_sessions(found: Sequence[Session]) -> None:
    """Print sessions in the order given; to a pipe always as a table, with nothing cut."""
    cells = _cells(found)
    if not out.is_terminal:
        _print_table(cells, Console(file=out.file, width=UNBOUNDED, highlight=False))
    elif _width(cells, TITLE) <= out.width:
        _print_table(cells, out)
    elif _width({**cells, "user": ()}, TITLE) <= out.width:
        _print_table({**cells, "user": ()}, out)
    else:
        _print_stacked(cells)


def _cells(found: Sequence[Session]) -> dict[str, Cells]:
    palette = Palette()
    return {
        "id": [quoted(each.session_id) for each in found],
        "created": [Text(ago(each.created_at), "dim") for each in found],
        "agent": [_agents(each, palette) for each in found],
        "user": [quoted(each.user) for each in found],
        "msgs": [Text(f"{each.message_count:,}", justify="right") for each in found],
        "status": [standing(each, until=False) for each in found],
        "title": [quoted(each.title or "") for each in found],
    }


def _agents(session: Session, palette: Palette) -> Text:
    names = dict.fromkeys(name for name in (session.agent, session.holder) if name)
    return Text(" → ").join(quoted(name, palette.of(name)) for name in names)


def _width(cells: Mapping[str, Cells], title: int | None = None) -> int:
    """The width of a table without empty columns, and with so much of the titles."""
    widest = {
        name: max([len(name), *(cell.cell_len for cell in column)])
        for name, column in cells.items()
        if any(column)
    }
    if title is not None and "title" in widest:
        widest["title"] = min(widest["title"], title)
    return sum(widest.values()) + GAP * (len(widest) - 1)


def _print_table(cells: Mapping[str, Cells], to: Console) -> None:
    """A table without the columns that are empty; of titles, what there is room for."""
    room = max(to.width - _width(cells, 0), TITLE)
    for title in cells["title"]:
        title.truncate(room, overflow="ellipsis")
    columns = {name: column for name, column in cells.items() if any(column)}
    lines = table(*columns)
    lines.padding = (0, GAP, 0, 0)
    for column in lines.columns:
        column.no_wrap = True
    for row in zip(*columns.values(), strict=True):
        lines.add_row(*row)
    to.print(lines, soft_wrap=False)


def _print_stacked(cells: Mapping[str, Cells]) -> None:
    """Two lines or more for each, as a narrow terminal has room for."""
    for at, session_id in enumerate(cells["id"]):
        count = cells["msgs"][at].plain
        said = f"  {count} message{'' if count == '1' else 's'}"
        head = Text.assemble(session_id, "  ", cells["created"][at], (said, "dim"))
        rest = [cells[name][at] for name in ("status", "agent", "user", "title")]
        out.print(head, soft_wrap=False)
        below = Text("  ·  ").join(each for each in rest if each)
        for line in below.wrap(out, max(out.width - 2, 20), overflow="fold"):
            line.rstrip()
            out.print(Text("  ").append_text(line), soft_wrap=False)
