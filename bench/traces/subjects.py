"""Who is compared: how each is started, and how what it holds is read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import asyncpg
import httpx2

from bench import servers
from bench.environment import BENCH, Environment
from bench.servers import Served

Backend = Literal["sqlite", "postgres"]
Who = Literal["commonhold", "mlflow", "phoenix"]

NAMES = {"sqlite": "SQLite", "postgres": "Postgres"}
HERE = Path(__file__).parent
MLFLOW = Environment(HERE / "mlflow.txt", BENCH.parent / ".venv-mlflow")
PHOENIX = Environment(HERE / "phoenix.txt", BENCH.parent / ".venv-phoenix")


@dataclass(frozen=True, slots=True)
class Place:
    """A database of one service's own, and a folder for its log."""

    backend: Backend
    address: str
    folder: Path

    @property
    def url(self) -> str:
        """As Commonhold takes it; so does SQLAlchemy, when nothing in it is escaped."""
        return f"sqlite:///{self.address}" if self.backend == "sqlite" else self.address

    @property
    def log(self) -> Path:
        """Where the service prints to."""
        return self.folder / "log"

    async def count(self, table: str) -> int:
        """Rows that another process can read."""
        query = f"SELECT count(*) FROM {table}"
        if self.backend == "sqlite":
            uri = f"file:{self.address}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=60)) as file:
                return int(file.execute(query).fetchone()[0])
        connection = await asyncpg.connect(self.address)
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class Subject:
    """A service that takes OTLP over HTTP.

    `connections` is how many suit it best, of 1, 4, 16 and 64.
    """

    who: Who
    title: str
    connections: int
    table: str
    start: Callable[[Place], AbstractContextManager[Served]]
    read: Callable[[httpx2.Client, str], list[Any]]
    headers: dict[str, str] = field(default_factory=dict)

    def spans_of(self, served: Served, trace_ids: list[str]) -> list[int]:
        """How many spans of each trace its own API gives back."""
        with httpx2.Client(base_url=served.url, timeout=60) as client:
            return [len(self.read(client, trace_id)) for trace_id in trace_ids]


def _commonhold(place: Place) -> AbstractContextManager[Served]:
    return servers.commonhold(place.url, place.log)


def _mlflow(place: Place) -> AbstractContextManager[Served]:
    port = servers.free_port()
    command = [str(MLFLOW.python()), "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--backend-store-uri", unquote(place.url)]
    command += ["--default-artifact-root", str(place.folder / "artifacts")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return servers.running("mlflow", command, port, place.log, probe="/health", settings=quiet)


def _phoenix(place: Place) -> AbstractContextManager[Served]:
    port = servers.free_port()
    settings = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(servers.free_port()),
        "PHOENIX_WORKING_DIR": str(place.folder),
        "PHOENIX_SQL_DATABASE_URL": unquote(place.url),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    command = [str(PHOENIX.python().with_name("phoenix")), "serve"]
    return servers.running("phoenix", command, port, place.log, settings=settings)


def _from_commonhold(client: httpx2.Client, trace_id: str) -> list[Any]:
    return _list(client.get(f"/v1/traces/{trace_id}"), "spans")


def _from_mlflow(client: httpx2.Client, trace_id: str) -> list[Any]:
    answer = client.get("/api/3.0/mlflow/traces/get", params={"trace_id": f"tr-{trace_id}"})
    return _list(answer, "trace", "spans")


def _from_phoenix(client: httpx2.Client, trace_id: str) -> list[Any]:
    return _list(client.get("/v1/projects/default/spans", params={"trace_id": trace_id}), "data")


def _list(answer: httpx2.Response, *path: str) -> list[Any]:
    if answer.status_code == 404:
        return []
    found = answer.raise_for_status().json()
    for key in path:
        found = found.get(key, {})
    return list(found)


COMMONHOLD = Subject("commonhold", "Commonhold", 64, "span", _commonhold, _from_commonhold)
SUBJECTS = (
    COMMONHOLD,
    Subject(
        "mlflow", "MLflow", 16, "spans", _mlflow, _from_mlflow, {"x-mlflow-experiment-id": "0"}
    ),
    Subject("phoenix", "Phoenix", 4, "spans", _phoenix, _from_phoenix),
)
