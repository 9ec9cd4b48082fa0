"""The page about traces in the documentation: its tables come from the run, its prose from here."""

from __future__ import annotations

from bench.environment import BENCH
from bench.traces import plot, requests, show
from bench.traces.results import ENOUGH, HALF, TIMES, Found, Promise
from bench.traces.run import Plan
from bench.traces.show import TITLES
from bench.traces.subjects import NAMES, SUBJECTS

FOLDER = BENCH.parent / "docs" / "reference"

HEAD = """\
# Traces, beside others

<!-- Written by `python -m bench traces --publish`; edit `bench/traces/page.py` instead. -->

How many spans a second does a service take over OTLP, and how many of them can be read afterwards?

![Spans a second as bars](traces.png)

The scale is logarithmic.
The rates are those of one small machine of two cores, load generator and database included: compare them with one another, not with rates from elsewhere.
"""

COUNTED = """\
## What is counted

An acknowledgement says that a request was received; whether it is kept is another question.
So the rows in each product's own database are counted before and after, from another process, until as many are there as were acknowledged, or no more come.
*Readable/s* is what was found in the end, over the time from the first request until the last of it was there.
*Not readable* is the part of what was acknowledged that had not appeared when the wait was over.
*Complete* is a sample of traces that were acknowledged, asked for by their ids through each product's own API: so many had all their spans.
"""

PROMISED = f"""\
## What is promised

- At least {ENOUGH:,.0f} spans a second are acknowledged after their commit, or {HALF:.0%} of what a bare bulk insert of the same rows reaches: whichever is less.
- At least {TIMES["mlflow"]:g} times as many are readable as in MLflow, and {TIMES["phoenix"]:g} times as many as in Phoenix.

"""

COMPARED = """\
## Who is compared

| | how it runs |
|---|---|
| Commonhold | `commonhold serve`, one worker; a request is answered after its commit |
| MLflow | `mlflow server`, which has four workers, with the header `x-mlflow-experiment-id` |
| Phoenix | `phoenix serve`; it answers a request before it is written, and writes from a queue |
| bare bulk insert | the rows that Commonhold makes of the same requests, into its table of spans, by the driver alone: `executemany` on SQLite, `COPY` by four connections on Postgres, a commit after every hundred |
"""


def publish(found: Found) -> None:
    """Write the page and its plot."""
    plot.plot(found, FOLDER / "traces.png")
    (FOLDER / "traces.md").write_text(text(found))


def text(found: Found) -> str:
    """The page."""
    parts = [HEAD, "## Spans a second\n", _table(found, show.RATES, show.rates), COUNTED]
    parts += [PROMISED + _promises(found), COMPARED, _versions(found), "## What it took\n"]
    parts += [_table(found, show.COSTS, show.costs), _shares(), _method(Plan())]
    return "\n".join(parts)


def _table(found: Found, headings: tuple[str, ...], cells: show.Cells) -> str:
    lines = [_line(["database", "", *headings]), "|---|---|" + "---:|" * len(headings)]
    lines += [
        _line([NAMES[backend], TITLES[who], *cells(found, backend, who)])
        for backend in found.backends
        for who in TITLES
        if found.of(backend, who)
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _promises(found: Found) -> str:
    head = ["| | database | promised | found | |", "|---|---|---:|---:|---|"]
    return "\n".join([*head, *(_promise(one) for one in found.promises())]) + "\n"


def _promise(one: Promise) -> str:
    verdict = "kept" if one.is_kept else "not kept"
    least, value = one.shown(one.least), f"**{one.shown(one.found)}**"
    return _line([one.what, NAMES[one.backend], least, value, verdict])


def _versions(found: Found) -> str:
    facts = found.facts
    return (
        f"Versions: MLflow {facts['mlflow']}, Phoenix {facts['arize-phoenix']};"
        f" Python {facts['python']}, SQLite {facts['sqlite']}.\n"
        "All are used with the settings they come with, on a database of their own.\n"
        "Postgres runs with `fsync` and `synchronous_commit` on, for everybody.\n"
    )


def _shares() -> str:
    return (
        "Service, database and generator are shares of one core; on SQLite the database is in the"
        " service.\nMemory is the most that the service's processes held, all together.\n"
    )


def _method(plan: Plan) -> str:
    suits = ", ".join(f"{one.connections} for {one.title}" for one in SUBJECTS)
    return f"""\
## How it is measured

A request holds {requests.TRACES} traces of {requests.SPANS_PER_TRACE} spans: an agent that calls its model and tools and hands a part to another agent, about half a kilobyte of attributes each, as the conventions for generative AI name them.
There are {requests.TEMPLATES} different ones, encoded beforehand; ids and times are overwritten in place for each that is sent, so that every trace is new and the generator costs next to nothing.
The generator is a process of its own and holds as many connections as suit a subject best, of 1, 4, 16 and 64: {suits}.
Each of them sends its next request when the last one is answered, for {plan.seconds:g} seconds.

Only one subject runs at a time.
Each visit has a new process and a new database; it begins when the process is at rest and a first request of each connection is through.
There are {plan.repetitions} rounds, in an order that is shuffled anew; the medians are shown, and errors, refusals and samples are summed up.
For what is acknowledged and not there yet, a subject is given {plan.patience_s:g} seconds.

## Do it again

```console
$ make bench ARGS=traces                               # everything, about a quarter of an hour
$ make bench ARGS="traces --quick --database sqlite"   # shorter and noisier
$ make bench ARGS="overload --minutes 5"               # more than the service can take, for minutes
```

The first time, MLflow and Phoenix are installed into environments of their own, with the versions in `bench/traces/mlflow.txt` and `bench/traces/phoenix.txt`.
All visits of a run are kept in `bench/results/traces.json`.
"""
