"""`commonhold traces` and `commonhold agents` on a file, and on a service over the same file."""

from __future__ import annotations

import asyncio
import json
import select
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from _pytest.fixtures import SubRequest
from msgspec import structs

import commonhold
from commonhold.cli import trace_export
from commonhold.model.otel import OtelSpan, Resource, Scope
from commonhold.model.trace import TraceQuery
from commonhold.otlp.decode import spans_from_json
from tests import processes
from tests.cli.commands import MISUSED, SCRIPT, Result, check_one_line, run
from tests.processes import Process

Command = Callable[..., Result]
NOON_NS = 1_777_291_200_000_000_000
SECOND = 1_000_000_000
MEGABYTE = 1 << 20
HOSTILE = "\x1b[31mred\x07 [bold]markup[/bold] \u202egnp.exe"


def a_trace(
    number: int, agent: str, *, failed: bool = False, start_ns: int = NOON_NS
) -> list[OtelSpan]:
    """A request with a model call and a tool call, told as an exporter tells it."""
    trace_id, start = f"{number:032x}", start_ns + number * SECOND
    resource = Resource({"service.name": agent, "service.version": "2.1"})
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.input.messages": f'[{{"role":"user","content":"weather {number} {agent}"}}]',
    }
    rows: list[tuple[str, int | None, int, int, dict[str, Any]]] = [
        ("invoke_agent", None, 0, 4, {"gen_ai.operation.name": "invoke_agent", "session.id": "s1"}),
        ("chat gpt-4o", 1, 0, 2, chat),
        (f"execute_tool {HOSTILE}", 1, 2, 4, {"gen_ai.operation.name": "execute_tool"}),
    ]
    return [
        OtelSpan(
            *(trace_id, f"{n + 1:016x}", f"{parent:016x}" if parent else None, name, 1),
            *(start + begin * SECOND, start + end * SECOND),
            attributes={**attributes, "tier": "gold" if number == 2 else "free"},
            resource=resource,
            scope=Scope("tests"),
            status_code=2 if failed and n == 2 else 0,
            status_message=HOSTILE if failed and n == 2 else "",
        )
        for n, (name, parent, begin, end, attributes) in enumerate(rows)
    ]


async def fill(url: str) -> None:
    """Three traces of two agents, one of which failed."""
    async with commonhold.connect(url) as stores:
        for number, agent in ((1, "weather"), (2, "billing"), (3, "weather")):
            await stores.traces.record(a_trace(number, agent, failed=number == 3))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a file with traces."""
    url = f"sqlite:///{tmp_path_factory.mktemp('kept')}/kept.db"
    asyncio.run(fill(url))
    return url


@pytest.fixture(scope="module")
def service(kept: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service over that file."""
    with processes.service(kept, tmp_path_factory.mktemp("service")) as process:
        yield process


@pytest.fixture(params=["file", "service"])
def command(request: SubRequest, kept: str, tmp_path: Path) -> Command:
    """Runs `commonhold ...` on the same traces, reached in both ways."""
    process: Process | None = None
    if request.param == "service":
        process = request.getfixturevalue("service")
    url = kept if process is None else process.url

    def call(*arguments: str, columns: int = 150) -> Result:
        environ = {"COMMONHOLD_URL": url, "COLUMNS": str(columns)}
        return run(*arguments, folder=tmp_path, environ=environ)

    return call


def ids(result: Result) -> list[int]:
    """The traces of `--json`, by number."""
    assert result.status == 0, result.err
    return [int(json.loads(line)["trace_id"], 16) for line in result.out.splitlines()]


def test_traces_are_listed_newest_first(command: Command) -> None:
    """Who, what, how long, how many tokens and dollars."""
    told = command("traces", "list")
    assert told.status == 0, told.err
    rows = [line for line in told.out.splitlines() if "invoke_agent" in line]
    assert [("billing" in row, "error" in row) for row in rows] == [
        (False, True),
        (True, False),
        (False, False),
    ]
    assert all("4" in row and "1,000/10" in row and "gpt-4o" in row for row in rows)


