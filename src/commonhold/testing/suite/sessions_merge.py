"""Sessions: cost and state are merged by key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from commonhold.contract.sessions import Sessions
from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest
from commonhold.model.session import NewSession
from commonhold.testing.factories import messages
from commonhold.testing.suite.reading import error_of

Patch = dict[str, object] | str


@dataclass(frozen=True, slots=True)
class Notes:
    """One of the two JSON objects beside a session's messages."""

    read: Callable[[Sessions, str], Awaitable[str]]
    patch: Callable[[Sessions, str, Patch], Awaitable[str]]


COST = Notes(
    lambda sessions, sid: sessions.cost(sid),
    lambda sessions, sid, patch: sessions.patch_cost(sid, patch),
)
STATE = Notes(
    lambda sessions, sid: sessions.state(sid),
    lambda sessions, sid, patch: sessions.patch_state(sid, patch),
)
both = pytest.mark.parametrize("notes", [COST, STATE], ids=["cost", "state"])


@both
async def test_a_new_session_has_an_empty_object(backend: Backend, notes: Notes) -> None:
    """S6. There is always an object to merge into."""
    await backend.sessions.create(NewSession("chat"))
    assert json.loads(await notes.read(backend.sessions, "chat")) == {}


@both
async def test_a_patch_sets_its_keys_and_leaves_the_others(backend: Backend, notes: Notes) -> None:
    """S6. The merge is shallow: a nested object is replaced as a whole, null is a value."""
    sessions = backend.sessions
    await sessions.create(NewSession("chat"))
    await notes.patch(sessions, "chat", {"a": {"x": 1, "y": 2}, "b": "kept", "c": 3})
    merged = await notes.patch(sessions, "chat", {"a": {"x": 9}, "c": None, "ü😀": []})
    expected: dict[str, object] = {"a": {"x": 9}, "b": "kept", "c": None, "ü😀": []}
    assert json.loads(merged) == expected
    assert json.loads(await notes.read(sessions, "chat")) == expected


@both
async def test_a_patch_may_be_json_text(backend: Backend, notes: Notes) -> None:
    """S6. Its numbers keep every digit."""
    await backend.sessions.create(NewSession("chat"))
    text = '{"big": 123456789012345678901234567890, "rate": 1.10, "nul": "a\\u0000b"}'
    merged = await notes.patch(backend.sessions, "chat", text)
    assert json.loads(merged) == json.loads(text)
    assert "1.10" in await notes.read(backend.sessions, "chat")


@both
async def test_an_empty_merge_only_reads(backend: Backend, notes: Notes) -> None:
    """S6. It answers with what is there."""
    await backend.sessions.create(NewSession("chat"))
    await notes.patch(backend.sessions, "chat", {"a": 1})
    assert json.loads(await notes.patch(backend.sessions, "chat", {})) == {"a": 1}


@both
@pytest.mark.parametrize("patch", ["[]", "3", '"a"', "", "{", '{"a": NaN}', '{"a": 1e400}', "{}{}"])
async def test_a_patch_that_is_not_a_json_object_is_refused(
    backend: Backend, notes: Notes, patch: str
) -> None:
    """S1. What was there stays."""
    await backend.sessions.create(NewSession("chat"))
    await notes.patch(backend.sessions, "chat", {"a": 1})
    error = await error_of(notes.patch(backend.sessions, "chat", patch))
    assert isinstance(error, InvalidRequest)
    assert json.loads(await notes.read(backend.sessions, "chat")) == {"a": 1}


@both
async def test_a_patch_without_a_json_form_is_refused(backend: Backend, notes: Notes) -> None:
    """S1. A lone surrogate, an infinity and an object are not JSON, at any depth."""
    await backend.sessions.create(NewSession("chat"))
    for value in ("\ud800", object(), float("inf"), [{"deep": float("nan")}]):
        error = await error_of(notes.patch(backend.sessions, "chat", {"a": value}))
        assert isinstance(error, InvalidRequest)


async def test_cost_and_state_are_apart(backend: Backend) -> None:
    """S6. The same key in both is two values."""
    await backend.sessions.create(NewSession("chat"))
    await backend.sessions.patch_cost("chat", {"model": "granite-4"})
    await backend.sessions.patch_state("chat", {"model": "other"})
    assert json.loads(await backend.sessions.cost("chat")) == {"model": "granite-4"}
    assert json.loads(await backend.sessions.state("chat")) == {"model": "other"}


async def test_saving_messages_leaves_cost_and_state_alone(backend: Backend) -> None:
    """S2. An agent saves its history every turn."""
    sessions = backend.sessions
    await sessions.create(NewSession("chat"))
    await sessions.patch_cost("chat", {"turn_count": 1})
    await sessions.patch_state("chat", {"pending_question": "q1"})
    await sessions.put("chat", messages("m1"))
    await sessions.put("chat", messages("x1"), mode="replace")
    assert json.loads(await sessions.cost("chat")) == {"turn_count": 1}
    assert json.loads(await sessions.state("chat")) == {"pending_question": "q1"}


async def test_a_patch_leaves_messages_and_version_alone(backend: Backend) -> None:
    """S3. The version is that of the messages."""
    sessions = backend.sessions
    written = await sessions.put("chat", messages("m1"))
    await sessions.patch_cost("chat", {"turn_count": 1})
    await sessions.patch_state("chat", {"pending_question": "q1"})
    assert (await sessions.get("chat")).version == written.version
    assert (await sessions.history("chat")).messages[0]["id"] == "m1"
