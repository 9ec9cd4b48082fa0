"""Erasures by a service are those of its database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from commonhold import NotFound, client, sql
from commonhold.client.stores import HttpBackend
from commonhold.contract.stores import Stores
from commonhold.errors import Conflict, InvalidRequest, TooManyRequests, from_problem
from commonhold.http import Extras, create_app
from commonhold.model.scope import Author, Scope
from commonhold.sql import SqlBackend
from commonhold.testing.factories import messages


@pytest.fixture
async def database() -> AsyncIterator[SqlBackend]:
    """A database in this process."""
    async with await sql.open_backend("sqlite:///:memory:") as backend:
        yield backend


@pytest.fixture
async def remote(database: SqlBackend) -> AsyncIterator[HttpBackend]:
    """Our own client, through our own service, to it."""
    extras = Extras(erasures=lambda scope: database.bind(scope).erasures)
    app = create_app(Stores.on(database), extras=extras)
    backend = client.open_backend("http://localhost", transport=httpx2.ASGITransport(app=app))
    yield backend
    await backend.aclose()


async def test_a_service_erases_as_its_database_does(
    database: SqlBackend, remote: HttpBackend
) -> None:
    """Every number of a receipt arrives; what is wrong is the same error."""
    eve = database.bind(Scope(author=Author("a", "eve")))
    await eve.sessions.append("s", messages("m1", "m2"))
    planned = await remote.erasures.survey("eve")
    assert (planned.status, planned.counts.sessions, planned.counts.messages) == ("planned", 1, 2)
    first = await remote.erasures.create("eve", key="k")
    second = await remote.erasures.create("adam")

    assert (first.status, first.counts.sessions, first.counts.messages) == ("done", 1, 2)
    assert first.erasure_id
    assert await remote.erasures.get(first.erasure_id) == first
    page = await remote.erasures.list(limit=1)
    assert page.items == (second,)
    assert (await remote.erasures.list(limit=1, cursor=page.cursor or "")).items == (first,)
    assert (await database.erasures.list()).items == (second, first)
    for erasures in (remote.erasures, database.erasures):
        with pytest.raises(NotFound):
            await erasures.get("none")
        with pytest.raises(InvalidRequest, match="one user"):
            await erasures.create("anonymous")
    with pytest.raises(Conflict):
        await remote.erasures.create("adam", key="k")


def test_too_many_requests_say_when_to_come_back() -> None:
    """In the body, where a proxy removes headers."""
    told = from_problem(429, {"code": "quota_exceeded", "retry_after_seconds": 77})
    assert isinstance(told, TooManyRequests)
    assert (type(told).__name__, told.retry_after_s) == ("QuotaExceeded", 77)
