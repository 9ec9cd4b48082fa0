"""Sessions: found by who took part, who holds them, what goes on in them, and their metadata."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Author, Scope
from commonhold.model.session import NewSession, SessionQuery
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import message, messages
from commonhold.testing.suite.reading import all_of, error_of

METADATA = '{"channel": "web"}'

FILTERS: dict[str, SessionQuery] = {
    "participant": SessionQuery(participant="weather"),
    "holder": SessionQuery(holder="billing"),
    "running": SessionQuery(status="running"),
    "metadata": SessionQuery(metadata=JsonText(METADATA)),
    "q": SessionQuery(q="hello"),
    "agent": SessionQuery(agent="router"),
    "all": SessionQuery(
        agent="router",
        participant="weather",
        holder="billing",
        status="running",
        metadata=JsonText(METADATA),
        q="hello",
    ),
    "metadata-participant": SessionQuery(participant="weather", metadata=JsonText(METADATA)),
    "participant-waiting": SessionQuery(participant="other", status="waiting"),
}
"""Filters, each of which the sessions of `conversations` pass, but not the others."""


async def conversations(act: Actor, *names: str) -> None:
    """Sessions in which everything is so that every filter finds them, but the last."""
    for name in names:
        await act("router").sessions.create(NewSession(name, metadata=JsonText(METADATA)))
        await act("weather").sessions.append(name, [message("m1", "hello")])
        await act("other").sessions.append(name, [message("m2", "nothing")])
        await act("weather").sessions.handoff(name, "billing")
        await act("weather").sessions.lease(name, ttl_s=3600)


async def others(act: Actor, *names: str) -> None:
    """Sessions that none of them finds, but the last."""
    for name in names:
        await act("other").sessions.create(
            NewSession(name, metadata=JsonText('{"channel": "phone"}'))
        )
        await act("other").sessions.append(name, [message("m1", "nothing")])
        await act("other").sessions.patch_state(name, {"pending_question": {"id": "q1"}})


async def passing(backend: Backend, **filters: Any) -> list[str]:
    """The ids of the sessions that pass, newest first."""
    listed = await all_of(backend.sessions.list, SessionQuery(limit=3, **filters))
    return [item.session_id for item in listed]


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filtered_list_is_whole_page_by_page(
    backend: Backend, acting_as: Actor, clock: StoppedClock, name: str
) -> None:
    """S7. Newest first, ties included, whatever the size of a page."""
    for n in range(0, 8, 2):
        await conversations(acting_as, f"c{n}", f"c{n + 1}")
        await others(acting_as, f"o{n}", f"o{n + 1}")
        clock.advance()
    query = FILTERS[name]
    whole = await backend.sessions.list(replace(query, limit=1000))
    assert whole.cursor is None
    ids = [item.session_id for item in whole.items]
    prefix = "o" if query.participant == "other" else "c"
    assert sorted(ids) == [f"{prefix}{n}" for n in range(8)]
    assert [int(each[1]) // 2 for each in ids] == [3, 3, 2, 2, 1, 1, 0, 0]
    for limit in (1, 3, 8):
        pages = await all_of(backend.sessions.list, replace(query, limit=limit))
        assert pages == list(whole.items)


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "participant-waiting"])
async def test_a_filtered_list_goes_on_while_sessions_arrive(
    backend: Backend, acting_as: Actor, clock: StoppedClock, name: str
) -> None:
    """S7. What is new belongs before the first page: no gap, no repeat."""
    for each in ("c1", "c2", "c3", "c4"):
        await conversations(acting_as, each)
        clock.advance()
    first = await backend.sessions.list(replace(FILTERS[name], limit=2))
    await conversations(acting_as, "new")
    rest = await all_of(backend.sessions.list, replace(FILTERS[name], limit=1, cursor=first.cursor))
    assert [item.session_id for item in (*first.items, *rest)] == ["c4", "c3", "c2", "c1"]


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filtered_list_is_also_bounded_in_time(
    backend: Backend, acting_as: Actor, clock: StoppedClock, name: str
) -> None:
    """S7. `since` is inclusive and `until` exclusive, by creation; `offset` counts what passes."""
    times = []
    for n in range(4):
        times.append(clock.at)
        await conversations(acting_as, f"c{n}")
        await others(acting_as, f"o{n}")
        clock.advance()
    query = replace(FILTERS[name], since=times[1], until=times[3])
    listed = [item.session_id[1] for item in (await backend.sessions.list(query)).items]
    assert listed == ["2", "1"]
    skipped = await backend.sessions.list(replace(query, offset=1))
    assert [item.session_id[1] for item in skipped.items] == ["1"]


async def test_sessions_are_found_by_an_agent_that_took_part(
    backend: Backend, acting_as: Actor
) -> None:
    """S7. Whoever created it: who wrote is what counts, by an append or by a PUT."""
    router, weather = acting_as("router").sessions, acting_as("weather").sessions
    await router.create(NewSession("silent"))
    await router.append("appended", messages("m1"))
    await weather.append("appended", messages("m2"))
    await router.put("put", messages("m1"))
    await weather.put("put", messages("m1", "m2"))
    assert set(await passing(backend, participant="weather")) == {"appended", "put"}
    assert set(await passing(backend, participant="router")) == {"appended", "put"}
    assert await passing(backend, participant="router", agent="weather") == []
    assert await passing(backend, participant="nobody") == []


async def test_an_agent_that_wrote_for_many_users_took_part_once(backend: Backend) -> None:
    """S7. The session is listed once, and counted once for a page."""
    for session_id in ("s1", "s2"):
        for user in ("", "ada", "bob", "eve"):
            author = Author(agent="weather", user=user, actor=f"u:{user}", delegation="verified")
            bound = backend.bind(Scope(author=author)).sessions
            await bound.append(session_id, messages(f"of-{user}"))
    assert sorted(await passing(backend, participant="weather")) == ["s1", "s2"]
    page = await backend.sessions.list(SessionQuery(participant="weather", limit=2))
    assert (len(page.items), page.cursor) == (2, None)
    assert len(await backend.sessions.participants("s1")) == 4


async def test_a_superseded_message_was_a_part_taken(backend: Backend, acting_as: Actor) -> None:
    """S7. Who said something took part, whatever became of it."""
    await acting_as("weather").sessions.append("chat", messages("m1"))
    await acting_as("router").sessions.revert("chat", to=0)
    assert await passing(backend, participant="weather") == ["chat"]


async def test_sessions_are_found_by_who_holds_them(backend: Backend, acting_as: Actor) -> None:
    """S7. Their creator does, until it hands them on."""
    await acting_as("router").sessions.append("kept", messages("m1"))
    await acting_as("router").sessions.append("handed", messages("m1"))
    await acting_as("router").sessions.handoff("handed", "billing")
    assert await passing(backend, holder="router") == ["kept"]
    assert await passing(backend, holder="billing") == ["handed"]
    await acting_as("billing").sessions.handoff("handed", "router")
    assert set(await passing(backend, holder="router")) == {"kept", "handed"}
    assert await passing(backend, holder="billing") == []


async def test_sessions_are_found_by_what_goes_on_in_them(
    backend: Backend, clock: StoppedClock
) -> None:
    """S7. Each has one status: a turn is running, or a question waits, or neither."""
    sessions = backend.sessions
    for name in ("idle", "asked", "taken", "both"):
        await sessions.append(name, messages("m1"))
    for name in ("asked", "both"):
        await sessions.patch_state(name, {"pending_question": {"id": "q1", "text": "Which?"}})
    token = (await sessions.lease("taken", ttl_s=60)).token
    await sessions.lease("both", ttl_s=60)
    assert await passing(backend, status="idle") == ["idle"]
    assert await passing(backend, status="waiting") == ["asked"]
    assert set(await passing(backend, status="running")) == {"taken", "both"}
    for status in ("idle", "waiting", "running"):
        listed = await sessions.list(SessionQuery(status=status))
        assert {item.status for item in listed.items} == {status}
    await sessions.release("taken", token=token)
    clock.advance(61)
    assert await passing(backend, status="running") == []
    assert set(await passing(backend, status="waiting")) == {"asked", "both"}
    await sessions.patch_state("asked", {"pending_question": None})
    assert set(await passing(backend, status="idle")) == {"idle", "taken", "asked"}


@pytest.mark.parametrize("status", ["", "RUNNING", "done", "\0"])
async def test_a_status_that_no_session_has_is_refused(backend: Backend, status: str) -> None:
    """S7. It is no empty list, which would hide a typing error."""
    error = await error_of(backend.sessions.list(SessionQuery(status=status)))
    assert isinstance(error, InvalidRequest)


VALUES = ("web", "1", "", "ü", "true", "null", 1, 0, -7, 2**53, 1.5, 1e300, True, False)
NAMES = ("a", "", "a.b", "a b", "'", '"', "$.x", "\\", "a\0b", "\n", "ключ", "鍵", "😀", "[0]", "%")


async def test_sessions_are_found_by_a_value_of_their_metadata(backend: Backend) -> None:
    """S7. By a text, a number, true and false, each of which is not the other."""
    for n, value in enumerate(VALUES):
        chosen = json.dumps({"key": value, "n": n, "deep": {"key": "web"}, "none": None})
        await backend.sessions.create(NewSession(f"s{n}", metadata=JsonText(chosen)))
    for n, value in enumerate(VALUES):
        assert await passing(backend, metadata=JsonText(json.dumps({"key": value}))) == [f"s{n}"]
    assert await passing(backend, metadata=JsonText('{"key": "we"}')) == []
    assert await passing(backend, metadata=JsonText('{"other": "web"}')) == []


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_name_in_the_metadata_may_be_any_text(backend: Backend, name: str) -> None:
    """S7. Nothing in it is a path, a pattern or a quote, however it is escaped."""
    for n, value in enumerate((name, name + "x")):
        metadata = JsonText(json.dumps({name: value, "x": n}, ensure_ascii=n == 0))
        await backend.sessions.create(NewSession(f"s{n}", metadata=metadata))
    for escaped in (True, False):
        asked = JsonText(json.dumps({name: name}, ensure_ascii=escaped))
        assert await passing(backend, metadata=asked) == ["s0"]


async def test_several_values_must_all_be_there(backend: Backend) -> None:
    """S7. In whatever order they are asked for."""
    for n, (a, b) in enumerate(((1, 1), (1, 2), (2, 1))):
        metadata = JsonText(json.dumps({"a": a, "b": b, "c": "x"}))
        await backend.sessions.create(NewSession(f"s{n}", metadata=metadata))
    assert await passing(backend, metadata=JsonText('{"a": 1, "b": 2}')) == ["s1"]
    assert await passing(backend, metadata=JsonText('{"c": "x", "b": 2, "a": 1}')) == ["s1"]
    assert set(await passing(backend, metadata=JsonText('{"c": "x", "a": 1}'))) == {"s0", "s1"}
    assert await passing(backend, metadata=JsonText('{"a": 2, "b": 2}')) == []


async def test_a_long_value_of_the_metadata_is_kept(backend: Backend) -> None:
    """S7. Whether it is found by or not: up to a length it is, and no length is a failure."""
    for n, length in enumerate((100, 400, 600, 5000)):
        value = "".join(chr(0x1F300 + (7 * at * at + n) % 700) for at in range(length))
        metadata = JsonText(json.dumps({"key": value}, ensure_ascii=False))
        name = str(n) * 128
        await backend.sessions.create(NewSession(name, metadata=metadata))
        assert (await backend.sessions.get(name)).metadata == metadata
        if length <= 400:
            assert await passing(backend, metadata=metadata) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '"web"',
        "null",
        '{"a": {}}',
        '{"a": ["web"]}',
        '{"a": null}',
        '{"a": 1, "b": {"c": 1}}',
        '{"a": ',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        json.dumps({"a": "x" * 600}),
        json.dumps({str(n): n for n in range(65)}),
    ],
    ids=lambda text: text[:20],
)
async def test_metadata_that_cannot_be_asked_for_is_refused(backend: Backend, text: str) -> None:
    """S7. Only plain values can be: what is nested, empty or too long is told."""
    await backend.sessions.create(NewSession("chat", metadata=JsonText(METADATA)))
    error = await error_of(backend.sessions.list(SessionQuery(metadata=JsonText(text))))
    assert isinstance(error, InvalidRequest)
