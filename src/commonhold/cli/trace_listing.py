"""Traces as a table, one below the other where a table does not fit, or a line for each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from commonhold.cli.amounts import counted, dollars, short, took
from commonhold.cli.amounts import tokens as in_and_out
from commonhold.cli.columns import (
    UNBOUNDED,
    Cells,
    fitting,
    print_stacked,
    print_table,
    print_whole,
    right,
)
from commonhold.cli.console import out
from commonhold.cli.conversation import Palette
from commonhold.cli.plain import on_line, quoted
from commonhold.cli.times import day, local
from commonhold.model import clock
from commonhold.model.trace import TraceSummary

MOST_NAMES = 3
"""Agents or models of one trace that are named in a list; the others are counted."""

_SPARE = ("session", "thumbs", "spans/calls/tools", "model", "tokens")
"""What a table can do without, the first first."""

_NAMES = ("agents", "model")
"""What is cut before a column goes."""

_STATUS = {"ok": "green", "error": "red"}
_WIDEST_STATUS = 5
_WIDE_TIME = 7
"""What most statuses and times fit in, so that lines that are told one by one stand in columns."""


def print_traces(found: Sequence[TraceSummary]) -> None:
    """Print traces in the order given; to a pipe always as a table, with nothing cut."""
    cells = _cells(found)
    if not out.is_terminal:
        print_whole(cells, "name", out)
    elif table := fitting(cells, "name", _SPARE, out.width, names=_NAMES):
        print_table(table, "name", out)
    else:
        _print_stacked(found, cells)


def trace_line(trace: TraceSummary, palette: Palette) -> Text:
    """One line for a trace, what identifies it first: the end is cut where it does not fit."""
    amounts = [
        in_and_out(trace.prompt_tokens, trace.completion_tokens),
        dollars(trace.cost_nano),
    ]
    parts = [
        Text(local(trace.started_at, with_date=False), "yellow" if trace.is_ahead else "dim"),
        quoted(trace.trace_id),
        Text.assemble(status(trace.status), " " * (_WIDEST_STATUS - len(trace.status))),
        Text(f"{took(trace.duration_ms):>{_WIDE_TIME}}"),
        quoted(trace.name, "bold"),
        _agents(trace, palette),
        Text(counted(trace.span_count, "span"), "dim"),
        *(Text(amount) for amount in amounts),
    ]
    line = Text("  ").join(part for part in parts if part)
    line.truncate(out.width if out.is_terminal else UNBOUNDED, overflow="ellipsis")
    return line


def status(told: str, style: str = "") -> Text:
    """A status in its colour."""
    return quoted(told, f"{style} {_STATUS.get(told, '')}".strip())


def thumbs(up: int, down: int) -> Text:
    """Votes: `+2 -1`."""
    votes = ((up, f"+{up:,}", "green"), (down, f"-{down:,}", "red"))
    return Text(" ").join(Text(told, style) for count, told, style in votes if count)


def _cells(found: Sequence[TraceSummary]) -> dict[str, Sequence[Text]]:
    palette = Palette()
    return {
        "trace": [quoted(each.trace_id) for each in found],
        "started": [_started(each) for each in found],
        "name": [quoted(each.name, "bold") for each in found],
        "agents": [_agents(each, palette) for each in found],
        "model": [_few(_models(each)) for each in found],
        "session": [quoted(each.session_id or "") for each in found],
        "status": [status(each.status) for each in found],
        "took": [right(took(each.duration_ms)) for each in found],
        "spans/calls/tools": [right(_counts(each)) for each in found],
        "tokens": [right(in_and_out(each.prompt_tokens, each.completion_tokens)) for each in found],
        "cost": [right(dollars(each.cost_nano)) for each in found],
        "thumbs": [thumbs(each.thumbs_up, each.thumbs_down) for each in found],
    }


def _started(trace: TraceSummary) -> Text:
    """When it began: the date unless it is today's, and a mark where the clock was ahead."""
    is_today = out.is_terminal and day(trace.started_at) == day(clock.now())
    told = local(trace.started_at, with_date=not is_today)
    return Text(told, "yellow") if trace.is_ahead else Text(told, "dim")


def _agents(trace: TraceSummary, palette: Palette) -> Text:
    return _few([quoted(name, palette.of(name)) for name in trace.agents])


def _models(trace: TraceSummary) -> list[Text]:
    return [quoted(name) for name in trace.models or (trace.model,) if name]


def _few(names: Sequence[Text]) -> Text:
    told = Text(", ").join(names[:MOST_NAMES])
    left = len(names) - MOST_NAMES
    return told.append(f" +{left}", "dim") if left > 0 else told


def _counts(trace: TraceSummary) -> str:
    return "/".join(map(short, (trace.span_count, trace.llm_calls, trace.tool_calls)))


def _print_stacked(found: Sequence[TraceSummary], cells: Cells) -> None:
    heads, rest = [], []
    for at, each in enumerate(found):
        heads.append(_head(cells, at))
        counts = [counted(each.span_count, "span")]
        counts += [counted(each.llm_calls, "call")] if each.llm_calls else []
        counts += [counted(each.tool_calls, "tool")] if each.tool_calls else []
        used = cells["tokens"][at].plain
        rest.append(
            [
                *(cells[name][at] for name in ("started", "name", "agents", "model")),
                _labelled("session", each.session_id),
                Text(", ".join(counts)),
                Text(f"{used} tokens" if used else ""),
                Text(cells["cost"][at].plain),
                cells["thumbs"][at],
            ]
        )
    print_stacked(heads, rest, out)


def _labelled(label: str, told: str | None) -> Text:
    return Text.assemble((f"{label} ", "dim"), on_line(told)) if told else Text()


def _head(cells: Cells, at: int) -> Text:
    parts = (cells["trace"][at], cells["status"][at], Text(cells["took"][at].plain, "dim"))
    return Text("  ").join(part for part in parts if part)
