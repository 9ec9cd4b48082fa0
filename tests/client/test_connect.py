"""`commonhold.connect`: every scheme, one per surface or one for all, and what the environment says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import commonhold
from commonhold import Closed, InvalidRequest, NewFeedback, Stores, Unavailable, Unsupported
from commonhold.client import HttpBackend
from commonhold.client.null import NullBackend
from commonhold.settings import ClientSettings
from commonhold.sql import SqlBackend
from commonhold.testing import factories
from tests.client.misbehaving import serving, session

NOTHING = ClientSettings()


async def test_null_keeps_nothing() -> None:
    """`null:` is all three surfaces on one backend."""
    async with commonhold.connect("null:") as stores:
        await stores.sessions.put("s1", factories.messages("m1"))
        assert await stores.sessions.find("s1") is None
        assert [type(backend) for backend in stores.backends] == [NullBackend]


@pytest.mark.parametrize("slashes", [3, 4])
async def test_sqlite_is_a_file(
    slashes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three slashes are relative to the working folder, four absolute."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///agent.db" if slashes == 3 else f"sqlite:///{tmp_path}/agent.db"
    async with commonhold.connect(url) as stores:
        await stores.sessions.put("s1", factories.messages("m1"))
    assert (tmp_path / "agent.db").is_file()
    async with commonhold.connect(url) as stores:
        assert (await stores.sessions.get("s1")).message_count == 1


async def test_sqlite_may_be_memory() -> None:
    """The same URL for three surfaces is one database."""
    memory = "sqlite:///:memory:"
    async with commonhold.connect(sessions=memory, traces=memory, feedback=memory) as stores:
        await stores.feedback.create(NewFeedback(rating=1))
        assert len(stores.backends) == 1
        assert len((await stores.feedback.list()).items) == 1


async def test_a_scheme_may_be_spelt_in_capitals_and_padded() -> None:
    """As URLs may be, and as lines of an environment file are; it is the same place."""
    async with commonhold.connect(
        sessions="SQLITE:///:memory:", traces=" null:\n", feedback="sqlite:///:memory:"
    ) as stores:
        await stores.check()
        assert [type(backend) for backend in stores.backends] == [SqlBackend, NullBackend]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
async def test_postgres_by_both_its_names(scheme: str, postgres_url: str) -> None:
    """The URL is the one other tools take."""
    url = f"{scheme}:{postgres_url.partition(':')[2]}"
    async with commonhold.connect(url, agent="weather") as stores:
        made = await stores.sessions.create()
    assert made.agent == "weather"


async def test_a_service_is_a_backend() -> None:
    """Awaited, the stores are the caller's to close."""
    async with serving(session("s1")) as server:
        stores = await commonhold.connect(server.url, agent="weather", token="t0ken")
        assert (await stores.sessions.get("s1")).session_id == "s1"
        await stores.aclose()
        with pytest.raises(Closed):
            await stores.sessions.get("s1")
    assert server.seen[0].target.startswith("/a/weather/")
    assert server.seen[0].headers["authorization"] == "Bearer t0ken"


async def test_a_service_need_not_be_up_to_be_connected_to() -> None:
    """An agent starts whether or not the platform is there."""
    async with serving() as gone:
        url = gone.url
    async with commonhold.connect(url) as stores:
        with pytest.raises(Unavailable, match="Cannot reach"):
            await stores.check()


async def test_each_surface_may_be_elsewhere(tmp_path: Path) -> None:
    """What has no URL of its own is where `url` says."""
    async with (
        serving(session("s1")) as server,
        commonhold.connect(
            f"sqlite:///{tmp_path}/agent.db", sessions=server.url, traces="null:"
        ) as stores,
    ):
        await stores.sessions.get("s1")
        await stores.traces.put(factories.trace("t1"))
        vote = await stores.feedback.create(NewFeedback(rating=1))
        assert await stores.traces.find("t1") is None
        assert await stores.feedback.find(vote.feedback_id) == vote
        kinds = [type(backend) for backend in stores.backends]
    assert kinds == [HttpBackend, NullBackend, SqlBackend]
    assert len(server.seen) == 1


async def test_everything_is_closed_at_the_end(tmp_path: Path) -> None:
    """Every backend of the mixture."""
    async with commonhold.connect(f"sqlite:///{tmp_path}/a.db", traces="null:") as stores:
        pass
    with pytest.raises(Closed):
        await stores.sessions.list()
    with pytest.raises(Closed):
        await stores.traces.list()


