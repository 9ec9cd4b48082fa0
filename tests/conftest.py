"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests import profiles
from tests.databases import Databases, on_server
from tests.postgres import PostgresMissing, PostgresServer

profiles.load()

# Before anything imports it, whichever part of the tests is run.
pytest.register_assert_rewrite("commonhold.testing.suite")

OUTSIDE = ("COMMONHOLD_", "OTEL_", "PG", "SSL_CERT_")
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's reaches a test; those of the tests themselves stay."""
    for name in list(os.environ):
        setting = name.startswith(OUTSIDE) and not name.startswith("COMMONHOLD_TEST_")
        if setting or name.upper() in PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Databases]:
    """One server for the session: the one `COMMONHOLD_TEST_POSTGRES` names, or our own."""
    named = os.environ.get("COMMONHOLD_TEST_POSTGRES")
    if named:
        databases = Databases(on_server(named))
        yield databases
        databases.close()
        return
    try:
        server = PostgresServer().start()
    except PostgresMissing as reason:
        no_postgres(reason)
    databases = Databases(server.dsn, copies_files=True)
    yield databases
    databases.close()
    server.close()


def no_postgres(reason: PostgresMissing) -> NoReturn:
    """Skip what needs it, but never in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must test on Postgres: {reason}", pytrace=False)
    pytest.skip(f"no Postgres: {reason}")


@pytest.fixture
def postgres_url(postgres_server: Databases) -> Iterator[str]:
    """The address of a fresh database with the current schema."""
    name = postgres_server.create_migrated()
    yield postgres_server.dsn(name)
    postgres_server.drop(name)


@pytest.fixture
def empty_postgres_url(postgres_server: Databases) -> Iterator[str]:
    """The address of a fresh database without any table."""
    name = postgres_server.create()
    yield postgres_server.dsn(name)
    postgres_server.drop(name)
