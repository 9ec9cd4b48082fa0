"""Every backend there is, behind the one fixture of the conformance suite."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from commonhold import client, sql
from commonhold.contract.stores import Backend, Stores
from commonhold.http import HttpOptions, create_app
from commonhold.model.redaction import Policy
from commonhold.otlp.requests import spans_of
from commonhold.sql import migrate
from commonhold.testing.conformance import Capabilities, acting_as, clock, excused
from commonhold.wrap import RedactedBackend, Redaction
from tests.streaming import StreamingTransport

__all__ = ["acting_as", "clock", "excused"]

BACKENDS = (
    "sqlite-file",
    "sqlite-memory",
    "postgres",
    "http+sqlite",
    "http+postgres",
)

ONE_CREDENTIAL = "a service takes tenant and user from the credential, and a client has one"
OVER_HTTP = Capabilities(
    excused={
        "S8": ONE_CREDENTIAL,
        "T7": ONE_CREDENTIAL,
        "F6": ONE_CREDENTIAL,
        "test_sessions_are_narrowed_by_user": ONE_CREDENTIAL,
        "test_an_agent_that_wrote_for_many_users_took_part_once": ONE_CREDENTIAL,
        "test_who_took_part_did_so_for_a_user": ONE_CREDENTIAL,
        "test_a_key_of_an_agent_for_two_users_is_two_appends": ONE_CREDENTIAL,
        "test_a_user_has_one_vote_on_a_turn": ONE_CREDENTIAL,
        "test_a_vote_names_the_user_on_whose_behalf_it_came": ONE_CREDENTIAL,
    }
)


@pytest.fixture(params=BACKENDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which backend a test runs on."""
    return request.param


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the current schema and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "common.db"
    asyncio.run(migrate.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
def database_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database for that backend, with its schema where that is a file."""
    if "postgres" in kind:
        url: str = request.getfixturevalue("postgres_url")
        return url
    if kind == "sqlite-memory":
        return "sqlite:///:memory:"
    shutil.copy(request.getfixturevalue("migrated"), tmp_path / "common.db")
    return f"sqlite:///{tmp_path}/common.db"


@pytest.fixture
async def backend(kind: str, database_url: str) -> AsyncIterator[Backend]:
    """A backend that keeps nothing yet."""
    database = await sql.open_backend(database_url)
    if not kind.startswith("http+"):
        yield database
        await database.aclose()
        return
    async with served(database) as remote:
        yield remote
    await database.aclose()


async def _policy_of(_tenant: str) -> Policy:
    return Policy()


@asynccontextmanager
async def served(database: Backend) -> AsyncIterator[Backend]:
    """Our own client, through our own service, which redacts, to `database`."""
    redacted = RedactedBackend(database, Redaction(_policy_of, spans_of))
    app = create_app(Stores.on(redacted), HttpOptions(loopback_only=False))
    remote = client.open_backend("http://commonhold.test", transport=StreamingTransport(app))
    yield remote
    await remote.aclose()


@pytest.fixture
def capabilities(kind: str) -> Capabilities:
    """What a client cannot do, whatever is behind it."""
    return OVER_HTTP if kind.startswith("http+") else Capabilities()
