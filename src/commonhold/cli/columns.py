"""Rows of a list: a table without its empty columns, or one below the other where none fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from commonhold.cli.console import table

GAP = 2
"""Columns of the terminal between two of a table."""

UNBOUNDED = 100_000
"""The width of what no person looks at."""

SPOKEN = 16
"""What of a title or a name has to be seen."""

Cells = Mapping[str, Sequence[Text]]
"""The columns of a list by their heads."""


def fitting(cells: Cells, spoken: str, spare: Sequence[str], width: int) -> Cells | None:
    """The columns that a terminal has room for; None when none of its tables would do.

    Of those to spare the first goes first. `spoken` is a column that may be cut.
    """
    for count in range(len(spare) + 1):
        left = {name: column for name, column in cells.items() if name not in spare[:count]}
        if _width(left, spoken, SPOKEN) <= width:
            return left
    return None


def print_table(cells: Cells, spoken: str, to: Console) -> None:
    """A table without the columns that are empty; of what may be cut, what there is room for."""
    room = max(to.width - _width(cells, spoken, 0), SPOKEN)
    for text in cells[spoken]:
        text.truncate(room, overflow="ellipsis")
    columns = {name: column for name, column in cells.items() if any(column)}
    lines = table(*columns)
    lines.padding = (0, GAP, 0, 0)
    for column in lines.columns:
        column.no_wrap = True
    for row in zip(*columns.values(), strict=True):
        lines.add_row(*row)
    to.print(lines, soft_wrap=False)


def print_whole(cells: Cells, spoken: str, to: Console) -> None:
    """A table with nothing cut, as a file or a pipe gets it."""
    print_table(cells, spoken, Console(file=to.file, width=UNBOUNDED, highlight=False))


def print_stacked(heads: Sequence[Text], rest: Sequence[Sequence[Text]], to: Console) -> None:
    """Two lines or more for each, as a narrow terminal has room for."""
    for head, told in zip(heads, rest, strict=True):
        to.print(head, soft_wrap=False)
        below = Text("  ·  ").join(each for each in told if each)
        for line in below.wrap(to, max(to.width - 2, 20), overflow="fold"):
            line.rstrip()
            to.print(Text("  ").append_text(line), soft_wrap=False)


def right(text: str, style: str = "") -> Text:
    """A number."""
    return Text(text, style, justify="right")


def _width(cells: Cells, spoken: str, most: int) -> int:
    """The width of a table without empty columns, and with so much of what may be cut."""
    widest = {
        name: max([len(name), *(cell.cell_len for cell in column)])
        for name, column in cells.items()
        if any(column)
    }
    if spoken in widest:
        widest[spoken] = min(widest[spoken], most)
    return sum(widest.values()) + GAP * (len(widest) - 1)
