"""Server-sent events become entries of a log again, wherever the network cuts them into pieces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from commonhold.client import tail
from commonhold.client.tail import Sent
from commonhold.client.transport import Line, split_lines
from commonhold.http.streams import event_of
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText
from commonhold.model.session import Message
from commonhold.model.turns import Event
from commonhold.testing.factories import NOON

SEPARATORS = "\n\r\x0b\x0c\x1c\x1d\x1e\x7f\x85\u2028\u2029\ufeff"
TEXTS = st.text(st.one_of(st.sampled_from(SEPARATORS), st.characters(codec="utf-8")), max_size=12)
BODIES = st.dictionaries(st.sampled_from(["content", "data", "id: 7"]), TEXTS, max_size=3)
INDENTS = st.sampled_from([None, 0, 1])
AGENTS = st.sampled_from(["", "billing"])
TIMES = st.sampled_from([Micros(NOON), Micros(NOON + 1)])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A row of a log, its content printed over several lines or on one."""
    content = json.dumps(draw(BODIES), ensure_ascii=False, indent=draw(INDENTS))
    over = draw(st.none() | TIMES)
    return Message(0, "m", draw(AGENTS), draw(st.none() | TEXTS), JsonText(content), NOON, over)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A fact of a log."""
    data = json.dumps(draw(BODIES), ensure_ascii=False, indent=draw(INDENTS))
    return Event(0, "handoff", draw(AGENTS), JsonText(data), draw(TIMES))


LOGS = st.lists(st.one_of(messages(), events()), max_size=5)
CUTS = st.lists(st.integers(0, 400), max_size=20)


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    """The text cut at these places."""
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(at)]


async def stream_of(chunks: list[bytes]) -> AsyncIterator[bytes]:
    """Chunks as a connection delivers them."""
    for chunk in chunks:
        yield chunk


async def parsed(*chunks: bytes) -> list[Sent]:
    """The events in a stream."""
    return [sent async for sent in tail.read(split_lines(stream_of(list(chunks))))]


class OneConnection:
    """A line on which one answer comes."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def lines(self, _: object) -> AsyncIterator[str]:
        """The lines of the answer."""
        return split_lines(stream_of(self._chunks))


@given(log=LOGS, cuts=CUTS)
async def test_whatever_a_log_holds_comes_through_whole(
    log: list[Message | Event], cuts: list[int]
) -> None:
    """Raw line ends, U+2028 and control characters within a text are no ends of lines."""
    whole = (
        b"id: 0\n\n" + b": still here\n\n".join(map(event_of, log)) + b"event: end\ndata: {}\n\n"
    )
    line = cast("Line", OneConnection(pieces(whole, cuts)))
    assert [entry async for entry in tail.follow(line, "s", 0)] == log


@given(log=LOGS, cuts=CUTS, end=st.integers(0, 2000))
async def test_a_stream_cut_anywhere_is_a_beginning_of_its_events(
    log: list[Message | Event], cuts: list[int], end: int
) -> None:
    """Half an event at the end is no event, and no event before it is another one."""
    whole = b"".join(map(event_of, log))
    full, cut = await parsed(whole), await parsed(*pieces(whole[:end], cuts))
    assert len(full) == len(log)
    assert cut == full[: len(cut)]
    assert len(cut) == whole[:end].count(b"\n\n")


async def test_the_fields_of_an_event_come_in_any_order_and_spelling() -> None:
    """A space behind the colon, more data lines, CRLF, comments and unknown fields (WHATWG 9.2)."""
    assert await parsed(b"event:fork\r\ndata:a\r\ndata: b\r\n: no\r\nid:7\r\nretry: 9\r\n\r\n") == [
        Sent(7, "fork", "a\nb")
    ]


async def test_an_id_without_data_is_where_to_go_on() -> None:
    """It is told without a message, so that a reader cut off right then knows its place."""
    assert await parsed(b"id: 4\n\n") == [Sent(4, "message", "")]


async def test_a_comment_is_no_event() -> None:
    """Nor are empty lines, and an id that is no number is no place in a log."""
    assert await parsed(b": still here\n\n\n\n") == []
    assert await parsed(b"id: x\ndata: {}\n\n") == [Sent(None, "message", "{}")]


async def test_an_event_without_its_empty_line_is_none() -> None:
    """The connection was lost within it, and it comes again."""
    for cut in (b"id: 1\ndata: {}\n", b"id: 1\ndata: {", b"id: 1", b"id: 1\r\ndata: {}\r\n\r"):
        assert await parsed(b"id: 0\n\n", cut) == [Sent(0, "message", "")]


def test_the_text_of_an_event_has_no_raw_carriage_return() -> None:
    """One would end a line for every other reader of server-sent events."""
    content: Any = '{"a":\r\n1,\r"b": 2}'
    sent = event_of(Message(1, "m", "", None, content, NOON))
    assert b"\r" not in sent
    assert sent.count(b"data: ") == 3
