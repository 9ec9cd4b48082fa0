"""Concurrent writes of traces share a commit, and each of them is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from commonhold.errors import Closed, Internal, InvalidRequest, Unavailable
from commonhold.model import clock
from commonhold.model.scope import Author, Scope
from commonhold.model.summary import Part
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.gather import MOST_SPANS, MOST_WAIT_S, Gather
from commonhold.sql.spans import Batch
from commonhold.testing.factories import NOON, span, trace
from commonhold.testing.otel import TRACE_ID, otel_span, span_id

BAD = "bad"


class Writer:
    """Where batches go: it notes each bulk write, and ends it when it is told to."""

    def __init__(self, writers: int = 1) -> None:
        self.written: list[tuple[str, list[str]]] = []
        self.begun: list[list[str]] = []
        self.gate = asyncio.Event()
        self.error: BaseException = InvalidRequest("bad")
        self.gather: Gather[str] = Gather(self.write, writers)

    async def write(self, key: str, batch: Batch) -> None:
        """One bulk write, which fails when anything in it is bad."""
        self.begun.append(list(batch.parts))
        await self.gate.wait()
        if any(name.startswith(BAD) for name in batch.parts):
            raise self.error
        self.written.append((key, list(batch.parts)))

    def submit(self, name: str, key: str = "k", size: int = 1) -> asyncio.Task[None]:
        """A request that waits for its commit."""
        batch = Batch(parts={name: Part("", NOON)}, size=size)
        return asyncio.create_task(self.gather.submit(key, batch))


@pytest.fixture
async def backend() -> AsyncIterator[SqlBackend]:
    """A real database."""
    async with await open_backend("sqlite:///:memory:") as opened:
        yield opened


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lone_request_waits_for_nobody() -> None:
    """It is under way at once, by itself."""
    writer = Writer()
    task = writer.submit("one")
    await settled()
    assert writer.begun == [["one"]]
    writer.gate.set()
    await task


async def test_time_counts_as_busy_while_anything_is_written() -> None:
    """However many write side by side, and not in between."""
    writer = Writer(2)
    tasks = [writer.submit(name, key=name) for name in ("one", "two")]
    await settled()
    began = clock.monotonic()
    while clock.monotonic() - began < 0.02:
        await settled()
    writer.gate.set()
    await asyncio.gather(*tasks)
    busy_s = writer.gather.busy_s
    assert 0.02 <= busy_s < 2 * (clock.monotonic() - began)
    await settled()
    assert writer.gather.busy_s == busy_s


async def test_who_would_be_answered_too_late_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the first that waits has waited too long; those in front are written all the same."""
    writer = Writer()
    in_front = [writer.submit("one")]
    await settled()
    in_front.append(writer.submit("two"))
    await settled()
    late = clock.monotonic() + MOST_WAIT_S + 1
    monkeypatch.setattr(clock, "monotonic", lambda: late)
    with pytest.raises(Unavailable) as refused:
        await writer.submit("three")
    assert refused.value.retry_after_s == 1
    writer.gate.set()
    await asyncio.gather(*in_front)
    assert writer.written == [("k", ["one"]), ("k", ["two"])]
    await writer.submit("three, again")


async def test_what_comes_meanwhile_goes_together() -> None:
    """One bulk write is under way; the next takes all that wait, in their order."""
    writer = Writer()
    tasks = [writer.submit(f"r{n}") for n in range(10)]
    await settled()
    tasks += [writer.submit(f"late{n}") for n in range(5)]
    await settled()
    writer.gate.set()
    await asyncio.gather(*tasks)
    names = [f"r{n}" for n in range(10)] + [f"late{n}" for n in range(5)]
    assert [name for _, group in writer.written for name in group] == names
    assert len(writer.written) == 2


async def test_nobody_is_told_before_the_commit() -> None:
    """Not one request returns while its bulk write is under way."""
    writer = Writer()
    tasks = [writer.submit(f"r{n}") for n in range(3)]
    await settled()
    assert not any(task.done() for task in tasks)
    writer.gate.set()
    await asyncio.gather(*tasks)


async def test_only_those_of_one_author_go_together() -> None:
    """What is written carries one name; others follow in the order in which they came."""
    writer = Writer()
    tasks = [writer.submit("first", "a")]
    await settled()
    tasks += [writer.submit(f"r{n}", "ab"[n % 2]) for n in range(4)]
    await settled()
    writer.gate.set()
    await asyncio.gather(*tasks)
    assert writer.written == [("a", ["first"]), ("a", ["r0", "r2"]), ("b", ["r1", "r3"])]


