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
