"""The page about the curve in the documentation: its tables come from the run, its prose from here."""

from __future__ import annotations

from bench.curve import plot, show
from bench.curve.cases import CONTENDERS, LONG, PUT_LENGTH, SHORT, Plan
from bench.curve.results import FLAT, PUT_TIMES, Found, Promise
from bench.curve.show import NAMES, lengths
from bench.environment import BENCH

FOLDER = BENCH.parent / "docs" / "reference"

HEAD = """\
# The curve

<!-- Written by `python -m bench curve --publish`; edit `bench/curve/page.py` instead. -->

What does one more turn cost when a session is long already?
A turn adds two messages, a question and an answer of about 300 bytes each, to a session that holds 10 to 10,000 of them.

![Milliseconds of one turn over the messages in the session](curve.png)

Left, the turn is only added.
Right, the agent reads the whole history first, as agents do at the beginning of a turn; that grows with the history for everyone.
Both axes are logarithmic, and the four panels have the same scale.
The times are those of one small machine: compare them with one another, not with times from elsewhere.
"""

SERVICE = """\
Over HTTP there is a service in a process of its own, a client that waits for its answer, and a log line; in process there is none of it.
So the lines of the service say what a fleet pays that shares one store, and the line of Commonhold in process is the one to hold beside the frameworks.
"""

COMPARED = """\
## Who is compared

| line | what a turn is |
|---|---|
"""

READING = """\
Reading is `GET /v1/sessions/{id}`, `sessions.history` with its messages decoded, `load`, `get_items`, and `get_session`.

A runner of google-adk gets the session with `get_session` at the beginning of each turn, so that its whole turn is the one on the right; on the left are its two appends alone.
Each of them is a transaction of its own, where the others write both messages in one.
Over HTTP the client encodes and decodes JSON, as an agent does; so do the frameworks, in process.
"""

WRITTEN = """\
## What is written

Kilobytes for adding one turn, by the length of the session.
On SQLite they are counted by the kernel, for what this process writes to files: journal, log and database together.
On Postgres they are what the write-ahead log grew by; no checkpoint falls into the run, since it would hit one and spare another.
"""

PROMISED = f"""\
## What is promised

- An append at message {LONG:,} costs at most {FLAT:g} times an append at message {SHORT}, in time, bytes written and rows read.
- A PUT of {PUT_LENGTH:,} unchanged messages plus one has at least {PUT_TIMES:g} times the throughput of the `save` of `fipsagents` on Postgres.
  `python -m bench lists` measures that, with eight writers at once, and [finds it kept](scale.md#lists-saved-again); the ratios of it below are times of one client that waits for each answer, its own part in them, and are shown all the same.

"""

ROWS = """\
Rows read are counted by Postgres itself, rows of tables and entries of indexes together: for one append

"""

ROWS_TAIL = """\
Statistics are what `ANALYZE` collects, which Postgres runs by itself about a minute after a table was filled.
Before everything else that is measured here on Postgres, it has run, for everyone.
SQLite has no such counter; there the [plans](../../tests/plans) of the statements are asserted.
The PUT over HTTP is sent as a body that was encoded beforehand, to both services, so that the client's part is not in it; the other side is the store of `fipsagents` behind FastAPI, as in [speed](speed.md).
"""


def publish(found: Found) -> None:
    """Write the page and its plot."""
    plot.plot(found, FOLDER / "curve.png")
    (FOLDER / "curve.md").write_text(text(found))


def text(found: Found) -> str:
    """The page."""
    parts = [HEAD, _times(found), SERVICE, COMPARED + _compared(), _versions(found), READING]
    parts += [PROMISED + _promises(found), ROWS + _rows(found), ROWS_TAIL]
    parts += [WRITTEN, _written(found), _method(Plan())]
    return "\n".join(parts)


def _times(found: Found) -> str:
    parts = []
    for backend in found.backends:
        for series, title in show.SERIES.items():
            heading = f"{NAMES[backend]}, {title}, ms"
            parts.append(_table(found, heading, show.times(found, backend, series)))
    return "\n".join(["## Times\n", *parts])


def _written(found: Found) -> str:
    return "\n".join(
        _table(found, f"{NAMES[backend]}, kB", show.written(found, backend))
        for backend in found.backends
    )


def _table(found: Found, heading: str, rows: list[tuple[str, list[str]]]) -> str:
    head = [heading, *(f"{length:,}" for length in lengths(found))]
    lines = [_line(head), "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *(_line([name, *cells]) for name, cells in rows)]) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _compared() -> str:
    return "\n".join(_line([one.title, one.does]) for one in CONTENDERS) + "\n"


def _versions(found: Found) -> str:
    named = ("fipsagents", "openai-agents", "google-adk", "SQLAlchemy", "aiosqlite", "asyncpg")
    peers = ", ".join(f"{name} {found.facts[name]}" for name in named)
    return (
        f"Versions: {peers}; Python {found.facts['python']}, SQLite {found.facts['sqlite']}.\n"
        "The frameworks are used as their documentation shows, with the settings they come with.\n"
        "Every write is durable: SQLite waits for the disk at each commit, and Postgres runs with"
        " `fsync` and `synchronous_commit` on.\n"
    )


def _promises(found: Found) -> str:
    rows = [_promise(one) for one in found.promises()]
    return (
        "\n".join(
            ["| ratio of | database | promised | found | |", "|---|---|---:|---:|---|", *rows]
        )
        + "\n"
    )


def _promise(one: Promise) -> str:
    verdict = "" if one.target is None else "kept" if one.is_kept else "not kept"
    return _line([one.what, NAMES[one.backend], one.bound, f"**{one.ratio:.2f}x**", verdict])


def _rows(found: Found) -> str:
    head = _line(["Postgres", f"at message {SHORT}", f"at message {LONG:,}"])
    rows = [
        _line([state, *(f"{read[length]:,.1f}" for length in (SHORT, LONG))])
        for state, read in found.rows.items()
    ]
    return "\n".join([head, "|---|---:|---:|", *rows]) + "\n"


def _method(plan: Plan) -> str:
    return f"""\
## How it is measured

Every contender has databases of its own, on the same Postgres server, and sessions of its own for each length, as many as it takes that none grows by more than about a twentieth.
Both services and both measuring processes run all the time; one of them works and the others wait.
In each of {plan.rounds} rounds every point is visited once, in an order that is shuffled anew, so that a drift of the machine hits all alike.
A visit is one turn that does not count and up to {plan.operations} that do ({plan.promise_operations} for what is promised), each timed on its own; the median over all rounds is what is shown.
What a measuring process holds for its other points is hidden from Python's garbage collector, as if it served this one session.
In the end every session is read back: it must hold as many messages as it was given, or the run is void.

## Do it again

```console
$ make bench ARGS=curve                               # both databases, some minutes
$ make bench ARGS="curve --quick --database sqlite"   # shorter and noisier
```

The first time, the frameworks are installed into `.venv-peers`, with the versions in `bench/peers.txt`.
All samples of a run are kept in `bench/results/curve.json`.
"""
