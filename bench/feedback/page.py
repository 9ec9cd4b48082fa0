"""What a run found, for a terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from rich.table import Table

from bench.environment import BENCH
from bench.feedback.measure import ROUNDS, SECONDS
from bench.feedback.results import FLAT_MB, GROWTH, KEPT, Exported, Found, extra_mb, ratio
from bench.traces.endurance import LINES
from bench.traces.plot import GREY, PALE
from bench.traces.subjects import NAMES

FOLDER = BENCH.parent / "docs" / "reference"

HEAD = """\
# Feedback, from ten thousand records to ten million

<!-- Written by `python -m bench feedback --publish`; edit `bench/feedback/page.py` instead. -->

What does a question cost when there are a thousand times as many records, and what does it cost to count them as they are written?

![Milliseconds over records](feedback.png)

Times and rates are those of one small machine of two cores: compare them with one another, not with times from elsewhere.
"""

READS = f"""\
## Reads

One call over HTTP, median of forty, in milliseconds.
The list joins the question and the answer to each of its fifty records; the statistics give thumbs and ratio of every agent on each of ninety days.
At most {GROWTH:g} times the cost among the fewest is promised.
"""

WRITES = f"""\
## Writes

A thumb on a turn, `POST /v1/feedback` over eight connections, with what the statistics are read from kept in its transaction, and with the triggers that keep it switched off.
Both are measured in turn, {SECONDS} s each, {ROUNDS} times; what is kept is the median of the pairs, and at least {KEPT:.0%} is promised.
"""

EXPORTS = f"""\
## Files

`GET /v1/feedback/export` of everything, with the memory that the service took more than before.
A long file may take {FLAT_MB:g} MB more than a short one.
"""

METHOD = """\
## How it is measured

A thousand thumbs of ten votes a turn, on the turns of twenty sessions of five agents, are written through the service.
The records are spread evenly over ninety days; they, their sessions and their messages are then copied in the database with other ids and at other times in between, and what is counted is counted again.
The service is started anew at each size.
A page of a list is read whole, and every answer is checked.

```console
$ make bench ARGS=feedback             # everything, about an hour, 30 GB of disk
$ make bench ARGS="feedback --quick"   # up to 100,000 records
```
"""


def tables(found: Found) -> Iterator[Table]:
    """For a terminal."""
    for title, rows in _parts(found):
        table = Table(title=f"{NAMES[found.backend]}: {title}", title_justify="left")
        for place, heading in enumerate(rows[0]):
            table.add_column(heading, justify="right" if place else "left")
        for row in rows[1:]:
            table.add_row(*row)
        yield table


def publish(found: Sequence[Found]) -> None:
    """Write the page and its plot."""
    plot(found, FOLDER / "feedback.png")
    parts = [HEAD]
    for number, text in enumerate((READS, WRITES, EXPORTS)):
        parts.append(text)
        parts += [_markdown(NAMES[each.backend], _parts(each)[number][1]) for each in found]
    (FOLDER / "feedback.md").write_text("\n".join([*parts, METHOD]))


def _markdown(name: str, rows: list[list[str]]) -> str:
    lines = [_line([f"{name}{', ' if rows[0][0] else ''}{rows[0][0]}", *rows[0][1:]])]
    lines.append("|---|" + "---:|" * (len(rows[0]) - 1))
    return "\n".join([*lines, *map(_line, rows[1:])]) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _parts(found: Found) -> list[tuple[str, list[list[str]]]]:
    return [
        ("ms of a read", _reads(found)),
        ("writes", _writes(found)),
        ("files", [_OF_FILES, *(_file(each) for each in found.exports), _extra(found.exports)]),
    ]


_OF_FILES = ["", "records", "records/s", "size", "more memory"]


def _reads(found: Found) -> list[list[str]]:
    sizes = sorted(next(iter(found.reads.values())))
    rows = [["", *(f"{size:,}" for size in sizes), "ratio"]]
    for what, times in found.reads.items():
        rows.append([what, *(f"{times[size]:.2f}" for size in sizes), f"{ratio(times):.2f}x"])
    return rows


def _writes(found: Found) -> list[list[str]]:
    rates = [f"{median(rates):,.0f}" for rates in (found.counted, found.uncounted)]
    return [["", "counted/s", "not counted/s", "kept"], ["thumbs", *rates, f"{found.kept:.0%}"]]


def _file(one: Exported) -> list[str]:
    rate = one.records / one.seconds
    sizes = [f"{one.size / 1e6:,.1f} MB", f"{one.grown / 1e6:,.0f} MB"]
    return [f"{one.shape}, {one.format}", f"{one.records:,}", f"{rate:,.0f}", *sizes]


def _extra(exports: Sequence[Exported]) -> list[str]:
    return ["the longest over the shortest, at worst", "", "", "", f"{extra_mb(exports):,.0f} MB"]


def plot(found: Sequence[Found], path: Path) -> None:
    """Reads over how many records there are, one panel for each kind."""
    kinds = [*found[0].reads]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        for each in found:
            sizes, times = zip(*sorted(each.reads[kind].items()), strict=True)
            line = {"color": LINES[each.backend], "linewidth": 1.8, "marker": "o"}
            axes.plot(sizes, times, label=NAMES[each.backend], **line)
        axes.set_title(kind, loc="left", fontsize=11)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0, top=1.25 * axes.get_ylim()[1])
        axes.set_xlabel("records")
        axes.grid(visible=True, axis="y", color=PALE, linewidth=0.8)
        axes.tick_params(colors=GREY, length=0, which="both")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("ms")
    panels[0].legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, facecolor="white")
