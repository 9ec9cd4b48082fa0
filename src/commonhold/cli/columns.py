"""Rows of a list: a table without its empty columns, or one below the other where none fits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from commonhold.cli.console import table

GAP = 2
"""Columns of the terminal between two of a table."""

UNBOUNDED = 100_000
"""The width of what no person looks at."""

SPOKEN = 16
"""What of a title or a name has to be seen."""

NAMED = 20
"""What is seen at least of the names that others gave, where there is no room for all of them."""

DOT = "  ·  "

Cells = Mapping[str, Sequence[Text]]
"""The columns of a list by their heads."""


def fitting(
    cells: Cells, spoken: str, spare: Sequence[str], width: int, *, names: Collection[str] = ()
) -> Cells | None:
    """The columns that a terminal has room for; None when none of its tables would do.

    What does not fit loses the ends of its long names first: one of them must not cost the others
    a column. Of the columns to spare the first goes first. `spoken` is a column that may be cut.
    """
    if _width(cells, spoken, SPOKEN) <= width:
        return cells
    cells = {name: _cut(column) if name in names else column for name, column in cells.items()}
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
        width = max(to.width - 2, 20)
        for below in _filled([each for each in told if each], width):
            for line in below.wrap(to, width, overflow="fold"):
                line.rstrip()
                to.print(Text("  ").append_text(line), soft_wrap=False)


def right(text: str, style: str = "") -> Text:
    """A number."""
    return Text(text, style, justify="right")


def _cut(column: Sequence[Text]) -> Sequence[Text]:
    short = [text.copy() for text in column]
    for text in short:
        text.truncate(NAMED, overflow="ellipsis")
    return short


def _filled(parts: Sequence[Text], width: int) -> Iterator[Text]:
    """Parts side by side as long as they fit, so that lines end between them."""
    line = Text()
    for part in parts:
        if line and line.cell_len + len(DOT) + part.cell_len > width:
            yield line
            line = Text()
        line = Text.assemble(line, DOT if line else "", part)
    yield line


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
