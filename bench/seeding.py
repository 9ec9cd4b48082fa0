"""Fills a service over its own wire, the same posts for both, and checks what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx2

from bench import workloads
from bench.workloads import Call, Seeded

WRITERS = 16


class Mismatch(Exception):
    """A service answered something else than it should: its speed would mean nothing."""


async def seed(url: str, told: Callable[[int], None]) -> Seeded:
    """Post everything; `told` hears of each success."""
    sessions, traces, votes = workloads.seed_calls()
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        await _post_all(client, sessions, told)
        await _post_all(client, traces, told)
        answers = await _post_all(client, votes, told)
    return Seeded(
        sessions=[call.path.rpartition("/")[2] for call in sessions],
        traces=[str(call.body["trace_id"]) for call in traces if call.body],
        votes=[str(answer["feedback_id"]) for answer in answers],
    )


def seed_size() -> int:
    """How many posts `seed` makes."""
    return workloads.SESSIONS + workloads.TRACES + workloads.VOTES


async def _post_all(
    client: httpx2.AsyncClient, calls: list[Call], told: Callable[[int], None]
) -> list[dict[str, object]]:
    answers: list[dict[str, object]] = [{} for _ in calls]
    waiting: Iterator[tuple[int, Call]] = iter(enumerate(calls))

    async def write() -> None:
        for index, call in waiting:
            answer = await client.request(call.method, call.path, json=call.body)
            if answer.status_code not in (200, 201):
                raise Mismatch(f"{call.method} {call.path}: {answer.status_code} {answer.text}")
            answers[index] = answer.json()
            told(1)

    await asyncio.gather(*(write() for _ in range(WRITERS)))
    return answers


def check_alike(ours: str, theirs: str, mine: Seeded, other: Seeded) -> None:
    """Ask both services the same and compare what a client reads in the answers.

    Raises:
        Mismatch: they differ, so a ratio would compare two different things.
    """
    with httpx2.Client(base_url=ours) as left, httpx2.Client(base_url=theirs) as right:
        for number in (0, len(mine.sessions) - 1):
            path = f"/v1/sessions/{mine.sessions[number]}"
            _same(path, left.get(path).json(), right.get(path).json())
            _same(f"{path}/cost_data", *(c.get(f"{path}/cost_data").json() for c in (left, right)))
        for number in (0, len(mine.traces) - 1):
            path = f"/v1/traces/{mine.traces[number]}"
            _same(path, *(_trace(c.get(path).json()) for c in (left, right)))
        path = "/v1/traces?limit=50&offset=0"
        _same(path, *({len(c.get(path).json())} for c in (left, right)))
        path = "/v1/feedback?limit=50&offset=0"
        _same(path, *({len(c.get(path).json())} for c in (left, right)))
        path = "/v1/feedback/stats?window=day"
        _same(path, *(_counts(c.get(path).json()) for c in (left, right)))
        _same("feedback", *(_vote(c, s) for c, s in ((left, mine), (right, other))))


def _same(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Mismatch(f"{what}: {str(ours)[:400]} is not {str(theirs)[:400]}")


def _trace(body: dict[str, object]) -> dict[str, object]:
    spans = body["spans"]
    assert isinstance(spans, list)
    kept = ("span_id", "parent_span_id", "name", "start_time", "end_time", "attributes", "events")
    kept_spans = [{key: span[key] for key in kept} for span in spans]
    return {"trace_id": body["trace_id"], "spans": sorted(kept_spans, key=lambda s: s["span_id"])}


def _counts(rows: list[dict[str, object]]) -> list[tuple[object, ...]]:
    kept = ("agent_type", "thumbs_up", "thumbs_down", "total")
    return sorted(tuple(row[key] for key in kept) for row in rows)


def _vote(client: httpx2.Client, seeded: Seeded) -> dict[str, object]:
    body = client.get(f"/v1/feedback/{seeded.votes[7]}").json()
    changing = ("feedback_id", "created_at", "updated_at", "agent")
    return {key: value for key, value in body.items() if key not in changing}
