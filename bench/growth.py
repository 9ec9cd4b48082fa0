"""`python -m bench growth`: what a page of sessions costs among a thousand, and among a million."""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from commonhold.model.opaque import JsonText
from commonhold.model.session import SessionQuery
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.database import Tx
from tests.databases import Databases
from tests.postgres import PostgresServer

SIZES = (1_000, 10_000, 100_000, 1_000_000)
CALLS = 60
RESULTS = Path(__file__).with_name("results")
console = Console()

QUERIES: Mapping[str, SessionQuery] = {
    "newest": SessionQuery(),
    "agent": SessionQuery(agent="agent3"),
    "user": SessionQuery(user="user7"),
    "participant": SessionQuery(participant="agent3"),
    "holder": SessionQuery(holder="agent4"),
    "running": SessionQuery(status="running"),
    "metadata": SessionQuery(metadata=JsonText('{"customer":"c5"}')),
    "a rare word": SessionQuery(q="needle"),
}
"""One page of fifty each. Every filter has more than a page of matches at every size."""

AUTHOR = "'agent' || (n % 10), 'user' || (n % 10), 'x', 'asserted'"
HOUR = 3_600_000_000
SESSIONS = f"""
INSERT INTO session (tenant, session_id, owner_agent, owner_user, actor, delegation, metadata,
    message_count, head_seq, version, cost_data, state, created_at, updated_at, holder,
    lease_token, lease_holder, lease_until)
SELECT 'default', 's' || n, {AUTHOR}, '{{}}', 1, 1, 1, '{{}}', '{{}}', n * 1000, n * 1000,
    'agent' || ((n + 1) % 10), 1, CASE WHEN n % 10 = 0 THEN 'worker' END,
    CASE WHEN n % 10 = 0 THEN {2**62} ELSE 0 END
FROM (SELECT n FROM numbers) AS numbered;
"""
PARTICIPANTS = """
INSERT INTO participant (tenant, session_id, owner_agent, owner_user, session_at, message_count,
    first_seq, last_seq, first_at, last_at)
SELECT 'default', 's' || n, 'agent' || (n % 10), 'user' || (n % 10), n * 1000, 1, 1, 1, 0, 0
FROM (SELECT n FROM numbers) AS numbered;
"""
LABELS = """
INSERT INTO session_label (tenant, session_id, label, session_at)
SELECT 'default', 's' || n, '["customer","c' || (n % 10) || '"]', n * 1000
FROM (SELECT n FROM numbers) AS numbered;
"""
WORDS = """
INSERT INTO message_text (tenant, session_id, seq, words)
SELECT 'default', 's' || n, 1, {words} FROM (SELECT n FROM numbers) AS numbered;
"""
TEXT = (
    "'some words of message ' || n || CASE WHEN n % 10 = 0 AND n <= 1000 THEN ' needle' ELSE '' END"
)
AS_WORDS = {"sqlite": TEXT, "postgres": f"array_to_tsvector(string_to_array({TEXT}, ' '))"}

Times = dict[str, dict[int, float]]


def growth(
    quick: Annotated[bool, typer.Option("--quick", help="Up to 100,000 sessions.")] = False,
) -> None:
    """What a page of sessions costs among a thousand sessions, and among a million."""
    sizes = SIZES[:-1] if quick else SIZES
    found: dict[str, Times] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="commonhold-growth-"))
        server = PostgresServer().start()
        stack.callback(server.close)
        databases = Databases(server.dsn, copies_files=True)
        urls = {
            "SQLite": f"sqlite:///{folder}/growth.db",
            "Postgres": server.dsn(databases.create_migrated()),
        }
        for name, url in urls.items():
            with console.status(name) as status:
                found[name] = asyncio.run(_measure(url, sizes, status.update))
            console.print(_table(name, found[name]))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "growth.json").write_text(json.dumps(found, indent=1) + "\n")
    console.print("Kept in bench/results/growth.json")


async def _measure(url: str, sizes: tuple[int, ...], say: Any) -> Times:
    times: Times = {name: {} for name in QUERIES}
    have = 0
    async with await open_backend(url, command_timeout_s=None) as backend:
        for size in sizes:
            say(f"{backend.dialect}: filling up to {size:,} sessions")
            await backend.database.write(partial(_fill, backend, have, size))
            have = size
            say(f"{backend.dialect}: asking among {size:,} sessions")
            for name, query in QUERIES.items():
                times[name][size] = await _median_ms(backend, query)
    return times


async def _fill(backend: SqlBackend, have: int, want: int, tx: Tx) -> None:
    words = WORDS.replace("{words}", AS_WORDS[backend.dialect])
    numbers = (
        f"WITH RECURSIVE numbers (n) AS "
        f"(SELECT {have + 1} UNION ALL SELECT n + 1 FROM numbers WHERE n < {want})"
    )
    for insert in (SESSIONS, PARTICIPANTS, LABELS, words):
        before, select, after = insert.partition("SELECT 'default'")
        await tx.script(f"{before}{numbers}\n{select}{after}")
    await tx.script("ANALYZE;\n")


async def _median_ms(backend: SqlBackend, query: SessionQuery) -> float:
    assert len((await backend.sessions.list(query)).items) == query.limit
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        await backend.sessions.list(query)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _table(name: str, times: Times) -> Table:
    sizes = list(next(iter(times.values())))
    table = Table(title=f"{name}: ms of a page of 50", box=None, title_justify="left")
    for heading in ("by", *(f"{size:,}" for size in sizes), "largest / smallest"):
        table.add_column(heading, justify="left" if heading == "by" else "right")
    for query, by_size in times.items():
        ratio = by_size[sizes[-1]] / by_size[sizes[0]]
        table.add_row(query, *(f"{by_size[size]:.2f}" for size in sizes), f"{ratio:.2f}x")
    return table
