"""Concurrent writes of traces share a commit.

While one bulk write is under way, requests that come meanwhile wait, and the next bulk write takes
them all. A lone request waits for nobody. When a shared write fails, each is written by itself: one
that cannot be written takes no other with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from copy import copy
from typing import Generic, NamedTuple, TypeVar

from commonhold.errors import CommonholdError, Unavailable
from commonhold.model import clock
from commonhold.sql.spans import Batch

K = TypeVar("K", bound=Hashable)

MOST_SPANS = 2000
"""Spans after which a bulk write takes no further request."""


MOST_WAIT_S = 5.0
"""How long the first that waits may have waited, in seconds, when another comes. Exporters give up
after ten: who would be answered too late is told at once to come again."""


class _Waiting(NamedTuple, Generic[K]):
    key: K
    batch: Batch
    done: asyncio.Future[None]
    since: float


class Gather(Generic[K]):
    """Batches on their way to the database, at most `writers` bulk writes at once.

    Batches with the same key are written together, in the order in which they came.
    """

    def __init__(self, write: Callable[[K, Batch], Awaitable[None]], writers: int) -> None:
        self._write = write
        self._free = writers
        self._queue: deque[_Waiting[K]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work = 0
        self._began_at = self._busy_s = 0.0

    @property
    def busy_s(self) -> float:
        """Seconds so far in which anything was being written."""
        return self._busy_s + (clock.monotonic() - self._began_at if self._at_work else 0.0)

    async def submit(self, key: K, batch: Batch) -> None:
        """Return when the batch is committed, or raise what kept it from that.

        Raises:
            Unavailable: those in front have waited too long already; nothing was written.
        """
        now = clock.monotonic()
        if self._queue and now - self._queue[0].since > MOST_WAIT_S:
            raise Unavailable("Too many traces wait to be written. Nothing was written; try again.")
        waiting = _Waiting(key, batch, asyncio.get_running_loop().create_future(), now)
        self._queue.append(waiting)
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await waiting.done

    async def _serve(self) -> None:
        group: list[_Waiting[K]] = []
        self._begin()
        try:
            while self._queue:
                group = self._take()
                await self._write_together(group)
        except BaseException as error:
            # The loop is closing: nobody else will serve those who wait.
            _fail([*group, *self._queue], error)
            self._queue.clear()
            raise
        finally:
            self._free += 1
            self._end()

    def _begin(self) -> None:
        if not self._at_work:
            self._began_at = clock.monotonic()
        self._at_work += 1

    def _end(self) -> None:
        self._at_work -= 1
        if not self._at_work:
            self._busy_s += clock.monotonic() - self._began_at

    def _take(self) -> list[_Waiting[K]]:
        """The first that waits, and all that may go with it; of one key, none overtakes another."""
        first = self._queue.popleft()
        group, others, size = [first], deque[_Waiting[K]](), first.batch.size
        while self._queue:
            each = self._queue.popleft()
            if each.key == first.key:
                size += each.batch.size
            is_next = each.key == first.key and size <= MOST_SPANS
            (group if is_next else others).append(each)
        self._queue = others
        return group

    async def _write_together(self, group: list[_Waiting[K]]) -> None:
        group = [each for each in group if not each.done.cancelled()]
        if len(group) > 1:
            whole = Batch()
            for each in group:
                whole.take(each.batch)
            if await self._has_written(group, whole):
                return
        for each in group:
            await self._has_written([each], each.batch)

    async def _has_written(self, group: list[_Waiting[K]], batch: Batch) -> bool:
        """Write a batch and tell its waiters; False when each should be tried by itself."""
        try:
            await self._write(group[0].key, batch)
        except Exception as error:  # noqa: BLE001  (whatever it is, its waiters are told)
            # One of them may hold what the database refuses: which, is seen one by one.
            if len(group) > 1 and not isinstance(error, Unavailable):
                return False
            _fail(group, error)
        else:
            _finish(group)
        return True


def _finish(group: list[_Waiting[K]]) -> None:
    for each in group:
        if not each.done.done():
            each.done.set_result(None)


def _fail(group: list[_Waiting[K]], error: BaseException) -> None:
    """Each gets an error of its own: a traceback that is shared would grow with each raise."""
    for each in group:
        if not each.done.done():
            each.done.set_exception(_copy(error))


def _copy(error: BaseException) -> BaseException:
    if not isinstance(error, CommonholdError):
        return error
    known = copy(error)
    known.__cause__ = error
    return known
