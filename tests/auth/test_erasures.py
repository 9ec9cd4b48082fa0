"""A user is erased: nothing of what the user said is left in any table, and nothing else is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from _pytest.fixtures import SubRequest

from commonhold.model import clock
from commonhold.model.audit import AuditEvent
from commonhold.sql import open_backend
from commonhold.sql.audit import SqlAudit
from commonhold.sql.webhook_outbox import SqlOutbox
from tests.auth.fleet import Fleet, fleet, unique
from tests.databases import Databases

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = "s3cr3t"
"""What the user said, in one word or another that begins with it."""

KEPT = "k3pt"
"""What others said."""


@dataclass(frozen=True, slots=True)
class Place:
    """A service, and the database that it is on."""

    url: str
    fleet: Fleet

    async def send(
        self, method: str, path: str, body: Any = None, user: str | None = None, **headers: str
    ) -> httpx2.Response:
        """A request of the agent for a user, which is answered well."""
        named = headers if user is None else {**headers, "x_on_behalf_of": user}
        answer = await self.fleet.send("agent-obo", method, path, body, **named)
        assert answer.status_code < 300, answer.text
        return answer

    async def erase(self, body: Any, **headers: str) -> httpx2.Response:
        """What an operator is answered."""
        return await self.fleet.send("operator", "POST", "/v1/erasures", body, **headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def place(
    request: SubRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """One service for each database; tests use users of their own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('erased') / 'kept.db'}"
        async with fleet(url) as opened:
            yield Place(url, opened)
        return
    databases: Databases = request.getfixturevalue("postgres_server")
    name = databases.create_migrated()
    async with fleet(databases.dsn(name)) as opened:
        yield Place(databases.dsn(name), opened)
    databases.drop(name)


async def dump(url: str) -> list[tuple[str, str]]:
    """Every row of every table, as one text each; of SQLite the pages of the file as well."""
    if not url.startswith("sqlite:"):
        return await _dump_postgres(url)
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = [(name, str(row)) for name in names for row in db.execute(f"SELECT * FROM {name}")]
    with closing(sqlite3.connect(path)) as db:
        whole = db.serialize().decode("latin-1")
    return [*rows, *((("file", whole),))]


