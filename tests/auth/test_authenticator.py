"""What is believed of a key, and for how long. The clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from commonhold.auth import keys as module
from commonhold.auth.key_form import PATTERN, Pepper, key_id_of, mint
from commonhold.auth.keys import KeyAuthenticator, KeyDesk
from commonhold.auth.principal import Principal
from commonhold.errors import (
    AgentDisabled,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.key import DAY, PRESETS, ApiKey, NewKey
from commonhold.model.registry import NewAgent
from commonhold.service.keys import BOOTSTRAP, Issued, KeyRing
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.api_keys import SqlKeys
from commonhold.sql.registry import SqlRegistry

OLD, NEW = (
    Pepper(b"the pepper of last year, 32 bytes"),
    Pepper(b"the pepper of this year, 32 bytes"),
)
SECOND = 1_000_000


@dataclass
class Desk:
    """A database of keys, the time of day, and how often a key was looked up."""

    backend: SqlBackend
    now: int = field(default_factory=clock.now)
    asked: int = 0

    @property
    def keys(self) -> SqlKeys:
        """What is stored."""
        return SqlKeys(self.backend.database)

    def clock(self) -> Micros:
        """The time here."""
        return Micros(self.now)

    async def find(self, key_id: str) -> ApiKey | None:
        """Look a key up."""
        self.asked += 1
        return await self.keys.find(key_id)

    def ring(self, *peppers: Pepper, **more: Any) -> KeyRing:
        """What makes keys."""
        return KeyRing(lambda: self.keys, peppers or (NEW,), now=self.clock, **more)

    def replica(self, *peppers: Pepper) -> KeyAuthenticator:
        """One process of the service."""
        desk = KeyDesk(self.find, self.keys.touch, SqlRegistry(self.backend.database).find)
        return KeyAuthenticator(desk, peppers or (NEW,), self.clock)

    async def agent(self, name: str = "a") -> Issued:
        """A key of an agent."""
        return await self.ring().create(BOOTSTRAP, NewKey("agent", name))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """An empty database."""
    async with await open_backend("sqlite:///:memory:") as backend:
        yield Desk(backend)


def bearing(text: str, **more: str) -> dict[bytes, bytes]:
    """Headers with a key."""
    return {
        b"authorization": f"Bearer {text}".encode(),
        **{name.replace("_", "-").encode(): value.encode() for name, value in more.items()},
    }


async def ask(replica: KeyAuthenticator, text: str, **more: str) -> Principal:
    """Who a key says is there."""
    return await replica(bearing(text, **more), None)


async def test_every_replica_heeds_a_revocation_within_two_seconds(desk: Desk) -> None:
    """The one that is told of it, at once."""
    here, there = desk.replica(), desk.replica()
    made = await desk.agent()
    for replica in (here, there):
        assert (await ask(replica, made.text)).agent == "a"
    revoked = await desk.ring(forget=here.forget).revoke(BOOTSTRAP, made.key.key_id)

    assert revoked.state(desk.clock()) == "revoked"
    with pytest.raises(Unauthenticated):
        await ask(here, made.text)
    desk.now += 2 * SECOND - 1
    assert (await ask(there, made.text)).agent == "a"
    desk.now += 1
    with pytest.raises(Unauthenticated):
        await ask(there, made.text)
    desk.now += DAY
    again = await desk.ring().revoke(BOOTSTRAP, made.key.key_id)
    assert again.revoked_at == revoked.revoked_at


async def test_every_replica_heeds_within_two_seconds_that_an_agent_is_disabled(desk: Desk) -> None:
    """It is told so, and no longer taken for one whose key is bad."""
    replica, made = desk.replica(), await desk.agent()
    assert (await ask(replica, made.text)).agent == "a"
    agents = SqlRegistry(desk.backend.database)
    await agents.put("default", NewAgent("a", "disabled"), "me", desk.clock())
    desk.now += 2 * SECOND
    with pytest.raises(AgentDisabled, match="Agent a is disabled"):
        await ask(replica, made.text)
    await agents.put("default", NewAgent("a", "active", ("planner",)), "me", desk.clock())
    assert (await ask(replica, made.text)).agent_types == ("planner",)


async def test_a_key_is_never_believed_past_its_end(desk: Desk) -> None:
    """However lately it was looked up."""
    replica, made = desk.replica(), await desk.agent()
    desk.now = made.key.expires_at - 1
    assert (await ask(replica, made.text)).agent == "a"
    desk.now += 1
    with pytest.raises(Unauthenticated):
        await ask(replica, made.text)


async def test_a_key_is_looked_up_once_however_many_come_with_it(desk: Desk) -> None:
    """And its use is written down once a minute."""
    replica, made = desk.replica(), await desk.agent()
    found = await asyncio.gather(*(ask(replica, made.text) for _ in range(50)))
    assert (desk.asked, len(set(found))) == (1, 1)
    first = desk.now
    for seconds, noted in ((30, first), (29, first), (2, first + 61 * SECOND)):
        desk.now += seconds * SECOND
        await ask(replica, made.text)
        stored = await desk.keys.find(made.key.key_id)
        assert stored is not None
        assert stored.last_used_at == noted


async def test_what_is_remembered_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad keys are not remembered at all."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    replica = desk.replica()
    for n in range(5):
        await ask(replica, (await desk.agent(f"a{n}")).text)
        with pytest.raises(Unauthenticated):
            await ask(replica, mint("agent").text)
    assert (len(replica._known), len(replica._asking)) == (3, 0)


async def test_without_the_database_nobody_is_let_in_anew(desk: Desk) -> None:
    """503, and not 401; but numbers that are no secret are told to whom it knew."""
    replica, made = desk.replica(), await desk.agent()
    await ask(replica, made.text)
    await desk.backend.aclose()
    desk.now += 3 * SECOND
    with pytest.raises(Unavailable):
        await ask(replica, made.text)
    known = await replica(bearing(made.text), None, may_be_stale=True)
    assert known.agent == "a"
    with pytest.raises(Unavailable):
        await replica(bearing(mint("agent").text), None, may_be_stale=True)
    desk.now = made.key.expires_at
    with pytest.raises(Unavailable):
        await replica(bearing(made.text), None, may_be_stale=True)


async def test_a_pepper_is_replaced_without_replacing_keys(desk: Desk) -> None:
    """As long as the one before is still named; without it, its keys open nothing."""
    made = await desk.ring(OLD).create(BOOTSTRAP, NewKey("viewer"))
    assert (await ask(desk.replica(NEW, OLD), made.text)).kind == "viewer"
    for peppers in ((NEW,), (Pepper(b"another one, that nobody ever named"),)):
        with pytest.raises(Unauthenticated):
            await ask(desk.replica(*peppers), made.text)
    stored = await desk.keys.find(made.key.key_id)
    assert stored is not None
    secret = made.text.split("_")[3]
    assert secret not in repr(stored)
    assert secret not in repr(made.key)
    assert secret.encode() not in stored.digest


async def test_a_key_that_is_replaced_goes_on_for_a_while(desk: Desk) -> None:
    """Both are good for the overlap; the end of a key only ever comes nearer."""
    ring, replica = desk.ring(), desk.replica()
    old = await ring.create(BOOTSTRAP, NewKey("agent", "a", "of the cluster", days=30))
    new = await ring.rotate(BOOTSTRAP, old.key.key_id, overlap_days=7)
    assert (new.key.agent, new.key.name, new.key.replaces) == (
        "a",
        "of the cluster",
        old.key.key_id,
    )
    assert await ask(replica, old.text) != await ask(replica, new.text)
    later = await ring.rotate(BOOTSTRAP, old.key.key_id, overlap_days=90)
    desk.now += 7 * DAY
    assert (await ask(replica, later.text)).agent == "a"
    with pytest.raises(Unauthenticated):
        await ask(replica, old.text)
    with pytest.raises(Conflict):
        await ring.rotate(BOOTSTRAP, old.key.key_id)


async def test_who_may_make_which_key(desk: Desk) -> None:
    """An operator no platform admin, in no way; and nobody a key of another tenant."""
    ring = desk.ring()
    admin = await ring.create(BOOTSTRAP, NewKey("platform-admin"))
    operator = Principal(kind="operator", actor="key:x", method="key")
    for attempt in (
        ring.create(operator, NewKey("platform-admin")),
        ring.rotate(operator, admin.key.key_id),
        ring.revoke(operator, admin.key.key_id),
    ):
        with pytest.raises(Forbidden):
            await attempt
    made = await ring.create(operator, NewKey("operator"))
    assert (made.key.created_by, made.key.tenant) == ("key:x", "default")
    stranger = replace(operator, tenant="elsewhere")
    assert await ring.list(stranger) == []
    with pytest.raises(NotFound) as unseen:
        await ring.revoke(stranger, made.key.key_id)
    with pytest.raises(NotFound) as absent:
        await ring.revoke(stranger, "nothing")
    assert unseen.value.detail.replace(made.key.key_id, "nothing") == absent.value.detail


@pytest.mark.parametrize(
    "asked",
    [
        {"preset": "root"},
        {"preset": "agent"},
        {"preset": "agent", "agent": "a b"},
        {"preset": "viewer", "agent": "a"},
        {"preset": "viewer", "days": 0},
        {"preset": "viewer", "days": 366},
        {"preset": "viewer", "name": "two\nlines"},
    ],
)
def test_a_key_that_cannot_be_is_refused(asked: dict[str, Any]) -> None:
    """With the field and its rule."""
    with pytest.raises(InvalidRequest) as refused:
        NewKey(**asked)
    assert refused.value.errors[0].msg in refused.value.detail


@pytest.mark.parametrize(
    "user", ["", " ", "anonymous", "System", "a,b", "a\x00b", "é".encode("latin-1"), "x" * 256]
)
async def test_nobody_is_named_who_cannot_be(desk: Desk, user: str | bytes) -> None:
    """Reserved names, and what no name is."""
    made = await desk.ring().create(BOOTSTRAP, NewKey("agent-obo", "a"))
    given = user if isinstance(user, bytes) else user.encode()
    head = {**bearing(made.text), b"x-on-behalf-of": given}
    with pytest.raises(InvalidRequest):
        await desk.replica()(head, None)


async def test_an_agent_names_a_user_where_its_key_allows(desk: Desk) -> None:
    """As one who is named, and not proven."""
    replica, plain = desk.replica(), await desk.agent()
    made = await desk.ring().create(BOOTSTRAP, NewKey("agent-obo", "a"))
    caller = await ask(replica, made.text, x_on_behalf_of="ada")
    assert (caller.agent, caller.user, caller.subject) == ("a", "ada", "user:key|ada")
    assert (caller.actor, caller.delegation) == ("agent:a", "asserted")
    with pytest.raises(Forbidden):
        await ask(replica, plain.text, x_on_behalf_of="ada")


def test_a_key_says_what_it_is_and_is_one_word() -> None:
    """A scanner knows it by its form; one that is mistyped is known without asking anybody."""
    texts = {preset: mint(preset).text for preset in PRESETS}
    assert len({text.split("_")[1] for text in texts.values()}) == len(PRESETS)
    for text in texts.values():
        assert PATTERN.fullmatch(text)
        assert key_id_of(text) == text.split("_")[2]
        for at in (-1, -8, 6 + text.index("_", 4)):
            wrong = "0" if text[at] != "0" else "1"
            spoilt = text[:at] + wrong + (text[at + 1 :] if at != -1 else "")
            assert key_id_of(spoilt) is None
    assert len({mint("agent").text for _ in range(100)}) == 100
