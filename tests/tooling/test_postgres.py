"""The tests' own Postgres: what the other tests lean on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from tests.arch.source import ROOT
from tests.conftest import no_postgres
from tests.databases import Databases, on_server
from tests.postgres import PostgresMissing, PostgresServer, binaries


def gone(path: Path) -> bool:
    """Whether `path` disappears before we lose patience."""
    deadline = time.monotonic() + 30
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not path.exists()


def is_running(pid: int) -> bool:
    """Whether a process does anything; one that only awaits its parent's notice does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    command = Path(f"/proc/{pid}/cmdline")
    return not command.exists() or command.read_bytes() != b""


async def tables(url: str) -> int:
    """How many tables of ours are in a database."""
    connection = await asyncpg.connect(url)
    try:
        count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        return int(await connection.fetchval(count))
    finally:
        await connection.close()


async def test_a_test_gets_the_current_schema_or_none(
    postgres_url: str, empty_postgres_url: str
) -> None:
    """One fixture gives the schema, the other an empty database."""
    assert await tables(postgres_url) > 0
    assert await tables(empty_postgres_url) == 0


async def test_databases_of_one_session_are_apart(postgres_server: Databases) -> None:
    """What is written to one database is not in the next one."""
    first, second = postgres_server.create(), postgres_server.create()
    connection = await asyncpg.connect(postgres_server.dsn(first))
    await connection.execute("CREATE TABLE mine (id int)")
    await connection.close()

    assert await tables(postgres_server.dsn(first)) == 1
    assert await tables(postgres_server.dsn(second)) == 0

    postgres_server.drop(first)
    postgres_server.drop(second)


async def test_a_connection_left_open_fails_the_test_that_left_it(
    postgres_server: Databases,
) -> None:
    """A store that is not closed does not go unnoticed, and its database still goes."""
    name = postgres_server.create()
    connection = await asyncpg.connect(postgres_server.dsn(name))

    with pytest.raises(AssertionError, match="left connections open"):
        postgres_server.drop(name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(postgres_server.dsn(name))

    connection.terminate()


async def test_a_durable_server_keeps_its_commits_through_kill9() -> None:
    """A committed row is there after every process of the server was killed and started again."""
    with PostgresServer(durable=True) as server:
        connection = await asyncpg.connect(server.dsn())
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
        server.kill9()
        connection.terminate()

        server.start()
        connection = await asyncpg.connect(server.dsn())
        assert await connection.fetchval("SELECT id FROM kept") == 7
        await connection.close()


DIES_RUNNING = """
import os, signal
from tests.postgres import PostgresServer
server = PostgresServer().start()
print(server.pid, server.home, server.data, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
DIES_STARTING = """
import os, signal
from tests.postgres import PostgresServer
server = PostgresServer()
print(0, server.home, server.data, flush=True)
server._run = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
server.start()
"""


@pytest.mark.parametrize("program", [DIES_RUNNING, DIES_STARTING], ids=["running", "starting"])
def test_the_server_does_not_outlive_killed_tests(program: str) -> None:
    """When the process of the tests is killed, its server ends and its files go."""
    died = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )

    assert died.returncode == -signal.SIGKILL
    pid, home, data = died.stdout.split()
    assert gone(Path(home))
    assert gone(Path(data))
    assert pid == "0" or not is_running(int(pid))


def test_closing_leaves_nothing() -> None:
    """After `close` there is no process and no file of the server."""
    server = PostgresServer().start()
    assert server.pid is not None
    pid = server.pid
    server.close()

    assert not server.home.exists()
    assert not server.data.exists()
    assert not is_running(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
async def test_binaries_in_a_private_folder_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that only root can read still gives a server."""
    wheel = binaries().parents[1]
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(part, tmp_path / part.name, symlinks=True)
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tests.postgres.binaries", lambda: tmp_path / wheel.name / "pginstall/bin")

    with PostgresServer() as server:
        connection = await asyncpg.connect(server.dsn())
        assert await connection.fetchval("SHOW timezone") == "UTC"
        await connection.close()


def test_without_postgres_a_test_is_skipped_but_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's machine may lack Postgres; CI may not."""
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="no wheel"):
        no_postgres(PostgresMissing("no wheel"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no wheel"):
        no_postgres(PostgresMissing("no wheel"))


@pytest.mark.parametrize(
    ("server", "database"),
    [
        ("postgresql://u:p@db:5433", "postgresql://u:p@db:5433/new"),
        ("postgresql://db/old?sslmode=require", "postgresql://db/new?sslmode=require"),
        ("postgresql:///old?host=%2Ftmp%2Fx", "postgresql:///new?host=%2Ftmp%2Fx"),
    ],
)
def test_a_named_server_keeps_all_but_the_database(server: str, database: str) -> None:
    """The address of a database is that of the server, whatever else it says."""
    assert on_server(server)("new") == database
