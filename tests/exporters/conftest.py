"""Real exporters, and the service as a process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import processes
from tests.exporters import environments
from tests.exporters.environments import Emitter, Missing
from tests.processes import Process


@pytest.fixture(scope="session")
def emitters(pytestconfig: pytest.Config) -> Mapping[str, Emitter]:
    """Every exporter by its name."""
    cache = pytestconfig.cache.mkdir("exporters")
    try:
        return {name: environments.emitter(name, cache) for name in environments.NAMES}
    except Missing as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must test the real exporters: {reason}", pytrace=False)
        pytest.skip(f"no exporters: {reason}")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'commonhold.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def service(database: str, tmp_path: Path) -> Iterator[Process]:
    """A running service."""
    with processes.service(database, tmp_path) as process:
        yield process
