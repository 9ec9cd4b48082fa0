"""The page about speed in the documentation: ratios only, and how to get them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.measure import Comparison

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"

HEAD = """\
# Speed

<!-- Written by `python -m bench native --publish`; edit `bench/page.py` instead. -->

Speed is measured as ratios, in one run, on one machine.
A rate in requests per second says more about a machine than about a program, so none is given here.

## Native reads and writes

Compared are two services, one worker each, with the same requests in the same run:

- **Commonhold**, as `commonhold serve` starts it.
- **The stores of `fipsagents` 0.32.0**, their SQLite and Postgres classes as they are, served by
  FastAPI and uvicorn with uvloop and httptools and without an access log (`bench/baseline.py`).

Every acknowledged write is durable on both sides: SQLite waits for the disk at each commit, and
Postgres runs with `fsync` and `synchronous_commit` on.
Both answer the same: before anything is measured, what a client reads in their answers is compared.

"""

TAIL = """
The black mark in the plot is the target: three times the rate for writes, lists and statistics,
twice for point reads and probes.

### What each line does

| line | requests |
|---|---|
| GET /healthz | the probe of an orchestrator |
| HEAD session, GET session, GET cost_data | over 200 sessions of 20 messages, about 400 bytes each |
| GET trace | over 2,000 traces of 8 spans |
| GET feedback | over 10,000 records |
| list 50 of 2,000 traces | `GET /v1/traces?limit=50&offset=0` |
| list 50 of 10,000 votes | `GET /v1/feedback?limit=50&offset=0` |
| stats by day, 10,000 votes | `GET /v1/feedback/stats?window=day` |
| PATCH cost_data | over 200 sessions of 20 messages; the answer carries the messages |
| PUT session | conversations that grow from 1 to 20 messages, each PUT with the whole list |
| POST trace | a new trace of 8 spans each time |
| POST feedback | a new record each time |

### What stands in the way of writes at three times

Reads, lists and statistics reach their targets or miss them by a little, from run to run; most writes do not reach theirs yet.
Where the time of a write goes, on two cores with 16 connections:

- **Postgres.** Both cores are full: the service takes about 0.9 of one, the database 0.7 of the other.
  What the database alone spends on one durable write, indexes and WAL included, is about as much for both sides (some 200 µs each for a PUT), and it is a third of all that the other side spends.
  A third of the total is therefore out of reach while each request is a transaction of its own.
  Of the service's own time for POST feedback, sampled where the interpreter is held, the driver (asyncpg) takes 42 %, uvicorn and the event loop 37 %, routes, checks and metrics 12 %, the SQL layer 5 %, the log 4 %.
  What is ours to save is a fifth.
- **SQLite.** The rows of a vote cost 28 µs, and a commit about 200 µs of processor time besides the wait for the disk.
  With 16 connections about eight requests share a commit; neither core is full.
  The rest is the interpreter changing hands between the event loop and the writer thread.
  The other side has one connection for all its tasks, so that one task's commit also commits what others have half written: fast, and not what is promised here.
- This side writes a log line for every request, the other side none.

What was tried, and stayed:

| what | effect |
|---|---|
| one statement in one round trip instead of a transaction of four to six (Postgres) | not measured on its own |
| a log recognised from memory, checked by the statement itself: one round trip less for PUT and PATCH | not measured on its own |
| counts of votes by triggers: POST feedback is one statement | not measured on its own |
| requests that share a SQLite commit, gathered for at most a millisecond | POST feedback from 1.8x to 2.3x, PUT from 1.7x to 2.1x in runs of one minute |
| no savepoint around each unit, bulk rows in few executions, threads that switch sooner (SQLite) | with the above, processor time of a vote from 297 to 174 µs, of a PUT from 358 to about 200 µs, of a trace from 472 to 393 µs |
| log lines flushed in batches | about 20 µs of processor time for a request |

What is left to try: several requests in one Postgres transaction, or commits that are asynchronous and acknowledged after one shared flush; fewer indexes on messages; a writer that needs the interpreter only once for each batch.

### How it is measured

[`wrk`](https://github.com/wg/wrk) with one thread and 16 keep-alive connections replays prepared requests (`bench/replay.lua`).
Both services run at the same time, one of them idle; they are measured in turns of four seconds,
three turns each after a warm-up, and the median counts.
One answer that is not 2xx, or one failed connection, and the run is void.
"""

AGAIN = """
### Do it again

```console
$ make bench                                             # everything, about thirteen minutes
$ make bench ARGS="native --quick"                       # the same, shorter and noisier
$ make bench ARGS="native --only trace --database sqlite"
```

The numbers behind a run, with the processor shares of service, database and generator, are kept in
`bench/results/native.json`.
"""


def publish(found: Sequence[Comparison]) -> None:
    """Write the page and its plot."""
    report.plot(found, FOLDER / "speed.png")
    lines = [HEAD, *_rows(found), "", "![Ratios as bars](speed.png)", TAIL]
    (FOLDER / "speed.md").write_text("\n".join([*lines, _generator(found), AGAIN]))


def _rows(found: Sequence[Comparison]) -> list[str]:
    cells = {(row.title, row.backend): row for row in found}
    rows = ["| requests | target | SQLite | Postgres |", "|---|---|---|---|"]
    for title in dict.fromkeys(row.title for row in found):
        target = next(row.target for row in found if row.title == title)
        ratios = [cells.get((title, backend)) for backend in ("sqlite", "postgres")]
        shown = ["" if row is None else f"**{row.ratio:.1f}x**" for row in ratios]
        rows.append(f"| {title} | {target:g}x | {' | '.join(shown)} |")
    return rows


def _generator(found: Sequence[Comparison]) -> str:
    return report.generator_claim(found)
