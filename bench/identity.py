"""`python -m bench identity`: what proving who calls costs a write.

The same requests go to services over databases of their own, one of which asks nobody, in turns
within one run.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import load, servers, workloads
from bench.load import Run
from bench.servers import Served
from bench.workloads import Seeded, Workload
from commonhold import compose
from commonhold.model.key import NewKey
from commonhold.model.registry import Identity, NewAgent
from commonhold.service.keys import BOOTSTRAP
from commonhold.settings import Settings
from tests.auth.minting import OURS, URL, Mint, public, rsa
from tests.databases import Databases
from tests.postgres import PostgresServer

RESULTS = Path(__file__).with_name("results")
PEPPER = "a pepper of thirty-two bytes or so"
AGENT, CLIENT = "weather", "weather-client"
WRITES = ("session-put", "feedback-post", "trace-post")

BOUNDS = {"a key": 1.10, "a token": 1.15}
"""How many times as long as an unasked write one may take. With a user there is more to do: votes of
a user on one turn are one vote."""

CONNECTIONS = 16
CALLERS = 4
Backend = Literal["sqlite", "postgres"]
console = Console(width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True, slots=True)
class Asked:
    """A service, the headers with which it is written to, and what stands before each path.

    Who is not asked is named by the path: else there would be no agent, and less to write.
    """

    how: str
    served: Served
    headers: Mapping[str, str]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one write took: microseconds between two answers, and of the service's processor."""

    backend: str
    write: str
    how: str
    turnaround_us: float
    cpu_us: float


def identity(
    quick: Annotated[bool, typer.Option("--quick", help="Shorter and noisier.")] = False,
    database: Annotated[
        Backend | None, typer.Option("--database", help="One database instead of both.")
    ] = None,
) -> None:
    """What a key and a token cost a write, beside a service that asks nobody."""
    found: list[Cost] = []
    backends = [database] if database else ["sqlite", "postgres"]
    seconds, rounds = (1, 3) if quick else (2, 7)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = (
            stack.enter_context(PostgresServer(durable=True)) if "postgres" in backends else None
        )
        for backend in backends:
            found += _measure(backend, Path(folder), server, seconds, rounds)
    console.print(_table(found))
    RESULTS.mkdir(exist_ok=True)
    told = [{name: getattr(each, name) for name in Cost.__slots__} for each in found]
    (RESULTS / "identity.json").write_text(json.dumps(told, indent=1))


def _measure(
    backend: str, folder: Path, server: PostgresServer | None, seconds: int, rounds: int
) -> list[Cost]:
    with ExitStack() as stack:
        if server is None or backend == "sqlite":
            urls = [f"sqlite:///{folder}/{n}.db" for n in range(CALLERS)]
        else:
            databases = Databases(server.dsn)
            stack.callback(databases.close)
            urls = [databases.dsn(databases.create_migrated()) for _ in range(CALLERS)]
        asked = _services(stack, urls, folder)
        pids = [each.served.pid for each in asked]
        if server is not None and server.pid is not None:
            pids.append(server.pid)
        chosen = [each for name in WRITES for each in workloads.named([name])]
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(backend, total=len(chosen) * (rounds + 1) * len(asked))
            costs: list[Cost] = []
            for workload in chosen:
                runs = _turns(workload, asked, folder, pids, seconds, rounds)
                kept: dict[str, list[Run]] = {each.how: [] for each in asked}
                for how, run in runs:
                    progress.advance(task)
                    if run is not None:
                        kept[how].append(run)
                costs += [_cost(backend, workload.title, how, all_) for how, all_ in kept.items()]
            return costs


