"""How a trace looks, whatever its spans say of their parents, their clocks and their names."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence

import pytest
from rich.console import Console
from rich.text import Text

from commonhold.cli import trace_listing
from commonhold.cli.trace_tree import DEEPEST, orphans, rows
from commonhold.cli.waterfall import Axis, Waterfall, axis_of, bar
from commonhold.model.clock import Micros
from commonhold.model.gist import Gist
from commonhold.model.trace import NANO, Span, Trace, TraceSummary

AT = Micros(1_777_291_200_000_000)
LONG = "a-name-that-goes-on-and-on-" * 4


def spans(parents: Mapping[str, str | None]) -> list[Span]:
    """Spans by their parents, each beginning a second after the one before."""
    return [
        Span(
            "t",
            span_id,
            parent,
            name=span_id,
            agent="one",
            start_ns=n * NANO,
            end_ns=(n + 2) * NANO,
        )
        for n, (span_id, parent) in enumerate(parents.items())
    ]


def drawn(found: Sequence[Span]) -> list[str]:
    """The tree alone: what stands before each name, and the name."""
    return [row.branch + row.span.span_id for row in rows(found)]


def printed(found: Sequence[Span], width: int) -> list[str]:
    """The lines of a waterfall on a terminal of some width."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    Waterfall(console, Trace("t", AT, spans=tuple(found))).spans()
    return Text.from_ansi(console.file.getvalue()).plain.splitlines()  # type: ignore[attr-defined]


def test_a_tree_is_drawn_from_the_top_down() -> None:
    """Children below their parent in the order of the clock, whatever order they came in."""
    found = spans({"root": None, "a": "root", "a1": "a", "b": "root", "b1": "b", "b2": "b"})
    told = ["root", "├╴a", "│ └╴a1", "└╴b", "  ├╴b1", "  └╴b2"]
    for seed in range(5):
        shuffled = random.Random(seed).sample(found, len(found))
        assert drawn(shuffled) == told


def test_parents_that_go_in_circles_lose_no_span() -> None:
    """Each span once, the earliest of a circle at its top; one may be its own parent."""
    found = spans({"a": "c", "b": "a", "c": "b", "below": "c", "own": "own", "root": None})
    assert drawn(found) == ["root", "a", "└╴b", "  └╴c", "    └╴below", "own"]
    assert orphans(found) == 0
    assert len(printed(found, 80)) == len(found) + 4


def test_spans_without_their_parents_stand_at_the_top_and_are_told() -> None:
    """A sampled-out parent hides none of its children, and one that is missing is said once."""
    found = spans({"root": None, "x": "gone", "x1": "x", "y": "gone"})
    assert drawn(found) == ["root", "x", "└╴x1", "y"]
    assert orphans(found) == 2
    assert printed(found, 80)[-1] == "2 spans with a parent that is not in this trace."


def test_a_tree_may_be_as_deep_as_it_has_spans() -> None:
    """Thousands of levels are drawn in the room of twelve, and told by number from there on."""
    count = 5000
    found = spans({f"s{n}": f"s{n - 1}" if n else None for n in range(count)})
    told = list(rows(found))
    assert [row.depth for row in told] == list(range(count))
    assert max(len(row.branch) for row in told) <= 2 * DEEPEST + len(f"{count}╴")
    assert told[-1].branch.strip() == f"{count - 1}╴"
    lines = printed(found[:200], 80)
    assert len(lines) == 200 + 4
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_a_waterfall_fits_its_terminal(width: int) -> None:
    """Also with names longer than it, open spans, and a clock that was ahead."""
    root, _ = spans({LONG: None, "open": LONG})
    gist = Gist(is_ahead=True, input_tokens=10**9, output_tokens=10**9, cost_nano=10**12)
    found = [
        root,
        Span("t", "ahead", LONG, start_ns=10**18, end_ns=10**18, gist=gist),
        Span("t", "open", LONG, name=LONG, start_ns=root.start_ns, status="error"),
    ]
    lines = printed(found, width)
    assert max(map(len, lines)) <= width
    assert sum("→" in line for line in lines) == 1


def test_a_bar_shows_when_a_span_was_and_is_never_nothing() -> None:
    """In halves of a cell; an open one goes on to the end, one from the future is an arrow."""
    axis = Axis(0, 8 * NANO)
    whole, half = Span("t", "s", start_ns=0, end_ns=8 * NANO), Span("t", "s", start_ns=4 * NANO)
    tiny = Span("t", "s", start_ns=8 * NANO, end_ns=8 * NANO)
    ahead = Span("t", "s", start_ns=80 * NANO, end_ns=81 * NANO, gist=Gist(is_ahead=True))
    assert bar(whole, axis, 4) == "▄▄▄▄"
    assert bar(half, axis, 4) == "  ░░"
    assert bar(tiny, axis, 4) == "   ▗"
    assert bar(ahead, axis, 4) == "   →"
    assert axis_of([whole, ahead]) == axis
    assert axis_of([]).length_ns == 1


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_a_long_name_costs_a_list_of_traces_no_column(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shortened where there is no room, so that the others keep their table."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(trace_listing, "out", console)
    short = TraceSummary("0" * 32, AT, model="gpt-4o", agents=("triage",), name="invoke_agent")
    long = TraceSummary("1" * 32, AT, model=LONG, agents=(LONG, "billing"), name=LONG)

    trace_listing.print_traces([short, long])

    told = Text.from_ansi(console.file.getvalue()).plain  # type: ignore[attr-defined]
    assert max(map(len, told.splitlines())) <= width
    assert {"0" * 32, "1" * 32} <= set(told.split())
    assert ("started" in told) == (width >= 120)
    assert ("model" in told.split()) == (width >= 200)