def test_a_narrow_terminal_shows_the_same_traces(command: Command) -> None:
    """None is lost, and no line is longer than it is wide."""
    told = command("traces", "list", columns=60)
    assert told.status == 0
    assert told.out.count("invoke_agent") == 3


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], [3, 2, 1]),
        (["--agent", "weather"], [3, 1]),
        (["--status", "error"], [3]),
        (["--session", "s1", "--limit", "2"], [3, 2]),
        (["--attribute", "tier=gold"], [2]),
        (["--query", "billing"], [2]),
        (["--kind", "tool", "--model", "gpt-4o"], [3, 2, 1]),
        (["--min-duration", "5s"], []),
        (["--min-cost", "0.001"], [3, 2, 1]),
        (["--feedback", "none", "--sort", "duration", "--limit", "1"], [3]),
        (["--feedback", "down"], []),
    ],
    ids=lambda given: " ".join(map(str, given)),
)
def test_traces_are_narrowed(command: Command, filters: list[str], found: list[int]) -> None:
    """By every filter that lists of the API have."""
    assert ids(command("traces", "list", "--json", *filters)) == found


def test_a_trace_is_shown_as_a_waterfall(command: Command) -> None:
    """Children under their parents, on one axis; what failed says why."""
    told = command("traces", "show", f"{3:032x}")
    assert told.status == 0, told.err
    lines = told.out.splitlines()
    tree = [line for line in lines if "invoke_agent" in line or "├" in line or "└" in line]
    assert any("chat gpt-4o" in line and "1,000/10" in line for line in tree)
    assert any("execute_tool" in line for line in tree)
    assert "weather" in told.out
    full = command("traces", "show", "--full", f"{3:032x}")
    assert "weather 3 weather" in full.out


def test_what_agents_wrote_commands_no_terminal(command: Command) -> None:
    """Escapes, bells and turned text are spelled out, and markup is text."""
    for arguments in (["show", f"{3:032x}"], ["show", "--full", f"{3:032x}"]):
        told = command("traces", *arguments)
        assert told.status == 0
        assert not set("\x1b\x07\u202e") & set(told.out)
        assert "[bold]" in told.out


def test_a_trace_is_given_in_both_shapes(command: Command) -> None:
    """Native, and as OTLP without loss."""
    native = json.loads(command("traces", "show", "--json", f"{2:032x}").out)
    assert [span["kind"] for span in native["spans"]] == ["agent", "llm", "tool"]
    spans, rejected = spans_from_json(command("traces", "show", "--otlp", f"{2:032x}").out.encode())
    assert (spans, rejected.count) == (a_trace(2, "billing"), 0)


def test_a_trace_that_is_not_there_is_one_line(command: Command) -> None:
    """With what was asked for."""
    assert "nothing" in check_one_line(command("traces", "show", "nothing"), 1)


def test_filters_that_cannot_be_are_misuse(command: Command) -> None:
    """Before anything is asked."""
    for bad in (["--min-duration", "long"], ["--attribute", "tier"], ["--sort", "color"]):
        assert command("traces", "list", *bad).status == MISUSED


def test_traces_are_exported_in_each_format(command: Command, tmp_path: Path) -> None:
    """All of them, whole; and the file has its name only then."""
    for kind in ("jsonl", "otlp", "parquet"):
        told = command("traces", "export", "--format", kind, "-o", f"all.{kind}")
        assert told.status == 0, told.err
        assert "3 traces with 9 spans" in told.err
    native = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [len(trace["spans"]) for trace in native] == [3, 3, 3]
    requests = (tmp_path / "all.otlp").read_bytes().splitlines()
    assert sorted(spans_from_json(line)[0][0].trace_id for line in requests) == [
        f"{number:032x}" for number in (1, 2, 3)
    ]
    rows = pq.read_table(tmp_path / "all.parquet").to_pylist()
    assert len(rows) == 9
    assert sum(row["input_tokens"] or 0 for row in rows) == 3000
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "all.jsonl",
        "all.otlp",
        "all.parquet",
    ]


