"""Pages of a timeline, for whatever sources there could be."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.errors import InvalidRequest
from commonhold.model import timeline
from commonhold.model.clock import Micros
from commonhold.model.feedback import Feedback
from commonhold.model.opaque import EMPTY_OBJECT
from commonhold.model.page import Page
from commonhold.model.session import Message
from commonhold.model.timeline import START, Moment, Position, TimelineQuery
from commonhold.model.trace import TraceSummary
from commonhold.model.turns import Event
from commonhold.testing import factories

TIMES = st.integers(0, 12).map(Micros) | st.integers(-(2**62), 2**62).map(Micros)


@dataclass
class Sources:
    """What a store holds of a session, and gives from a position on."""

    log: list[Message | Event]
    traces: list[TraceSummary]
    votes: list[Feedback]

    @property
    def size(self) -> int:
        """How many moments there are."""
        return len(self.log) + len(self.traces) + len(self.votes)

    def page(self, cursor: str | None, limit: int) -> Page[Moment]:
        """As a store does it: of each source what is behind the position, one more than wanted."""
        at = timeline.decode(cursor)
        messages = [row for row in self.log if isinstance(row, Message) and row.seq > at.seq]
        events = [row for row in self.log if isinstance(row, Event) and row.seq > at.seq]
        traces = sorted((row.started_at, row.trace_id, row) for row in self.traces)
        votes = sorted((row.created_at, row.feedback_id, row) for row in self.votes)
        few = slice(limit + 1)
        return timeline.page(
            at,
            limit,
            [*messages[few], *events[few]],
            [row for *key, row in traces if tuple(key) > at.trace][few],
            [row for *key, row in votes if tuple(key) > at.feedback][few],
        )

    def pages(self, limits: list[int]) -> list[Moment]:
        """Everything, page by page, with pages of these sizes in turn."""
        found: list[Moment] = []
        cursor, turn = None, 0
        while True:
            limit = limits[turn % len(limits)]
            page = self.page(cursor, limit)
            assert len(page.items) <= limit
            found += page.items
            if page.cursor is None:
                return found
            assert len(page.items) == limit
            cursor, turn = page.cursor, turn + 1


def entry(seq: int, at: Micros, *, is_event: bool) -> Message | Event:
    """One entry of a log."""
    if is_event:
        return Event(seq, "handoff", "weather", EMPTY_OBJECT, at)
    return factories.stored_message(seq=seq, message_id=f"m{seq}", created_at=at)


LOGS = st.lists(st.tuples(st.integers(1, 3), TIMES, st.booleans()), max_size=15)


@st.composite
def sources(draw: st.DrawFn) -> Sources:
    """A log with gaps and clocks that jump, and others in any order."""
    seq, log = 0, []
    for gap, at, is_event in draw(LOGS):
        seq += gap
        log.append(entry(seq, at, is_event=is_event))
    traces = [
        factories.summary(trace_id=f"t{n}", started_at=at)
        for n, at in enumerate(draw(st.lists(TIMES, max_size=8)))
    ]
    votes = [
        factories.feedback(feedback_id=f"f{n}", created_at=at)
        for n, at in enumerate(draw(st.lists(TIMES, max_size=8)))
    ]
    return Sources(log, traces, votes)


@given(sources(), st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_a_timeline_is_whole_whatever_the_pages(held: Sources, limits: list[int]) -> None:
    """Everything once, the log in its order, and time never goes back."""
    found = held.pages(limits)
    assert len(found) == held.size
    items = [moment.item for moment in found]
    assert [item for item in items if isinstance(item, Message | Event)] == held.log
    traces = [item for item in items if isinstance(item, TraceSummary)]
    assert traces == sorted(held.traces, key=lambda row: (row.started_at, row.trace_id))
    votes = [item for item in items if isinstance(item, Feedback)]
    assert votes == sorted(held.votes, key=lambda row: (row.created_at, row.feedback_id))
    assert all(before.at <= after.at for before, after in pairwise(found))


@given(sources(), st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_a_timeline_has_one_order(held: Sources, limits: list[int]) -> None:
    """The size of the pages does not change it."""
    assert held.pages(limits) == held.pages([1000])


@given(sources())
def test_a_moment_is_where_its_own_clock_put_it(held: Sources) -> None:
    """But for what the log holds late, and what comes after that."""
    floor = None
    for moment in held.pages([1000]):
        item = moment.item
        own = item.started_at if isinstance(item, TraceSummary) else item.created_at
        assert moment.at >= own
        if not isinstance(item, Message | Event):
            assert moment.at == own
        floor = moment.at if floor is None else max(floor, own)
        assert moment.at == floor


POSITIONS = st.builds(
    Position,
    st.integers(0, 2**62),
    TIMES,
    st.tuples(TIMES, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    st.tuples(TIMES, st.just("f1")),
)


@given(POSITIONS)
def test_a_cursor_comes_back_as_it_went(position: Position) -> None:
    """It is safe in a URL."""
    cursor = timeline.encode(position)
    assert timeline.decode(cursor) == position
    assert cursor.replace("-", "a").replace("_", "a").isalnum()


def test_no_cursor_is_the_start() -> None:
    """An empty one is none."""
    assert timeline.decode(None) == timeline.decode("") == START


@given(st.text(max_size=60) | st.binary(max_size=60).map(bytes.hex))
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    """Or taken for one, but never anything else."""
    with suppress(InvalidRequest):
        found = timeline.decode(cursor)
        assert timeline.decode(timeline.encode(found)) == found


@pytest.mark.parametrize(
    "position",
    [
        Position(seq=2**63),
        Position(at=-(2**64)),
        Position(trace=(0, "a\0b")),
        Position(feedback=(2**70, "")),
    ],
    ids=str,
)
def test_a_forged_cursor_is_refused(position: Position) -> None:
    """What no database can compare does not reach one."""
    with pytest.raises(InvalidRequest, match="cursor"):
        timeline.decode(timeline.encode(position))


@pytest.mark.parametrize("kinds", [(), ("other",), ("message", "other")], ids=str)
def test_kinds_that_there_are_not_are_refused(kinds: tuple[str, ...]) -> None:
    """And so is no kind at all."""
    with pytest.raises(InvalidRequest, match="kinds"):
        TimelineQuery(kinds=kinds)