def _services(stack: ExitStack, urls: list[str], folder: Path) -> list[Asked]:
    """One that asks nobody, and those that take keys and tokens, each over a database of its own."""
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps(public(rsa())))
    issuer = {
        "alias": "main",
        "issuer": URL,
        "audiences": [OURS],
        "kind": "keycloak",
        "jwks_file": str(jwks),
    }
    settings = {
        "COMMONHOLD_AUTH": "keys,oidc",
        "COMMONHOLD_PEPPER": PEPPER,
        "COMMONHOLD_OIDC_ISSUERS": json.dumps([issuer]),
    }

    def served(number: int) -> Served:
        log = folder / f"service{number}.log"
        asks = settings if number else None
        return stack.enter_context(servers.commonhold(urls[number], log, settings=asks))

    keys = [asyncio.run(_prepare(Settings.load({"database": url}, settings))) for url in urls[1:]]
    own, user = _tokens()
    both = {"Authorization": f"Bearer {user}", "X-Agent-Authorization": f"Bearer {keys[2]}"}
    return [
        Asked("nobody is asked", served(0), {}, f"/a/{AGENT}"),
        Asked("a key", served(1), {"Authorization": f"Bearer {keys[0]}"}),
        Asked("a token", served(2), {"Authorization": f"Bearer {own}"}),
        Asked("a user's token and a key", served(3), both),
    ]


def _tokens() -> tuple[str, str]:
    """That of the agent's client itself, and that of a user."""
    hour = {"exp": int(Mint().said()["iat"]) + 3600, "typ": "Bearer"}
    own = Mint(claims={"azp": CLIENT, "client_id": CLIENT, **hour}).token(
        {"typ": "JWT"}, sub="0b9f", preferred_username=f"service-account-{CLIENT}"
    )
    return own, Mint(claims={"azp": "ui", "client_id": None, **hour}).token({"typ": "JWT"})


async def _prepare(settings: Settings) -> str:
    """A key of the agent, to whom the client of an issuer is bound as well."""
    async with compose.open_key_ring(settings) as ring:
        issued = await ring.create(BOOTSTRAP, NewKey("agent", AGENT))
    async with compose.open_registry(settings) as registry:
        await registry.put(BOOTSTRAP, NewAgent(AGENT))
        await registry.bind(BOOTSTRAP, AGENT, Identity("oidc_client", "main", CLIENT))
    return issued.text


def _turns(
    workload: Workload,
    asked: list[Asked],
    folder: Path,
    pids: list[int],
    seconds: int,
    rounds: int,
) -> Iterator[tuple[str, Run | None]]:
    """Runs of all in turns, each time another first. The first of each only warms up.

    Words of spans are indexed for a while after their write, which must not count for the next.
    """
    for number in range(rounds + 1):
        for place in range(len(asked)):
            turn = (place + number) % len(asked)
            each = asked[turn]
            requests = load.write_requests(
                [replace(call, path=each.path + call.path) for call in workload.calls(Seeded())],
                folder / f"{workload.name}-{turn}.lua",
                conversation=workload.conversation,
                headers=each.headers,
            )
            servers.settle(pids)
            run = load.run(
                each.served,
                requests,
                run_id=f"{turn}{number:03x}",
                seconds=seconds if number else 1,
                connections=CONNECTIONS,
            )
            yield each.how, run if number else None


def _cost(backend: str, write: str, how: str, runs: list[Run]) -> Cost:
    turnaround = statistics.median(1e6 / run.rate for run in runs)
    return Cost(backend, write, how, turnaround, statistics.median(run.service_us for run in runs))


def _table(found: list[Cost]) -> Table:
    shown = Table(title="What proving who calls costs a write")
    for name in ("write", "database", "who calls proves it by"):
        shown.add_column(name, no_wrap=True)
    for name in ("us", "cpu us", "ratio", "cpu ratio", "bound"):
        shown.add_column(name, justify="right")
    base: Cost | None = None
    for each in found:
        base = (
            each
            if base is None or (each.backend, each.write) != (base.backend, base.write)
            else base
        )
        bound = BOUNDS.get(each.how)
        ratio = each.turnaround_us / base.turnaround_us
        colour = "green" if bound is None or ratio <= bound else "red"
        shown.add_row(
            *(each.write, each.backend, each.how),
            *(f"{each.turnaround_us:.0f}", f"{each.cpu_us:.0f}"),
            f"[{colour}]{ratio:.2f}x[/]",
            f"{each.cpu_us / base.cpu_us:.2f}x",
            "" if bound is None else f"{bound:.2f}x",
        )
    return shown
