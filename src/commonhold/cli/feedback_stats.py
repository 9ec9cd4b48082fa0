"""`commonhold feedback stats`: how each group fares over time, on one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from commonhold.cli.columns import fitting, print_stacked, print_table, print_whole, right
from commonhold.cli.console import err, out
from commonhold.cli.conversation import Palette
from commonhold.cli.plain import quoted
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.score_stats import ScoreStats, ScoreStatsQuery, Tally, wilson
from commonhold.model.windows import Window, windows, zone_of

BARS = "▁▂▃▄▅▆▇█"
MOST_BARS, FEW_BARS = 32, 16
"""Bars of a trend, on a wide terminal and on a narrow one."""

WIDE = 100

_GOOD, _FAIR = 0.8, 0.6
_SPARE = ("down", "up", "Δ ratio", "records")
_NONE = Tally()


@dataclass(frozen=True, slots=True)
class Group:
    """What one group was given, window by window, and what can be said of all of it."""

    name: str | None
    by_window: Mapping[int, Tally]

    @property
    def total(self) -> Tally:
        """All windows as one."""
        return added(list(self.by_window.values()))


def added(tallies: Sequence[Tally]) -> Tally:
    """Several counts as one."""
    return Tally(
        sum(each.count for each in tallies),
        sum(each.thumbs_up for each in tallies),
        sum(each.thumbs_down for each in tallies),
        sum(each.valued for each in tallies),
        sum(each.value_sum for each in tallies),
    )


def groups_of(found: Sequence[ScoreStats]) -> list[Group]:
    """The groups of an answer, the one with the most records first."""
    by_name: dict[str | None, dict[int, Tally]] = {}
    for each in found:
        by_name.setdefault(each.group, {})[each.window_start] = each.tally
    groups = [Group(name, by_window) for name, by_window in by_name.items()]
    return sorted(groups, key=lambda group: (-group.total.count, group.name or ""))


def print_stats(found: Sequence[ScoreStats], asked: ScoreStatsQuery, most: int) -> None:
    """Print a line for each group, and one for all of them."""
    groups = groups_of(found)
    shown = groups[:most]
    if asked.group_by is not None and len(groups) > 1:
        shown = [*shown, _together(groups)]
    cells = _cells(shown, asked, _span(found, asked))
    head = _head(asked)
    if not out.is_terminal:
        print_whole(cells, head, out)
    elif table := fitting(cells, head, _SPARE, out.width):
        print_table(table, head, out)
    else:
        names = [name for name in cells if name not in (head, "trend")]
        heads = [Text("  ").join((cells[head][at], cells["trend"][at])) for at in range(len(shown))]
        rest = [[_labelled(name, cells[name][at]) for name in names] for at in range(len(shown))]
        print_stacked(heads, rest, out)
    if len(groups) > most:
        err.print(
            f"[dim]There are {len(groups) - most:,} more: --limit {len(groups)} shows all.[/]"
        )


def trend(tallies: Sequence[Tally]) -> Text:
    """A bar for each window or few: as high as there are records, coloured by their thumbs."""
    room = MOST_BARS if not out.is_terminal or out.width >= WIDE else FEW_BARS
    step = -(-len(tallies) // room) or 1
    merged = [added(tallies[at : at + step]) for at in range(0, len(tallies), step)]
    most = max((each.count for each in merged), default=0)
    line = Text()
    for each in merged:
        height = -(-each.count * (len(BARS) - 1) // most) if most else 0
        line.append(BARS[height] if each.count else " ", ratio_style(each.ratio))
    return line


def ratio_style(ratio: float | None) -> str:
    """Good, fair or bad; dim where nobody voted."""
    if ratio is None:
        return "dim"
    return "green" if ratio >= _GOOD else "yellow" if ratio >= _FAIR else "red"


def _together(groups: Sequence[Group]) -> Group:
    starts = {start for group in groups for start in group.by_window}
    whole = {
        start: added([group.by_window.get(start, _NONE) for group in groups]) for start in starts
    }
    return Group("", whole)


def _span(found: Sequence[ScoreStats], asked: ScoreStatsQuery) -> list[Window]:
    """All windows that were asked for, those without records too."""
    since = asked.since if asked.since is not None else found[0].window_start
    until = asked.until if asked.until is not None else Micros(clock.now() + 1)
    return windows(asked.window, zone_of(asked.tz), since, until)


def _cells(
    groups: Sequence[Group], asked: ScoreStatsQuery, span: Sequence[Window]
) -> dict[str, Sequence[Text]]:
    palette, totals = Palette(), [group.total for group in groups]
    last = _last_whole(span)
    lately = [(_at(group, span, last), _at(group, span, last - 1)) for group in groups]
    return {
        _head(asked): [_name(each, asked, palette) for each in groups],
        "trend": [
            trend([group.by_window.get(each.start, _NONE) for each in span]) for group in groups
        ],
        "records": [right(f"{each.count:,}") for each in totals],
        "up": [right(f"{each.thumbs_up:,}" if each.thumbs_up else "", "green") for each in totals],
        "down": [
            right(f"{each.thumbs_down:,}" if each.thumbs_down else "", "red") for each in totals
        ],
        "ratio": [_ratio(each) for each in totals],
        "95 %": [_interval(each) for each in totals],
        f"last {asked.window}": [
            right(f"{now.count:,} ({now.count - before.count:+,})") for now, before in lately
        ],
        "Δ ratio": [_change(now, before) for now, before in lately],
    }


def _head(asked: ScoreStatsQuery) -> str:
    return asked.group_by or "feedback"


def _name(group: Group, asked: ScoreStatsQuery, palette: Palette) -> Text:
    if asked.group_by is None:
        return Text("all", "bold")
    if group.name:
        return quoted(group.name, palette.of(group.name) if asked.group_by == "agent" else "")
    return Text("all", "bold") if group.name == "" else Text("(none)", "dim")


def _last_whole(span: Sequence[Window]) -> int:
    """The last window that is over: one that is not would look like a fall."""
    now = clock.now()
    over = [at for at, window in enumerate(span) if window.end <= now]
    return over[-1] if over else len(span) - 1


def _at(group: Group, span: Sequence[Window], index: int) -> Tally:
    return group.by_window.get(span[index].start, _NONE) if index >= 0 else _NONE


def _ratio(tally: Tally) -> Text:
    """Thumbs up among thumbs; the mean of the values where there are none."""
    ratio, mean = tally.ratio, tally.mean
    if ratio is not None:
        return right(f"{ratio:.1%}", ratio_style(ratio))
    return right("" if mean is None else f"ø {mean:.3g}", "dim")


def _interval(tally: Tally) -> Text:
    reach = wilson(tally.thumbs_up, tally.thumbs_up + tally.thumbs_down)
    return right("" if reach is None else f"{100 * reach[0]:.0f}-{reach[1]:.0%}", "dim")


def _change(now: Tally, before: Tally) -> Text:
    """How the ratio of the last window differs from that of the one before, in points."""
    if now.ratio is None or before.ratio is None:
        return Text()
    points = round(100 * (now.ratio - before.ratio), 1)
    style = "dim" if not points else "green" if points > 0 else "red"
    return right(f"{points:+.1f} pt", style)


def _labelled(label: str, told: Text) -> Text:
    return Text.assemble((f"{label} ", "dim"), told) if told else Text()
