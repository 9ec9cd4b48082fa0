"""A backend that is there before its database is."""

from __future__ import annotations

import asyncio

import pytest

from commonhold.compose import LateBackend, SqlBackend, app, storage
from commonhold.contract.stores import Backend, Stores
from commonhold.errors import Closed, InvalidRequest, Unavailable
from commonhold.model.scope import Author, Scope
from commonhold.settings import Settings
from commonhold.sql import open_backend
from commonhold.wrap import ObservedBackend

MESSAGE = '{"role": "user", "content": "Hello"}'


class Door:
    """Opens a database in memory once it is unlocked; until then it fails as it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.tries = 0

    async def __call__(self) -> SqlBackend:
        """One try."""
        self.tries += 1
        if self.failure is not None:
            raise self.failure
        return await open_backend("sqlite:///:memory:")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(storage, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(storage, "LAST_RETRY_S", 0.01)


async def until_open(backend: Backend) -> None:
    """Return when it can serve."""
    for _ in range(1000):
        try:
            return await backend.check()
        except Unavailable:
            await asyncio.sleep(0.01)
    raise AssertionError("it never opened")


async def test_a_database_that_is_there_is_open_at_once() -> None:
    """`start` returns when the first try has ended."""
    late = LateBackend(Door())
    await late.start()

    await late.check()
    assert late.stats()
    await late.aclose()


@pytest.mark.parametrize(
    "failure", [Unavailable("The database naps."), InvalidRequest("The database naps.")]
)
async def test_every_use_says_why_it_is_not_there(failure: Exception) -> None:
    """As something to try again later, whatever it was."""
    late = LateBackend(Door(failure))
    await late.start()

    with pytest.raises(Unavailable, match="naps"):
        await late.check()
    with pytest.raises(Unavailable, match="naps"):
        _ = late.sessions
    with pytest.raises(Unavailable, match="naps"):
        _ = late.bind(Scope()).traces
    assert late.stats() == {}
    await late.aclose()


async def test_what_should_not_happen_is_not_told_to_callers() -> None:
    """It may hold anything; the log has it."""
    late = LateBackend(Door(RuntimeError("password hunter2")))
    await late.start()

    with pytest.raises(Unavailable) as told:
        await late.check()
    assert "hunter2" not in told.value.detail
    await late.aclose()


async def test_stores_made_before_it_opened_work_after() -> None:
    """The application is put together before there is a database."""
    door = Door(Unavailable())
    late = LateBackend(door)
    await late.start()
    seen: list[tuple[str, str]] = []
    stores = Stores.on(ObservedBackend(late, lambda name, end, _: seen.append((name, end))))
    mine = stores.bind(Scope(author=Author(agent="tester")))

    with pytest.raises(Unavailable):
        await mine.sessions.put("s1", [MESSAGE])
    door.failure = None
    await until_open(late)
    await mine.sessions.put("s1", [MESSAGE])

    assert (await stores.sessions.get("s1")).agent == "tester"
    assert door.tries > 1
    assert seen == [
        ("sessions.put", "unavailable"),
        ("sessions.put", "ok"),
        ("sessions.get", "ok"),
    ]
    await stores.aclose()


async def test_an_open_door_is_complained_about_again_and_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every minute, while the service runs; a minute is short here."""
    monkeypatch.setattr(app, "REMINDER_S", 0.001)
    service = app.create_app(Settings(database="sqlite:///:memory:", insecure=True))

    async with service.router.lifespan_context(service):
        while caplog.text.count("COMMONHOLD_INSECURE is on") < 3:  # noqa: ASYNC110  (a log is read)
            await asyncio.sleep(0.001)


async def test_start_does_not_wait_for_ever() -> None:
    """A server that swallows packets must not keep the process from answering."""

    async def never() -> SqlBackend:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    late = LateBackend(never)
    await late.start(patience_s=0.01)

    with pytest.raises(Unavailable):
        await late.check()
    await late.aclose()


async def test_after_the_end_everything_is_closed() -> None:
    """Whether it was open, was being tried, or never begun; closing twice is harmless."""
    opened, trying, idle = (
        LateBackend(Door()),
        LateBackend(Door(Unavailable())),
        LateBackend(Door()),
    )
    await opened.start()
    await trying.start()
    bound = opened.bind(Scope())
    await bound.sessions.put("s1", [MESSAGE])

    for late in (opened, trying, idle):
        await late.aclose()
        await late.aclose()
        with pytest.raises(Closed):
            await late.check()
    with pytest.raises(Closed):
        await bound.sessions.get("s1")