async def _dump_postgres(url: str) -> list[tuple[str, str]]:
    db = await asyncpg.connect(url)
    try:
        names = await db.fetch(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        return [
            (name, text)
            for (name,) in names
            for (text,) in await db.fetch(f'SELECT CAST(t AS TEXT) FROM "{name}" AS t')
        ]
    finally:
        await db.close()


def where(found: list[tuple[str, str]], word: str) -> set[str]:
    """The tables that have a word."""
    return {name for name, text in found if word in text}


def says(text: str, role: str = "user") -> dict[str, str]:
    """A message."""
    return {"role": role, "content": text}


async def converse(place: Place, alice: str, bob: str) -> dict[str, str]:
    """What both said in sessions of their own, and in that of the other; their ids."""
    own, theirs, alone = unique("own"), unique("theirs"), unique("alone")
    both = {alice: own, bob: theirs}
    for user, word in ((alice, SAID), (bob, KEPT)):
        body = {"session_id": both[user], "title": f"{word}title", "metadata": {"note": word}}
        await place.send("POST", "/v1/sessions", body, user)
        log = f"/v1/sessions/{both[user]}/messages"
        told = {"messages": [says(f"{word}words"), says(f"{word}answer", "assistant")]}
        await place.send("POST", log, told, user, idempotency_key=unique("k"))
        await place.send(
            "PATCH", f"/v1/sessions/{both[user]}/state", {"state": {"pending": word}}, user
        )
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": SAID}}
    asked = [says(f"{SAID}here"), {"role": "assistant", "tool_calls": [call], "content": SAID}]
    answered = {"role": "tool", "tool_call_id": "c1", "content": f"{SAID}result"}
    log = f"/v1/sessions/{theirs}/messages"
    await place.send("POST", log, {"messages": [*asked, answered]}, alice)
    await place.send("POST", f"/v1/sessions/{own}/messages", {"messages": [says(SAID)]}, None)
    fork = (await place.send("POST", f"/v1/sessions/{own}/fork", {}, None)).json()["session_id"]
    await place.send("POST", f"/v1/sessions/{own}/fork", {}, bob)
    brief = {"to_agent": "a", "reason": SAID, "brief": SAID}
    await place.send("POST", f"/v1/sessions/{theirs}/handoff", brief, alice, idempotency_key="h1")
    await place.send("POST", f"/v1/sessions/{alone}/messages", {"messages": [says(SAID)]})
    return {"own": own, "theirs": theirs, "fork": fork, "alone": alone}


Attribute = tuple[str, str | int]


def attribute(key: str, value: str | int) -> dict[str, Any]:
    """An attribute as OTLP JSON has it."""
    told = {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
    return {"key": key, "value": told}


def exported(trace_id: str, span_id: str, word: str, *said: Attribute) -> Any:
    """A span with content in every place that has room for it."""
    call: list[Attribute] = [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4o")]
    used: list[Attribute] = [("gen_ai.usage.input_tokens", 12), ("gen_ai.usage.output_tokens", 5)]
    content: list[Attribute] = [
        ("gen_ai.input.messages", word),
        ("other", word),
        ("langfuse.tags", f"{word}tag"),
    ]
    span = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": "chat",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001000000000",
        "attributes": [attribute(*each) for each in (*call, *used, *content, *said)],
        "events": [{"name": "said", "attributes": [attribute("body", f"{word}event")]}],
        "status": {"code": 2, "message": f"{word}status"},
    }
    process = [
        attribute("service.name", "a"),
        *(attribute("owner", v) for k, v in said if k == "user.id"),
    ]
    return {
        "resourceSpans": [{"resource": {"attributes": process}, "scopeSpans": [{"spans": [span]}]}]
    }


async def trace(place: Place, alice: str, bob: str, talks: dict[str, str]) -> dict[str, str]:
    """Traces of both, by name, by session, and by whom they were written for; their ids."""
    ids = {name: (unique("t") + "0" * 32).encode().hex()[-32:] for name in ("named", "bobs")}
    ids |= {name: unique("")[1:].ljust(32, "a") for name in ("named", "bobs", "linked", "alone")}
    post = "/v1/traces"
    named = (("user.id", alice), ("session.id", talks["theirs"]))
    await place.send("POST", post, exported(ids["named"], "1" * 16, SAID, *named))
    await place.send("POST", post, exported(ids["bobs"], "2" * 16, KEPT, ("user.id", bob)), bob)
    await place.send("POST", post, exported(ids["bobs"], "3" * 16, SAID), alice)
    await place.send(
        "POST", post, exported(ids["linked"], "4" * 16, SAID, ("session.id", talks["own"]))
    )
    lone = (("user.id", alice), ("session.id", talks["alone"]))
    await place.send("POST", post, exported(ids["alone"], "5" * 16, SAID, *lone))
    record = {
        "timeUnixNano": "1700000000000000000",
        "eventName": "gen_ai.user.message",
        "traceId": ids["named"],
        "spanId": "1" * 16,
        "body": {"stringValue": f"{SAID}log"},
        "attributes": [attribute("user.id", alice)],
    }
    judged = {
        **record,
        "eventName": "gen_ai.evaluation.result",
        "traceId": ids["bobs"],
        "spanId": "2" * 16,
        "attributes": [
            attribute("gen_ai.evaluation.name", "manners"),
            {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.5}},
            attribute("gen_ai.evaluation.explanation", f"{SAID}why"),
        ],
    }
    for records, user in (([record], None), ([judged], alice)):
        body = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
        await place.send("POST", "/v1/logs", body, user)
    return ids


async def judge(
    place: Place, alice: str, bob: str, talks: dict[str, str], traces: dict[str, str]
) -> None:
    """Votes of both, and what a judge says about the sessions and traces of each."""
    for user, word in ((alice, SAID), (bob, KEPT)):
        vote = {
            "rating": -1,
            "trace_id": traces["bobs"],
            "comment": f"{word}comment",
            "correction": word,
        }
        await place.send("POST", "/v1/feedback", vote, user)
    for key in ("own", "theirs"):
        word = SAID if key == "own" else KEPT
        score = {
            "name": "tone",
            "value": 0.5,
            "session_id": talks[key],
            "turn_index": 0,
            "comment": word,
        }
        await place.send("POST", "/v1/scores", score)
    score = {"name": "tone", "value": 0.5, "trace_id": traces["named"], "comment": SAID}
    await place.send("POST", "/v1/scores", score)


async def test_nothing_of_a_user_is_left_in_any_table(place: Place) -> None:
    """Neither what was said, nor the name of the user, but for the receipt and who did what."""
    alice, bob = unique("alice"), unique("bob")
    hook = {"url": "https://8.8.8.8/", "conditions": {"rating": "down"}, "enabled": True}
    made = await place.fleet.send("operator", "POST", "/v1/webhooks", hook)
    talks = await converse(place, alice, bob)
    traces = await trace(place, alice, bob, talks)
    await judge(place, alice, bob, talks, traces)
    async with await open_backend(place.url) as backend:
        while await SqlOutbox(backend.database).evaluate():
            pass
        await backend.trace_memory.index.catch_up()
        seen = AuditEvent(at=clock.now(), operation="sessions.delete", decision="denied")
        await SqlAudit(backend.database).add([replace(seen, subject=f"user:realm|{alice}")])
    await place.fleet.send(
        "operator", "PATCH", f"/v1/webhooks/{made.json()['webhook_id']}", {"enabled": False}
    )
    before = await dump(place.url)
    held = {
        "session",
        "message",
        "session_event",
        "span",
        "span_log",
        "feedback",
        "webhook_delivery",
    }
    assert where(before, SAID) >= held

    answer = await place.erase({"user": alice})

    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    after = await dump(place.url)
    assert where(after, SAID) == set()
    named = {table for table in where(after, alice) if not table.startswith("audit_event")}
    assert named <= {"erasure", "file"}
    assert where(after, KEPT) >= held - {"session_event", "span_log"}
    counted = {"sessions": 3, "messages": 7, "blanked_messages": 6, "feedback": 1}
    assert receipt.items() >= (counted | {"blanked_feedback": 4, "traces": 4, "spans": 4}).items()
    path = f"/v1/erasures/{receipt['erasure_id']}"
    assert (await place.fleet.send("operator", "GET", path)).json() == receipt
    told = await place.fleet.send("operator", "GET", "/v1/audit?operation=erasures.create")
    assert receipt["erasure_id"] == told.json()[0]["resource_id"]
    await _check_what_stays(place, bob, talks, traces)


async def _check_what_stays(
    place: Place, bob: str, talks: dict[str, str], traces: dict[str, str]
) -> None:
    """Of the user the structure, so that it still adds up; of others everything."""
    history = (await place.send("GET", f"/v1/sessions/{talks['theirs']}")).json()["messages"]
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    assert history[2:] == [
        {"role": "user", "content": "", "erased": True},
        {"role": "assistant", "content": "", "tool_calls": [call], "erased": True},
        {"role": "tool", "tool_call_id": "c1", "content": "", "erased": True},
    ]
    assert [each["content"] for each in history[:2]] == [f"{KEPT}words", f"{KEPT}answer"]
    summary = (
        await place.fleet.send("operator", "GET", f"/v1/sessions/{talks['theirs']}/summary")
    ).json()
    assert (summary["message_count"], summary["open_tool_calls"]) == (5, [])
    page = (await place.fleet.send("operator", "GET", "/v1/traces?limit=100")).json()
    listed = {each["trace_id"]: each for each in page}
    named = listed[traces["named"]]
    assert (named["prompt_tokens"], named["completion_tokens"], named["status"]) == (12, 5, "error")
    assert (named["user_id"], named["session_id"], named["models"]) == (None, None, ["gpt-4o"])
    shown = (await place.fleet.send("operator", "GET", f"/v1/traces/{traces['named']}")).json()
    [span] = shown["spans"]
    assert span["attributes"]["gen_ai.request.model"] == "gpt-4o"
    assert "other" not in span["attributes"]
    assert [each["body"] for each in span["events"]] == [None]
    votes = await place.fleet.send("operator", "GET", f"/v1/feedback?trace_id={traces['bobs']}")
    assert [each["user_id"] for each in votes.json()] == [bob]
    scores = await place.fleet.send("operator", "GET", "/v1/scores?name=manners")
    assert [(each["value"], each["comment"]) for each in scores.json()] == [(0.5, "")]
    bobs = listed[traces["bobs"]]
    assert (bobs["user_id"], bobs["thumbs_down"], bobs["span_count"]) == (bob, 1, 2)


async def test_a_user_is_counted_before_and_erased_once(place: Place) -> None:
    """A dry run does nothing; the same key is the same erasure; nobody is erased who is many."""
    user = unique("user")
    log = f"/v1/sessions/{unique('s')}/messages"
    await place.send("POST", log, {"messages": [says("a"), says("b")]}, user)
    await place.send("POST", "/v1/feedback", {"rating": 1, "trace_id": unique("t")}, user)

    mistyped = await place.erase({"user": user, "dryRun": True})
    assert (mistyped.status_code, "dryRun" in mistyped.text) == (422, True)
    planned = await place.erase({"user": user, "dry_run": True})
    first = await place.erase({"user": user}, idempotency_key=user)
    again = await place.erase({"user": user}, idempotency_key=user)

    told = planned.json()
    assert (planned.status_code, told["status"], told["erasure_id"]) == (200, "planned", None)
    assert (told["sessions"], told["messages"], told["feedback"]) == (1, 2, 1)
    assert first.status_code == 201
    assert first.json() == again.json()
    assert (first.json()["sessions"], first.json()["messages"], first.json()["feedback"]) == (
        1,
        2,
        1,
    )
    used = await place.erase({"user": unique("user")}, idempotency_key=user)
    assert used.status_code == 409
    for name in ("", "anonymous", "Default", "a\nb", "a" * 513):
        assert (await place.erase({"user": name})).status_code == 422
    assert (await place.erase({"user": user})).json()["sessions"] == 0
    page = await place.fleet.send("operator", "GET", "/v1/erasures?limit=1")
    assert len(page.json()) == 1
    follow = await place.fleet.send("operator", "GET", page.links["next"]["url"])
    assert first.json() in [*page.json(), *follow.json()]
    assert (await place.fleet.send("operator", "GET", "/v1/erasures/none")).status_code == 404
    assert (
        await place.fleet.send("viewer", "POST", "/v1/erasures", {"user": user})
    ).status_code == 403