async def test_none_of_one_author_overtakes_another() -> None:
    """One that is too large for this bulk write makes those behind it wait too."""
    writer = Writer()
    tasks = [writer.submit("first")]
    await settled()
    tasks += [writer.submit("small"), writer.submit("large", size=MOST_SPANS)]
    tasks += [writer.submit("behind")]
    await settled()
    writer.gate.set()
    await asyncio.gather(*tasks)
    names = [name for _, group in writer.written for name in group]
    assert names == ["first", "small", "large", "behind"]


async def test_several_bulk_writes_go_on_at_once_where_that_helps() -> None:
    """As many as the database has writers, and no more."""
    writer = Writer(writers=3)
    tasks = []
    for n in range(5):
        tasks.append(writer.submit(f"r{n}", key=f"k{n}"))
        await settled()
    assert len(writer.begun) == 3
    writer.gate.set()
    await asyncio.gather(*tasks)
    assert len(writer.written) == 5


async def test_a_poisoned_request_takes_no_other_with_it() -> None:
    """The others are written, one by one; it alone hears why."""
    writer = Writer()
    tasks = [writer.submit(name) for name in ("first", "good", BAD, "fine")]
    await settled()
    writer.gate.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in done] == [type(None), type(None), InvalidRequest, type(None)]
    assert {name for _, group in writer.written for name in group} == {"first", "good", "fine"}


async def test_overload_is_told_to_all_and_not_tried_one_by_one() -> None:
    """With what it says about coming again; each has an error of its own."""
    writer = Writer()
    writer.error = Unavailable("full", retry_after_s=7)
    tasks = [writer.submit(name) for name in ("bad1", "bad2", "bad3")]
    await settled()
    writer.gate.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [each.retry_after_s for each in done if isinstance(each, Unavailable)] == [7, 7, 7]
    assert len(set(map(id, done))) == 3
    assert len(writer.begun) == 1


@pytest.mark.parametrize("error", [Internal("x"), ValueError("a bug"), asyncio.CancelledError()])
async def test_whatever_fails_nobody_waits_for_ever(error: BaseException) -> None:
    """Not those that were written with it, and not those that waited behind."""
    writer = Writer()
    writer.error = error
    tasks = [writer.submit("bad1")]
    await settled()
    tasks += [writer.submit("bad2"), writer.submit("bad3", "other")]
    await settled()
    writer.gate.set()
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert all(isinstance(each, BaseException) for each in done)
    after = writer.submit("after")
    await asyncio.wait_for(after, 10)


async def test_who_gave_up_waiting_is_not_written() -> None:
    """And holds up nobody."""
    writer = Writer()
    tasks = [writer.submit(name) for name in ("first", "second", "third")]
    await settled()
    waiting = [writer.submit("fourth"), writer.submit("fifth")]
    await settled()
    waiting[0].cancel()
    await settled()
    writer.gate.set()
    await asyncio.gather(*tasks, waiting[1])
    assert [name for _, group in writer.written for name in group] == [
        *("first", "second", "third", "fifth"),
    ]


async def test_requests_at_once_share_few_commits(backend: SqlBackend) -> None:
    """On a real database: a hundred requests of one agent, a handful of transactions."""
    traces = backend.bind(Scope(author=Author(agent="weather"))).traces
    units = 0
    write = backend.database.write

    async def counting(unit: object) -> object:
        nonlocal units
        units += 1
        return await write(unit)  # type: ignore[arg-type]

    backend.database.write = counting  # type: ignore[method-assign, assignment]
    await asyncio.gather(*(traces.record([otel_span(n)]) for n in range(100)))
    assert units <= 5
    found = await traces.get(TRACE_ID)
    assert [each.span_id for each in found.spans] == [span_id(n) for n in range(100)]


async def test_what_a_database_refuses_is_refused_alone(backend: SqlBackend) -> None:
    """On a real database: a name with NUL among twenty, of which nineteen are kept."""
    posts = [
        trace(f"t{n}", spans=(span(f"t{n}", name="a\0b" if n == 7 else "fine"),)) for n in range(20)
    ]
    done = await asyncio.gather(*map(backend.traces.put, posts), return_exceptions=True)
    assert [n for n, each in enumerate(done) if each is not None] == [7]
    assert isinstance(done[7], InvalidRequest)
    assert len((await backend.traces.list()).items) == 19
    assert await backend.traces.find("t7") is None


async def test_a_closed_database_says_so(backend: SqlBackend) -> None:
    """Nothing waits for what will not come."""
    await backend.aclose()
    with pytest.raises(Closed):
        await backend.traces.record([otel_span()])
