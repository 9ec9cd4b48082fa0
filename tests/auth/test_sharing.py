"""For whom a session is where it is not for the whole fleet, on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.fixtures import SubRequest

from commonhold.auth.grants import Grants
from commonhold.auth.presets import RIGHTS
from commonhold.auth.principal import Principal
from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Stores
from commonhold.errors import Conflict, Forbidden, NotFound
from commonhold.model.scope import Delegation, Sharing
from commonhold.model.session import NewSession
from commonhold.sql import open_backend
from commonhold.testing.factories import messages
from commonhold.wrap import bind_to
from tests.auth.fleet import fleet, unique
from tests.http.problems import told

Ask = Callable[[Sessions, str], Awaitable[Any]]

BY_ID: dict[str, Ask] = {
    "get": lambda log, ident: log.get(ident),
    "history": lambda log, ident: log.history(ident),
    "stream": lambda log, ident: log.stream(ident),
    "messages": lambda log, ident: log.messages(ident),
    "append": lambda log, ident: log.append(ident, messages("x"), create=False),
    "cost": lambda log, ident: log.cost(ident),
    "patch_cost": lambda log, ident: log.patch_cost(ident, {"n": 1}),
    "state": lambda log, ident: log.state(ident),
    "patch_state": lambda log, ident: log.patch_state(ident, {"n": 1}),
    "usage": lambda log, ident: log.usage(ident),
    "fork": lambda log, ident: log.fork(ident),
    "revert": lambda log, ident: log.revert(ident, to=0),
    "repair": lambda log, ident: log.repair(ident),
    "renew": lambda log, ident: log.release(ident, token=1),
    "handoff": lambda log, ident: log.handoff(ident, "b"),
    "participants": lambda log, ident: log.participants(ident),
    "timeline": lambda log, ident: log.timeline(ident),
    "events": lambda log, ident: anext(aiter(log.events(ident, after=0))),
    "delete": lambda log, ident: log.delete(ident),
}
"""What needs a session that is there."""

MAKING: dict[str, Ask] = {
    "create": lambda log, ident: log.create(NewSession(ident)),
    "put": lambda log, ident: log.put(ident, messages("x")),
    "replace": lambda log, ident: log.put(ident, messages("x"), mode="replace"),
    "append": lambda log, ident: log.append(ident, messages("x")),
    "lease": lambda log, ident: log.lease(ident, ttl_s=60, wait_s=60),
}
"""What makes one that is not."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: SubRequest) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return "sqlite:///:memory:"
    found: str = request.getfixturevalue("postgres_url")
    return found


def seen_by(
    stores: Stores, sharing: Sharing, agent: str, user: str = "", how: Delegation = "self"
) -> Sessions:
    """The sessions of an agent, perhaps on behalf of a user."""
    scopes = RIGHTS["agent-obo"].scopes
    caller = Principal(
        *("default", user, f"agent:{agent}", "agent", agent, user, scopes), how, "key"
    )
    return bind_to(stores, Grants(caller, sharing)).stores.sessions


async def check_absent(log: Sessions, ident: str) -> None:
    """Whatever is done, the session looks as one that is not there, but for its taken id."""
    assert await log.find(ident) is None
    assert ident not in {each.session_id for each in (await log.list()).items}
    for name, ask in BY_ID.items():
        with pytest.raises((NotFound, Forbidden)) as there:
            await ask(log, ident)
        with pytest.raises(there.type) as absent:
            await ask(log, "absent")
        assert str(there.value).replace(f" {ident} ", " absent ") == str(absent.value), name
        assert there.type is NotFound or name == "delete"  # which some may not do at all
    for ask in MAKING.values():
        with pytest.raises(Conflict, match=r"taken|already exists"):
            await ask(log, ident)


async def check_there(log: Sessions, ident: str) -> None:
    """It is read, listed and written to."""
    before = await log.messages(ident)
    await log.append(ident, messages(unique("m")))
    assert len((await log.messages(ident)).items) == len(before.items) + 1
    assert ident in {each.session_id for each in (await log.list()).items}


async def test_a_session_of_its_owner_is_there_for_whom_it_is_handed_to(url: str) -> None:
    """And for nobody else: what was handed on is not there any more for who had it in between."""
    async with await open_backend(url) as backend:
        a, b, c = (seen_by(Stores.on(backend), "owner", name) for name in "abc")
        await a.put("s", messages("hello"))
        await check_absent(b, "s")
        await a.handoff("s", "b")
        await check_there(b, "s")
        await check_there(a, "s")
        await check_absent(c, "s")
        await b.handoff("s", "c")
        await check_there(c, "s")
        await check_absent(b, "s")
        with pytest.raises(Forbidden):
            await c.delete("s")
        await a.delete("s")


async def test_a_session_of_a_user_is_there_for_agents_that_prove_the_user(url: str) -> None:
    """One that only names the user has it where it made it itself; one without a user, never."""
    async with await open_backend(url) as backend:
        stores = Stores.on(backend)
        made = seen_by(stores, "user", "a", "ada", "asserted")
        await made.put("s", messages("hello"))
        await check_there(made, "s")
        await check_there(seen_by(stores, "user", "b", "ada", "verified"), "s")
        alone = seen_by(stores, "user", "a")
        named = seen_by(stores, "user", "b", "ada", "asserted")
        for other in (named, alone, seen_by(stores, "user", "a", "bob", "verified")):
            await check_absent(other, "s")
        await alone.put("t", messages("hello"))
        await check_there(alone, "t")
        await check_absent(seen_by(stores, "user", "a", "ada", "verified"), "t")


async def test_the_setting_decides_for_whom_sessions_are(tmp_path: Path) -> None:
    """An operator sees all of them, as ever."""
    async with fleet(f"sqlite:///{tmp_path / 'owner.db'}", sessions_sharing="owner") as here:
        body = {"messages": [{"role": "user", "content": "hello"}]}
        assert (await here.send("agent", "PUT", "/v1/sessions/s", body)).status_code == 200
        told(await here.send("other", "GET", "/v1/sessions/s"), 404, "not_found")
        told(await here.send("other", "PUT", "/v1/sessions/s", body), 409, "conflict")
        for who, status in (("agent", 200), ("operator", 200), ("other", 404)):
            assert (await here.send(who, "GET", "/v1/sessions/s/messages")).status_code == status
