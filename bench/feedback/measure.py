"""Asks one database at every size it grows to."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from bench import load
from bench.asking import NotAnswered, median_ms
from bench.feedback import filling, seeds
from bench.feedback.filling import DAYS
from bench.feedback.results import Exported, Found
from bench.servers import Served, memory_of
from bench.traces.copies import Told
from bench.traces.load import settle
from bench.traces.run import Field
from bench.traces.subjects import COMMONHOLD, Place
from bench.workloads import Call

PAGE = 50
THUMBS, STATS = "thumbs-down this week, newest 50, with turns", "90 days by agent, a day each"
SHAPES = (("records", "jsonl"), ("turns", "jsonl"), ("records", "csv"), ("records", "parquet"))
ROUNDS, SECONDS, CONNECTIONS = 5, 4, 8
EVERY_S = 0.05
CHUNK = 1 << 20


def measure(ground: Field, sizes: tuple[int, ...], exported: tuple[int, ...], told: Told) -> Found:
    """Everything on a new database.

    Raises:
        NotAnswered: an answer is wrong.
        BadRun: a write failed.
    """
    found = Found(ground.backend, {THUMBS: {}, STATS: {}})
    with ground.place() as place:
        with COMMONHOLD.start(place) as served:
            told(f"{place.backend}: the first {seeds.RECORDS:,} records")
            asyncio.run(seeds.plant(served.url))
        done = 1
        for size in sizes:
            copies = size // seeds.RECORDS
            asyncio.run(filling.grow(place, done, copies - 1, told))
            done = copies
            with COMMONHOLD.start(place) as served:
                asyncio.run(settle(served))
                _read(served, place, size, found, told)
                if size in exported:
                    _export(served, place, size, found, told)
    with ground.place() as place, COMMONHOLD.start(place) as served:
        asyncio.run(seeds.plant(served.url))
        _write(served, place, found, told)
    return found


def _read(served: Served, place: Place, size: int, found: Found, told: Told) -> None:
    for what, path, is_right in (
        (THUMBS, _thumbs(), lambda page: len(page) == PAGE and all(_has_turn(e) for e in page)),
        (STATS, _stats(), lambda cells: sum(each["count"] for each in cells) > 0.9 * size),
    ):
        told(f"{place.backend}: {what}, among {size:,}")
        found.reads[what][size] = median_ms(served, path, is_right)


def _has_turn(record: dict[str, object]) -> bool:
    return bool(record["question"] and record["answer"])


def _thumbs() -> str:
    asked = {"rating": -1, "since": _ago(7), "limit": PAGE, "expand": "turn"}
    return f"/v1/feedback?{urlencode(asked)}"


def _stats() -> str:
    asked = {"since": _ago(DAYS), "window": "day", "group_by": "agent"}
    return f"/v1/feedback/stats?{urlencode(asked)}"


def _ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def _export(served: Served, place: Place, size: int, found: Found, told: Told) -> None:
    for shape, form in SHAPES:
        told(f"{place.backend}: {size:,} {shape} as {form}")
        found.exports.append(_exported(served, shape, form, size))


def _exported(served: Served, shape: str, form: str, size: int) -> Exported:
    before, highest, is_over = memory_of(served.pid), [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(EVERY_S):
            highest.append(memory_of(served.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.perf_counter()
    lines = length = 0
    try:
        with urlopen(f"{served.url}/v1/feedback/export?shape={shape}&format={form}") as answer:
            while chunk := answer.read(CHUNK):
                length += len(chunk)
                lines += chunk.count(b"\n")
    finally:
        is_over.set()
        watching.join()
    if form == "jsonl" and lines != size:
        raise NotAnswered(f"the file has {lines:,} lines, not {size:,}")
    took = time.perf_counter() - started
    return Exported(shape, form, size, took, length, max(highest) - before)


def _write(served: Served, place: Place, found: Found, told: Told) -> None:
    """Pairs of rates, one right after the other, in turns."""
    path = load.write_requests(_calls(), place.folder / "votes.lua")
    for each in range(ROUNDS):
        told(f"{place.backend}: writes, round {each + 1} of {ROUNDS}")
        rates = {True: 0.0, False: 0.0}
        for is_counted in (True, False) if each % 2 else (False, True):
            rates[is_counted] = asyncio.run(_rate(served, place, path, is_counted, each))
        found.counted.append(rates[True])
        found.uncounted.append(rates[False])


def _calls() -> list[Call]:
    return [Call("POST", "/v1/feedback", vote) for vote in seeds.votes()]


async def _rate(served: Served, place: Place, path: Path, is_counted: bool, each: int) -> float:
    def run() -> float:
        name = f"{'c' if is_counted else 'u'}{each:03d}"
        made = load.run(
            served, path, run_id=name, seconds=SECONDS, connections=CONNECTIONS, database_pid=None
        )
        return made.rate

    if is_counted:
        return await asyncio.to_thread(run)
    async with filling.uncounted(place):
        return await asyncio.to_thread(run)
