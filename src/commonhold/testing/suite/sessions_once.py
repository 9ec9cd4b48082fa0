"""Sessions: an idempotency key is its author's own, and what it names is done once."""

from __future__ import annotations

import asyncio

from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, LeaseHeld, StaleVersion
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Author, Scope
from commonhold.model.session import NewSession, SessionQuery
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import messages, unnamed
from commonhold.testing.suite.reading import error_of, live_of, log_of

LONG_S = 600.0


async def test_a_key_of_two_agents_is_two_appends(acting_as: Actor) -> None:
    """S2. Also when they say the same: an acknowledged message is in the log."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    first = await billing.append("chat", unnamed("ok"), key="turn-1")
    second = await weather.append("chat", unnamed("ok"), key="turn-1")
    assert (first.last_seq, second.last_seq) == (1, 2)
    assert set(first.message_ids).isdisjoint(second.message_ids)
    rows = await log_of(billing, "chat")
    assert [row.agent for row in rows] == ["billing", "weather"]


async def test_a_key_of_two_agents_is_no_conflict(acting_as: Actor) -> None:
    """S9. Nobody is refused for a key that somebody else chose, too."""
    await acting_as("billing").sessions.append("chat", unnamed("paid"), key="turn-1")
    await acting_as("weather").sessions.append("chat", unnamed("sunny"), key="turn-1")
    await acting_as("").sessions.append("chat", unnamed("hello"), key="turn-1")
    assert await live_of(acting_as("").sessions, "chat") == ["paid", "sunny", "hello"]


async def test_each_author_of_a_key_gets_its_own_first_answer(acting_as: Actor) -> None:
    """S9. A retry is one's own, whoever else used the key meanwhile."""
    authors = [acting_as(name).sessions for name in ("billing", "weather", "")]
    first = [await each.append("chat", unnamed("ok", "ok"), key="turn-1") for each in authors]
    again = [await each.append("chat", unnamed("ok", "ok"), key="turn-1") for each in authors]
    assert again == first
    assert len(await log_of(authors[0], "chat")) == 6


async def test_a_key_of_an_agent_for_two_users_is_two_appends(backend: Backend) -> None:
    """S2. An author is an agent on behalf of a user; how it proved that does not matter."""

    def store(user: str, actor: str = "anon") -> Backend:
        return backend.bind(Scope(author=Author(agent="billing", user=user, actor=actor)))

    first = await store("ann").sessions.append("chat", unnamed("ok"), key="turn-1")
    await store("bob").sessions.append("chat", unnamed("ok"), key="turn-1")
    await store("").sessions.append("chat", unnamed("ok"), key="turn-1")
    again = await store("ann", "another").sessions.append("chat", unnamed("ok"), key="turn-1")
    assert again == first
    assert len(await log_of(backend.sessions, "chat")) == 3


async def test_nobody_in_particular_has_one_scope_of_keys(backend: Backend) -> None:
    """S9. Who has no name repeats itself like anybody else, from any store."""
    anonymous = backend.bind(Scope())
    first = await backend.sessions.append("chat", unnamed("ok"), key="turn-1")
    assert await anonymous.sessions.append("chat", unnamed("ok"), key="turn-1") == first
    error = await error_of(anonymous.sessions.append("chat", unnamed("no"), key="turn-1"))
    assert isinstance(error, Conflict)


async def test_no_key_reaches_another_authors_messages(acting_as: Actor) -> None:
    """S9. Not even one that spells the id which the other's key made."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    first = await billing.append("chat", unnamed("ok"), key="turn-1")
    made = first.message_ids[0]
    for key in (made, made.partition("@")[0], "turn-1"):
        await weather.append("chat", unnamed("ok"), key=key)
        await acting_as("").sessions.append("chat", unnamed("ok"), key=key)
    assert await billing.append("chat", unnamed("ok"), key="turn-1") == first
    assert len(await live_of(billing, "chat")) == 7


async def test_a_key_of_another_session_is_another_append(acting_as: Actor) -> None:
    """S9. Also in a fork, which has the messages that the key made in its parent."""
    billing = acting_as("billing").sessions
    await billing.append("chat", unnamed("ok"), key="turn-1")
    fork = (await billing.fork("chat")).session_id
    for session in (fork, "other"):
        await billing.append(session, unnamed("ok"), key="turn-1")
        await billing.append(session, unnamed("ok"), key="turn-1")
    assert await live_of(billing, fork) == ["ok", "ok"]
    assert await live_of(billing, "other") == ["ok"]


async def test_a_key_of_two_agents_meets_each_ones_condition(acting_as: Actor) -> None:
    """S9. The one that came too late is told so, and not that its message is there."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    first = await billing.append("chat", unnamed("ok"), key="turn-1", if_match=0)
    late = weather.append("chat", unnamed("ok"), key="turn-1", if_match=0)
    error = await error_of(late)
    assert isinstance(error, StaleVersion)
    assert error.current == first.version
    assert await billing.append("chat", unnamed("ok"), key="turn-1", if_match=0) == first
    second = await weather.append("chat", unnamed("ok"), key="turn-1", if_match=first.version)
    assert second.version == first.version + 1


