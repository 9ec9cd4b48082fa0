"""Load by `wrk`: one thread, keep-alive connections, and what it cost."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Served, cpu_of
from bench.workloads import Call

SCRIPT = Path(__file__).with_name("replay.lua")
RESULT = re.compile(r"^RESULT (\{.*\})$", re.MULTILINE)


class BadRun(Exception):
    """A run that measured something else than successful requests."""


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run. Shares are of one core: 1.0 is a core kept busy."""

    rate: float
    p50_us: float
    p99_us: float
    generator_cpu: float
    service_cpu: float
    database_cpu: float

    @property
    def service_us(self) -> float:
        """Processor time of the service for one request, in microseconds."""
        return self.service_cpu / self.rate * 1e6


def write_requests(
    calls: list[Call],
    path: Path,
    *,
    conversation: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Path:
    """Write the list `replay.lua` reads; each pass through a `conversation` has one fresh id."""
    shared = "".join(f'["{name}"] = "{value}", ' for name, value in (headers or {}).items())
    lines = ["return {", f"conversation = {str(conversation).lower()},"]
    lines.append(f"headers = {{ {shared}}},")
    path.write_text("\n".join([*lines, *(f"{call.as_lua()}," for call in calls), "}", ""]))
    return path


def run(
    served: Served,
    requests: Path,
    *,
    run_id: str,
    seconds: int,
    connections: int,
    database_pid: int | None = None,
) -> Run:
    """Replay `requests` for `seconds`.

    Raises:
        BadRun: a response was not 2xx, or a connection failed.
    """
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--latency"]
    command += ["--duration", f"{seconds}s", "--timeout", "20s", "--script", str(SCRIPT)]
    environment = {**os.environ, "BENCH_REQUESTS": str(requests), "BENCH_RUN": run_id}
    before = (served.cpu_seconds(), cpu_of(database_pid) if database_pid else 0.0)
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, served.url], stdout=subprocess.PIPE, env=environment, text=True
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - started
    after = (served.cpu_seconds(), cpu_of(database_pid) if database_pid else 0.0)
    facts = _facts(output, process.returncode)
    return Run(
        rate=facts["requests"] / (facts["micros"] / 1e6),
        p50_us=facts["p50"],
        p99_us=facts["p99"],
        generator_cpu=(usage.ru_utime + usage.ru_stime) / took,
        service_cpu=(after[0] - before[0]) / took,
        database_cpu=(after[1] - before[1]) / took,
    )


def _facts(output: str, code: int) -> dict[str, float]:
    found = RESULT.search(output)
    if code != 0 or found is None:
        raise BadRun(f"wrk failed ({code}): {output[-500:]}")
    facts: dict[str, float] = json.loads(found.group(1))
    if facts["refused"] or facts["failed"] or not facts["requests"]:
        raise BadRun(f"not every request succeeded: {found.group(1)}")
    return facts