async def test_what_was_opened_is_closed_when_another_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left behind by a connection that failed."""
    closed: list[object] = []
    close = SqlBackend.aclose

    async def aclose(backend: SqlBackend) -> None:
        await close(backend)
        closed.append(backend)

    monkeypatch.setattr(SqlBackend, "aclose", aclose)
    good = f"sqlite:///{tmp_path}/good.db"
    bad = f"sqlite:///{tmp_path}/no/such/folder/bad.db"
    with pytest.raises(InvalidRequest, match="does not exist"):
        await commonhold.connect(sessions=good, traces=good, feedback=bad)
    assert len(closed) == 1


@pytest.mark.parametrize(
    "url", ["otlp+grpc://host:4317", "mysql://me:s3cret@h/d", "redis://h", "agent.db", "", "s3cret"]
)
def test_another_scheme_is_refused_with_those_that_are_allowed(url: str) -> None:
    """At the call, before anything is awaited, and without what the URL holds."""
    with pytest.raises(InvalidRequest) as caught:
        commonhold.connect(url, settings=NOTHING)
    for scheme in ("null:", "sqlite:///", "postgresql://", "https://"):
        assert scheme in caught.value.detail
    assert "s3cret" not in caught.value.detail


def test_without_any_url_the_error_says_what_to_set() -> None:
    """Only what is lacking is asked for."""
    with pytest.raises(InvalidRequest, match="COMMONHOLD_URL"):
        commonhold.connect()
    with pytest.raises(InvalidRequest, match="COMMONHOLD_TRACES_URL") as caught:
        commonhold.connect(sessions="null:", feedback="null:")
    assert "COMMONHOLD_SESSIONS_URL" not in caught.value.detail


def test_an_agent_no_store_could_name_is_refused() -> None:
    """Wherever it would write."""
    with pytest.raises(InvalidRequest, match="agent"):
        commonhold.connect("null:", agent="a/b")


async def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One URL for all, one more for a surface, and who writes with what credential."""
    async with serving(session("s1")) as server:
        monkeypatch.setenv("COMMONHOLD_URL", f"sqlite:///{tmp_path}/agent.db")
        monkeypatch.setenv("COMMONHOLD_SESSIONS_URL", server.url)
        monkeypatch.setenv("COMMONHOLD_FEEDBACK_URL", "null:")
        monkeypatch.setenv("COMMONHOLD_AGENT", "weather")
        monkeypatch.setenv("COMMONHOLD_TOKEN", "t0ken")
        async with commonhold.connect() as stores:
            await stores.sessions.get("s1")
            await stores.traces.put(factories.trace("t1"))
            found = await stores.traces.get("t1")
            kinds = [type(backend) for backend in stores.backends]
    assert kinds == [HttpBackend, SqlBackend, NullBackend]
    assert {span.agent for span in found.spans} == {"weather"}
    assert server.seen[0].target == "/a/weather/v1/sessions/s1/summary"
    assert server.seen[0].headers["authorization"] == "Bearer t0ken"


async def test_what_the_code_says_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An argument for all surfaces wins over a variable for one of them too."""
    monkeypatch.setenv("COMMONHOLD_SESSIONS_URL", "mysql://elsewhere")
    monkeypatch.setenv("COMMONHOLD_AGENT", "other")
    async with commonhold.connect("null:", agent="weather") as stores:
        assert (await stores.sessions.create()).agent == "weather"


async def test_settings_may_be_given_instead_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For tests, and for applications with a configuration of their own."""
    monkeypatch.setenv("COMMONHOLD_URL", "mysql://elsewhere")
    async with commonhold.connect(settings=ClientSettings(url="null:", agent="a1")) as stores:
        assert (await stores.sessions.create()).agent == "a1"


async def test_a_connection_can_be_opened_again() -> None:
    """Each time is a backend of its own."""
    connection = commonhold.connect("null:")
    async with connection as first:
        second = await connection
        assert isinstance(second, Stores)
        await second.aclose()
        await first.check()


async def test_an_extra_that_is_missing_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The base install is the client; Postgres needs its driver."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "commonhold.sql.postgres", raising=False)
    with pytest.raises(Unsupported, match=r"pip install 'commonhold\[postgres\]'") as caught:
        await commonhold.connect("postgresql://me:s3cret@host/name")
    assert "s3cret" not in caught.value.detail
    assert "asyncpg" in caught.value.detail


def test_sqlite_needs_no_extra(tmp_path: Path) -> None:
    """One agent on one file runs on the base install."""
    code = f"""
import asyncio, sys
for name in ("asyncpg", "fastapi", "starlette", "uvicorn", "prometheus_client", "jinja2", "typer"):
    sys.modules[name] = None
import commonhold
async def main():
    async with commonhold.connect("sqlite:///{tmp_path}/agent.db") as stores:
        print(await stores.sessions.create() is not None)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("True", "")