async def test_an_export_is_flat_in_memory(tmp_path: Path) -> None:
    """Traces of 24 MB go by in a fraction of that, in each format, whatever their number."""
    trace_of = partial(a_trace, agent="weather")
    async with commonhold.connect(f"sqlite:///{tmp_path}/many.db") as stores:
        for number in range(1, 61):
            first, *rest = trace_of(number)
            padded = {**first.attributes, "input.value": f"{number:05}" * (MEGABYTE // 12)}
            await stores.traces.record([structs.replace(first, attributes=padded), *rest])
        for kind in trace_export.WRITERS:
            tracemalloc.start()
            with (tmp_path / kind).open("wb") as to:
                asked = TraceQuery()
                told = await trace_export.write_all(stores.traces, asked, kind, to, is_seen=False)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert (told.traces, told.spans) == (60, 180)
            assert peak < 20 * MEGABYTE, kind
    assert (tmp_path / "jsonl").stat().st_size > 24 * MEGABYTE


def test_parquet_without_pyarrow_says_what_to_install(kept: str, tmp_path: Path) -> None:
    """One sentence, before a file is made; the other formats need nothing."""
    for kind, status in (("parquet", 1), ("jsonl", 0)):
        code = "import sys; sys.modules['pyarrow'] = None; from commonhold.cli import main; main()"
        arguments = ["traces", "export", "--format", kind, "-o", f"all.{kind}", "--url", kept]
        told = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == status, told.stderr
        is_told = "pip install 'commonhold[parquet]'" in " ".join(told.stderr.split())
        assert is_told == (kind == "parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


def test_new_traces_are_followed(tmp_path: Path) -> None:
    """Each once, also when it grows; Ctrl+C ends it in order."""
    url, now = f"sqlite:///{tmp_path}/followed.db", time.time_ns() // SECOND * SECOND
    first, second = (a_trace(number, "weather", start_ns=now) for number in (1, 2))
    asyncio.run(record(url, first))
    words = f"traces tail --json --interval 0.1 --last 1 --url {url}"
    command = [str(SCRIPT), *words.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tail:
        try:
            assert number_of(tail) == 1
            asyncio.run(record(url, first, second[:1]))
            assert number_of(tail) == 2
            asyncio.run(record(url, second))
            tail.send_signal(signal.SIGINT)
            rest, _ = tail.communicate(timeout=20)
        finally:
            tail.kill()
    assert (tail.returncode, rest) == (0, "")


async def record(url: str, *batches: list[OtelSpan]) -> None:
    """Keep spans."""
    async with commonhold.connect(url) as stores:
        for spans in batches:
            await stores.traces.record(spans)


def number_of(tail: subprocess.Popen[str]) -> int:
    """The next trace that is told; fails when none is."""
    assert tail.stdout is not None
    assert select.select([tail.stdout], [], [], 20)[0], "nothing was told"
    return int(json.loads(tail.stdout.readline())["trace_id"], 16)


def test_agents_are_listed_with_what_they_did(command: Command) -> None:
    """Requests, errors, latency, tokens and cost in a window."""
    told = command("agents", "--json", "--since", "2026-01-01T00:00:00Z")
    assert told.status == 0, told.err
    found = {each["agent"]: each for each in map(json.loads, told.out.splitlines())}
    weather = found["weather"]
    assert (weather["requests"], weather["prompt_tokens"], weather["p95_ms"]) == (2, 2000, 4000.0)
    assert weather["versions"] == ["2.1"]
    assert found["billing"]["requests"] == 1
    table = command("agents", "--since", "2026-01-01T00:00:00Z")
    assert "weather" in table.out
    assert "2,000/20" in table.out
