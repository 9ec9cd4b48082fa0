"""No secret reaches the storage, whichever way it comes in."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest

from commonhold.compose.app import create_app
from commonhold.http.app import API
from commonhold.settings import Settings
from tests.http.conftest import over
from tests.processes import free_port
from tests.redact.writes import SESSION, WRITES, Door, planted, trace_id

WRITERS = {
    *("sessions.create", "sessions.append", "sessions.put", "sessions.cost", "sessions.state"),
    *("sessions.handoff", "sessions.repair", "traces.write", "feedback.create", "feedback.update"),
    *("scores.create", "scores.update"),
}
"""Operations with text in what they are sent; `WRITES` has each."""

TEXTLESS = {"sessions.revert", "sessions.fork", "sessions.lease"}
"""Operations that write, and have none: numbers, and the name of whoever takes a turn."""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on both engines."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path}/kept.db"


@asynccontextmanager
async def serving(**chosen: Any) -> AsyncIterator[Door]:
    """A service as it is by default, and both doors of it."""
    settings = Settings(otlp_grpc_port=free_port(), **chosen)
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        over(app) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{settings.otlp_grpc_port}") as channel,
    ):
        yield Door(client, channel)


async def test_no_secret_is_in_any_table(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All that the database holds is searched: files with what was not yet moved, or every column."""
    caplog.set_level(logging.DEBUG)
    async with serving(database=database) as door:
        for name, write in WRITES.items():
            await write(door, planted(name))
        kept = await _everything(database, tmp_path)
        numbers = (await door.http.get("/metrics")).text
        shown = await door.http.get(f"/v1/traces/{trace_id(planted('protobuf')).hex()}")
        history = (await door.http.get(SESSION)).json()["messages"]

    secrets = {core: name for name in WRITES for core in planted(name).cores}
    assert not [name for core, name in secrets.items() if core in kept]
    assert not [name for core, name in secrets.items() if core in caplog.text.lower()]
    assert "[redacted:api_key]" in kept
    assert 'commonhold_redactions_total{rule="password"}' in numbers
    assert shown.json()["spans"][0]["attributes"]["gen_ai.usage.input_tokens"] == 412
    told = history[0]["tool_calls"][0]["function"]
    assert (told["kept"], told["note"]) == (17, "my key is [redacted:api_key], keep it")
    hidden = {"password": "[redacted:password]", "city": "Bern"}
    assert json.loads(told["deep"][0]["arguments"]) == hidden


async def test_everything_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    """With capture `full` each of the secrets is there: so the search would find it."""
    database = f"sqlite:///{tmp_path}/kept.db"
    async with serving(database=database, capture="full") as door:
        names = [name for name in WRITES if name != "large_protobuf"]
        for name in names:
            await WRITES[name](door, planted(name))
        kept = await _everything(database, tmp_path)

    assert [name for name in names if not all(core in kept for core in planted(name).cores)] == [
        "repair"  # which has room for one of the two
    ]


def test_every_operation_that_writes_is_tried() -> None:
    """One that is new fails here until it is in `WRITES`, or has no text."""
    methods = ("POST", "PUT", "PATCH")
    found = {each.action for each in API if each.method in methods}

    assert found == WRITERS | TEXTLESS


async def _everything(database: str, folder: Path) -> str:
    if database.startswith("sqlite"):
        return "\n".join(each.read_text("latin-1") for each in folder.glob("kept.db*")).lower()
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("SET bytea_output = 'escape'")
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = [await connection.fetch(f"SELECT t::text FROM {name} t") for (name,) in tables]
    finally:
        await connection.close()
    return "\n".join(row[0] for rows in found for row in rows).lower()
