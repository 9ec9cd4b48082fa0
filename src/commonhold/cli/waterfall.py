"""A trace for the eye: its spans as a tree, each with a bar on the time they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from commonhold.cli.amounts import counted, dollars, tokens, took
from commonhold.cli.conversation import Palette
from commonhold.cli.exchange import exchange
from commonhold.cli.plain import on_line, quoted
from commonhold.cli.span_texts import Happening, failure_of, texts_of
from commonhold.cli.times import local
from commonhold.cli.trace_listing import status, thumbs
from commonhold.cli.trace_tree import Row, orphans, rows
from commonhold.model.otel import Operation
from commonhold.model.trace import Span, Trace, TraceSummary

SYMBOLS: dict[Operation, str] = {
    "agent": "◆",
    "llm": "●",
    "tool": "■",
    "chain": "○",
    "retriever": "▼",
    "embedding": "◇",
    "evaluator": "▲",
    "": "·",
}
KINDS: dict[Operation, str] = {"llm": "model call", "": "other"}

LEAST_BAR = 12
MOST_NAME = 60
GAP = 2

_HALVES = (" ", "▖", "▗", "▄")
"""What is drawn of a cell of which nothing, the left, the right, or both halves are in a bar."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that the spans of a trace share, in nanoseconds."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """At least one, so that a place on it can be told."""
        return max(self.end_ns - self.start_ns, 1)


def axis_of(spans: Sequence[Span]) -> Axis:
    """From the first start to the last end; clocks that were ahead do not stretch it."""
    timed = [span for span in spans if not span.gist.is_ahead] or spans
    starts = [span.start_ns or 0 for span in timed]
    ends = [(span.start_ns or 0) if span.end_ns is None else span.end_ns for span in timed]
    return Axis(min(starts, default=0), max([*ends, *starts], default=0))