async def test_a_key_is_no_way_around_a_turn(acting_as: Actor) -> None:
    """S10. Whoever has the turn used it already: that is not the other one's append."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    lease = await billing.lease("chat", ttl_s=LONG_S)
    await billing.append("chat", unnamed("ok"), key="turn-1", lease=lease.token)
    error = await error_of(weather.append("chat", unnamed("ok"), key="turn-1"))
    assert isinstance(error, LeaseHeld)
    assert len(await log_of(billing, "chat")) == 1


async def test_attempts_of_two_agents_at_once_are_two_appends(acting_as: Actor) -> None:
    """S9. Each in a hurry, with the same key and the same words."""
    stores = [acting_as(name).sessions for name in ("billing", "weather")]
    attempts = [each.append("chat", unnamed("ok"), key="turn-1") for each in stores * 5]
    answers = await asyncio.gather(*attempts)
    assert len(set(answers)) == 2
    assert sorted(row.agent for row in await log_of(stores[0], "chat")) == ["billing", "weather"]


async def test_a_key_makes_one_session(backend: Backend) -> None:
    """S13. Whose id the store gave, and a retry tells it again, whatever it holds by then."""
    sessions = backend.sessions
    new = NewSession(title="Refund", metadata=JsonText('{"customer": "acme"}'))
    first = await sessions.create(new, key="chat-1")
    await sessions.append(first.session_id, unnamed("ok"))
    again = await sessions.create(new, key="chat-1")
    other = await sessions.create(new, key="chat-2")
    assert (again.session_id, again.message_count) == (first.session_id, 1)
    assert again == await sessions.get(first.session_id)
    assert other.session_id != first.session_id
    assert len((await sessions.list()).items) == 2


async def test_a_key_makes_a_session_for_each_author(acting_as: Actor) -> None:
    """S13. Nobody is given somebody else's."""
    stores = [acting_as(name).sessions for name in ("billing", "weather", "")]
    made = [await each.create(NewSession(), key="chat-1") for each in stores * 2]
    assert [session.agent for session in made] == ["billing", "weather", ""] * 2
    assert len({session.session_id for session in made}) == 3


async def test_a_key_makes_no_other_session(acting_as: Actor) -> None:
    """S13. Used again for one that is not the same, or that is not its author's, it is refused."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    first = await billing.create(NewSession(title="one"), key="chat-1")
    error = await error_of(billing.create(NewSession(title="two"), key="chat-1"))
    assert isinstance(error, Conflict)
    await billing.delete(first.session_id)
    await weather.create(NewSession(first.session_id, title="one"))
    error = await error_of(billing.create(NewSession(title="one"), key="chat-1"))
    assert isinstance(error, Conflict)


async def test_an_id_that_is_taken_stays_taken_with_a_key(backend: Backend) -> None:
    """S13. Who chooses the id is told that there is one already."""
    await backend.sessions.create(NewSession("chat"), key="chat-1")
    error = await error_of(backend.sessions.create(NewSession("chat"), key="chat-1"))
    assert isinstance(error, Conflict)


async def test_a_key_makes_one_fork(backend: Backend) -> None:
    """S13. Also after both went on: a retry asks for the fork that was made."""
    sessions = backend.sessions
    await sessions.put("parent", messages("m1", "m2"))
    first = await sessions.fork("parent", key="try-1")
    await sessions.append("parent", messages("m3"))
    await sessions.append(first.session_id, messages("other"))
    again = await sessions.fork("parent", key="try-1")
    assert again == await sessions.get(first.session_id)
    assert await live_of(sessions, first.session_id) == ["m1", "m2", "other"]
    assert len((await sessions.list(SessionQuery(parent="parent"))).items) == 1


async def test_a_key_makes_a_fork_for_each_author_and_parent(acting_as: Actor) -> None:
    """S13. They are different requests."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.put("one", messages("m1"))
    await billing.put("two", messages("m1"))
    made = [
        await each.fork(name, key="k") for each in (billing, weather) for name in ("one", "two")
    ]
    assert len({session.session_id for session in made}) == 4
    assert [session.parent_session_id for session in made] == ["one", "two"] * 2


async def test_a_key_makes_no_other_fork(acting_as: Actor) -> None:
    """S13. At another point, or under an id that is somebody else's by now."""
    billing, weather = acting_as("billing").sessions, acting_as("weather").sessions
    await billing.put("parent", messages("m1", "m2"))
    first = await billing.fork("parent", at=1, key="try-1")
    assert (await billing.fork("parent", at=1, key="try-1")).session_id == first.session_id
    error = await error_of(billing.fork("parent", at=2, key="try-1"))
    assert isinstance(error, Conflict)
    await billing.delete(first.session_id)
    await weather.create(NewSession(first.session_id, parent_session_id="parent"))
    error = await error_of(billing.fork("parent", at=1, key="try-1"))
    assert isinstance(error, Conflict)


async def test_attempts_at_once_make_one_session_and_one_fork(backend: Backend) -> None:
    """S13. A client that repeats itself in a hurry gets one of each."""
    sessions = backend.sessions
    new = NewSession(title="in a hurry")
    made = await asyncio.gather(*(sessions.create(new, key="chat-1") for _ in range(8)))
    (parent,) = {session.session_id for session in made}
    forks = await asyncio.gather(*(sessions.fork(parent, key="try-1") for _ in range(8)))
    assert len({session.session_id for session in forks}) == 1
    assert len((await sessions.list()).items) == 2
