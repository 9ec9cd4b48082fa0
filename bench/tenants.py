"""`python -m bench tenants`: what the wall between tenants costs a list, on Postgres.

The same rows are read through the same store, by a role that no row-level security stops and from
behind the wall, in turns within one run.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from commonhold.model.scope import Author, Scope
from commonhold.sql import SqlBackend, open_backend
from commonhold.testing.factories import messages, new_feedback, trace
from tests.auth.walled import walled
from tests.databases import Databases
from tests.postgres import PostgresServer

TENANTS = ("acme", "bolt")
RESULTS = Path(__file__).with_name("results")
ROWS = 2000
ROUNDS, CALLS = 41, 50
console = Console()

Work = Callable[[SqlBackend], Awaitable[object]]

WORKS: Mapping[str, Work] = {
    "a page of sessions": lambda bound: bound.sessions.list(),
    "a page of traces": lambda bound: bound.traces.list(),
    "a page of feedback": lambda bound: bound.feedback.list(),
    "one session": lambda bound: bound.sessions.history("s7"),
    "one trace": lambda bound: bound.traces.get("t7"),
    "an append": lambda bound: bound.sessions.append("s7", messages("more")),
}


def tenants(
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and noisier.")] = False,
) -> None:
    """What row-level security costs: the same calls with it and without, in one run."""
    with PostgresServer(durable=True) as server:
        databases = Databases(server.dsn)
        found = asyncio.run(_measure(databases, ROWS // 10 if quick else ROWS))
        databases.close()
    shown = Table("call", "without, us", "behind the wall, us", "ratio")
    for name, (without, behind, ratio) in found.items():
        shown.add_row(name, f"{without:.0f}", f"{behind:.0f}", f"{ratio:.2f}x")
    console.print(shown)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "tenants.json").write_text(json.dumps(found, indent=1))


async def _measure(databases: Databases, rows: int) -> dict[str, tuple[float, float, float]]:
    """Microseconds of each call, without the wall and behind it, and their ratio."""
    async with walled(databases) as database:
        scope = Scope(TENANTS[0], Author(agent="a"))
        async with (
            await open_backend(database.maintenance, upgrade=False) as across,
            await database.opened() as served,
        ):
            for tenant in TENANTS:
                await _fill(across.bind(Scope(tenant, Author(agent="a"))), rows)
            await database.as_admin("VACUUM ANALYZE")
            sides = (across.bind(scope), served.bind(scope))
            return {name: await _compare(work, sides) for name, work in WORKS.items()}


async def _fill(bound: SqlBackend, rows: int) -> None:
    for n in range(rows):
        await bound.sessions.put(f"s{n}", messages("m1", "m2"))
        await bound.traces.put(trace(f"t{n}"))
        await bound.feedback.create(new_feedback(session_id=f"s{n}", trace_id=f"t{n}"))


async def _compare(work: Work, sides: tuple[SqlBackend, SqlBackend]) -> tuple[float, float, float]:
    """Medians over rounds, and that of what a round behind the wall takes beside one without it.

    Two that are compared come right after each other, now one first and now the other.
    """
    pairs: list[list[float]] = []
    for number in range(ROUNDS):
        took = [0.0, 0.0]
        for turn in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            for _ in range(CALLS):
                await work(sides[turn])
            took[turn] = (time.perf_counter() - started) / CALLS * 1e6
        pairs.append(took)
    without, behind = (statistics.median(times) for times in zip(*pairs, strict=True))
    return without, behind, statistics.median(after / before for before, after in pairs)
