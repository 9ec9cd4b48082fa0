"""The service as a process, and real clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.fixtures import SubRequest

from tests import processes
from tests.databases import Databases
from tests.processes import Process

DATABASES = ("sqlite", "postgres")


@pytest.fixture(scope="module", params=DATABASES)
def service(request: SubRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A running service, shared by the tests of a file: they use ids of their own."""
    folder = tmp_path_factory.mktemp(request.param)
    yield from _serving(request, folder)


@pytest.fixture(params=DATABASES)
def new_service(request: SubRequest, tmp_path: Path) -> Iterator[Process]:
    """A service over an empty database, not started yet."""
    database, forget = _database(request, tmp_path)
    process = processes.service(database, tmp_path)
    yield process
    process.stop()
    forget()


def _serving(request: SubRequest, folder: Path) -> Iterator[Process]:
    database, forget = _database(request, folder)
    with processes.service(database, folder) as process:
        yield process
    forget()


def _database(request: SubRequest, folder: Path) -> tuple[str, Callable[[], None]]:
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'commonhold.db'}", lambda: None
    databases: Databases = request.getfixturevalue("postgres_server")
    name = databases.create()
    return databases.dsn(name), lambda: databases.drop(name)