def bar(span: Span, axis: Axis, width: int) -> str:
    """The part of the axis that a span took, in halves of a cell; always some of it."""
    start, end = span.start_ns or 0, axis.end_ns if span.end_ns is None else span.end_ns
    if start > axis.end_ns:
        return f"{'→':>{width}}"  # its clock was ahead
    halves = 2 * width
    begins = (max(start - axis.start_ns, 0)) * halves // axis.length_ns
    ends = -(-min(end - axis.start_ns, axis.length_ns) * halves // axis.length_ns)
    begins = min(begins, halves - 1)
    ends = max(ends, begins + 1)
    if span.end_ns is None:
        return f"{' ' * (begins // 2)}{'░' * (width - begins // 2)}"
    return "".join(
        _HALVES[(begins <= at < ends) + 2 * (begins <= at + 1 < ends)] for at in range(0, halves, 2)
    )


class Waterfall:
    """Prints a trace to a console, span by span."""

    def __init__(self, console: Console, trace: Trace, *, full: bool = False) -> None:
        self._console = console
        self._trace = trace
        self._full = full
        self._palette = Palette()
        self._axis = axis_of(trace.spans)
        self._rows = list(rows(trace.spans))
        for row in self._rows:
            self._palette.of(row.span.agent)
        self._used = max((len(usage(row.span)) for row in self._rows), default=0)
        taken = max((len(_took(row.span)) for row in self._rows), default=0)
        self._took = max(taken, 4)
        self._name = self._name_width()

    def _name_width(self) -> int:
        """What names may take, so that there is room for bars beside them."""
        agents = self._shown_agents()
        widest = max((self._label(row, agents).cell_len for row in self._rows), default=0)
        room = self._console.width - self._took - self._used - 3 * GAP
        return max(min(widest, MOST_NAME, max(room - LEAST_BAR, room // 2)), 10)

    def header(self, summary: TraceSummary) -> None:
        """Print who and what it was, before its spans."""
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(overflow="fold")
        for name, value in self._facts(summary):
            if value:
                facts.add_row(name, value)
        title = quoted(summary.name or summary.trace_id, "bold")
        title.truncate(max(self._console.width - 6, 1), overflow="ellipsis")
        self._print(Panel(facts, title=title, title_align="left", border_style="dim", expand=False))

    def spans(self) -> None:
        """Print the spans, each on its line, with its texts below when they are wanted."""
        if not self._rows:
            self._print(Text("\nNo span of it has come yet.", "dim"))
            return
        self._print(Text())
        self._print(self._scale())
        agents = self._shown_agents()
        for row in self._rows:
            self._print(self._line(row, agents))
            for line in self._below(row):
                self._print(line)
        self._print(Text())
        self._print(self._legend())
        if missing := orphans(self._trace.spans):
            told = f"{counted(missing, 'span')} with a parent that is not in this trace."
            self._print(Text(told, "dim"))

    def _facts(self, told: TraceSummary) -> Iterator[tuple[str, Text]]:
        agents = Text(", ").join(quoted(n, f"bold {self._palette.of(n)}") for n in told.agents)
        when = Text(local(told.started_at), "yellow" if told.is_ahead else "")
        if told.is_ahead:
            when.append(" (by a clock that was ahead)")
        yield "trace", quoted(told.trace_id)
        yield "began", when
        yield "took", Text(took(told.duration_ms))
        yield "status", _standing(told)
        yield "agents", agents
        yield "user", quoted(told.user_id or "")
        yield "session", quoted(told.session_id or "")
        yield "environment", quoted(told.environment or "")
        yield "models", quoted(", ".join(told.models or ((told.model,) if told.model else ())))
        yield "work", Text(_work(told))
        yield "tokens", Text(_tokens(told))
        yield "cost", Text(dollars(told.cost_nano))
        yield "thumbs", thumbs(told.thumbs_up, told.thumbs_down)

    def _shown_agents(self) -> dict[str, str]:
        """Of the spans at which the work goes to another agent, who that is."""
        agents = {span.span_id: span.agent for span in self._trace.spans}
        return {
            span.span_id: span.agent
            for span in self._trace.spans
            if span.agent and span.agent != agents.get(span.parent_span_id or "")
        }

    @property
    def _bar(self) -> int:
        left = self._console.width - self._name - self._took - self._used - 3 * GAP
        return max(left, 1)

    def _scale(self) -> Text:
        """The ends of the axis above the bars."""
        length = took(self._axis.length_ns / 1e6)
        middle = " " * max(self._bar - len(length) - 1, 1)
        lead = " " * (self._name + self._took + 2 * GAP)
        return Text(f"{lead}0{middle}{length}", "dim", no_wrap=True, overflow="crop")

    def _line(self, row: Row, agents: dict[str, str]) -> Text:
        span = row.span
        label = self._label(row, agents)
        label.truncate(self._name, overflow="ellipsis", pad=True)
        gap = " " * GAP
        drawn = bar(span, self._axis, self._bar)
        return Text.assemble(
            label,
            gap,
            (f"{_took(span):>{self._took}}", "red" if has_failed(span) else "dim"),
            gap,
            (drawn, "red" if has_failed(span) else self._colour(span)),
            gap,
            (f"{usage(span):>{self._used}}", "dim"),
            no_wrap=True,
            overflow="crop",
        )

    def _label(self, row: Row, agents: dict[str, str]) -> Text:
        span = row.span
        name = on_line(span.name) or "(no name)"
        symbol = SYMBOLS.get(span.gist.operation, SYMBOLS[""])
        label = Text.assemble(
            (row.branch, "dim"),
            (f"{symbol} ", self._colour(span)),
            (name, "bold red" if has_failed(span) else ""),
        )
        agent = agents.get(span.span_id)
        if agent and agent not in span.name:
            label.append(f"  {on_line(agent)}", self._colour(span))
        return label

    def _below(self, row: Row) -> Iterator[Text]:
        """What went wrong with a span, and its texts when they are wanted."""
        lead = f"{row.below}  "
        span = row.span
        if has_failed(span) and (reason := failure_of(span)):
            yield from self._wrapped(lead, Text.assemble("✗ ", quoted(reason), style="red"))
        if span.gist.is_ahead:
            yield from self._wrapped(lead, Text("its clock was ahead", "yellow"))
        if self._full:
            yield from self._texts(lead, span)

    def _texts(self, lead: str, span: Span) -> Iterator[Text]:
        told = texts_of(span)
        for arrow, text in (("→", told.input), ("←", told.output)):
            for at, (role, said) in enumerate(exchange(text)):
                head = Text(f"{'  ' if at else f'{arrow} '}", "bold")
                head.append(f"{on_line(role)}  " if role else "", "bold dim")
                yield from self._wrapped(lead, head.append_text(quoted(said, one_line=False)))
        for happening in told.happenings:
            yield from self._wrapped(lead, _happened(happening, span))

    def _wrapped(self, lead: str, text: Text) -> Iterator[Text]:
        """Lines that fit behind the branches of the tree; those behind the first go in further."""
        width = max(self._console.width - len(lead) - 2, 20)
        for at, line in enumerate(text.wrap(self._console, width, overflow="fold")):
            line.rstrip()
            yield Text.assemble((lead, "dim"), "  " if at else "", line)

    def _legend(self) -> Text:
        used = {row.span.gist.operation for row in self._rows}
        told = [f"{SYMBOLS[kind]} {KINDS.get(kind, kind)}" for kind in SYMBOLS if kind in used]
        return Text("   ".join(told), "dim")

    def _colour(self, span: Span) -> str:
        return self._palette.of(span.agent)

    def _print(self, what: RenderableType) -> None:
        self._console.print(what, soft_wrap=False)


def has_failed(span: Span) -> bool:
    """Whether its status, or what it says, is a failure."""
    return span.gist.is_error or span.status == "error"


def usage(span: Span) -> str:
    """Tokens and cost of a span that tells any."""
    gist = span.gist
    told = (tokens(gist.input_tokens, gist.output_tokens), dollars(gist.cost_nano))
    return " ".join(each for each in told if each)


def _took(span: Span) -> str:
    if span.end_ns is None:
        return "open"
    return took(max(span.end_ns - (span.start_ns or 0), 0) / 1e6)


def _happened(told: Happening, span: Span) -> Text:
    """An event or log record, and how long after the beginning of its span."""
    after = None if told.time_ns is None else (told.time_ns - (span.start_ns or 0)) / 1e6
    when = f"+{took(after)}  " if after is not None and after >= 0 else ""
    mark = "≡ log  " if told.is_log else "· "
    line = Text.assemble((f"{mark}{when}", "dim"), quoted(told.name or "event", "bold dim"))
    return line.append_text(quoted(f"  {told.text}", one_line=False)) if told.text else line


def _standing(told: TraceSummary) -> Text:
    failed = f" ({counted(told.error_count, 'span')} failed)" if told.error_count else ""
    return status(told.status, "bold").append(failed, "not bold")


def _work(told: TraceSummary) -> str:
    parts = [counted(told.span_count, "span")]
    parts += [counted(told.llm_calls, "model call")] if told.llm_calls else []
    parts += [counted(told.tool_calls, "tool call")] if told.tool_calls else []
    return ", ".join(parts)


def _tokens(told: TraceSummary) -> str:
    if told.prompt_tokens is None and told.completion_tokens is None:
        return ""
    into = "unknown" if told.prompt_tokens is None else f"{told.prompt_tokens:,}"
    out = "unknown" if told.completion_tokens is None else f"{told.completion_tokens:,}"
    cached = f" ({told.cached_tokens:,} cached)" if told.cached_tokens else ""
    thought = f" ({told.reasoning_tokens:,} reasoning)" if told.reasoning_tokens else ""
    return f"{into} in{cached}, {out} out{thought}"
