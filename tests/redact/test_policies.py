"""How much is kept of what is said: by service, by tenant, and what every policy leaves alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from commonhold.auth.principal import Principal
from commonhold.compose.app import create_app
from commonhold.contract.stores import Backend
from commonhold.errors import Closed
from commonhold.model.clock import Micros
from commonhold.model.redaction import Policy, PolicyChange, StoredChange
from commonhold.model.scope import Scope
from commonhold.otlp.requests import spans_of
from commonhold.service.redaction import TTL_S, PolicyDesk
from commonhold.settings import Settings
from commonhold.sql import open_backend
from commonhold.sql.redaction import SqlPolicies
from commonhold.wrap import RedactedBackend, Redaction
from tests.http.conftest import over
from tests.http.problems import told
from tests.otlp import wire
from tests.otlp.wire import pair
from tests.redact.secrets import CORE
from tests.redact.writes import logs, planted

SAID = "The weather in Bern is fine."
KEY = "s" + f"k-{CORE}"
POLICY = "/v1/redaction"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A service as it is by default."""
    app = create_app(Settings(database=f"sqlite:///{tmp_path}/kept.db"))
    async with app.router.lifespan_context(app), over(app) as made:
        yield made


def conversation() -> Any:
    """A model call with all that it says, which is nothing secret."""
    sent = wire.request("chat gpt")
    span = wire.sent_spans(sent)[0]
    span.status.message, span.status.code = SAID, 2
    facts = {"gen_ai.request.model": "gpt", "gen_ai.usage.input_tokens": 412, "llm.stream": True}
    for name, value in {**facts, "gen_ai.tool.name": "weather", "error.type": "Timeout"}.items():
        pair(span.attributes, name, value)
    pair(span.attributes, "gen_ai.input.messages", json.dumps([{"content": SAID}]))
    pair(span.attributes, "unheard.of", [SAID, SAID])
    pair(span.attributes, "nested", {"said": SAID, "n": 1})
    event = span.events.add(name="gen_ai.choice", time_unix_nano=10**18 + 1)
    pair(event.attributes, "content", SAID)
    return sent


async def test_with_capture_none_stays_what_happened_and_not_what_was_said(
    client: httpx2.AsyncClient,
) -> None:
    """Names, counts, times and errors of a trace; sessions and votes are as they were."""
    answer = await client.put(POLICY, json={"capture": "none"})
    assert (answer.status_code, answer.json()["capture"]) == (200, "none")
    media = {"content-type": "application/x-protobuf"}
    body = conversation().SerializeToString()
    await client.post("/v1/traces", content=body, headers=media)
    log = logs(planted("a")).SerializeToString()
    await client.post("/v1/logs", content=log, headers=media)
    span = {"span_id": "s", "attributes": {"model": "gpt", "note": SAID, "n": 1}}
    events = [{"name": "e", "timestamp": 1.0, "body": {"content": SAID, "n": 2}}]
    native = {"trace_id": "t", "started_at": "2026-01-15T09:00:00Z"}
    await client.post("/v1/traces", json={**native, "spans": [{**span, "events": events}]})
    await client.put("/v1/sessions/s", json={"messages": [{"role": "user", "content": SAID}]})

    shown = (await client.get(f"/v1/traces/{wire.TRACE.hex()}")).json()
    sent = (await client.get(f"/v1/traces/{wire.TRACE.hex()}?format=otlp")).text
    posted = (await client.get("/v1/traces/t")).json()["spans"][0]
    said = (await client.get("/v1/sessions/s")).json()["messages"][0]["content"]
    assert SAID not in json.dumps(shown) + sent + json.dumps(posted)
    assert (shown["model"], shown["status"]) == ("gpt", "error")
    attributes = shown["spans"][0]["attributes"]
    assert attributes["gen_ai.usage.input_tokens"] == 412
    assert attributes["gen_ai.tool.name"] == "weather"
    assert attributes["error.type"] == "Timeout"
    assert attributes["unheard.of"] == ["[redacted:content]"] * 2
    assert attributes["llm.stream"] is True
    assert posted["attributes"] == {"model": "gpt", "note": "[redacted:content]", "n": 1}
    assert (posted["events"][0]["name"], posted["events"][0]["timestamp"]) == ("e", 1.0)
    assert said == SAID


async def test_a_policy_is_shown_changed_and_given_back(client: httpx2.AsyncClient) -> None:
    """What is not said is as the service has it; what cannot be is refused, with what can."""
    asked = await client.put(POLICY, json={"redact": ["personal", "credentials"]})
    made = await client.post("/v1/feedback", json={"rating": 1, "comment": f"a@b.example {KEY}"})
    vote = (await client.get(f"/v1/feedback/{made.json()['feedback_id']}")).json()
    shown = (await client.get(POLICY)).json()
    wrong = await client.put(POLICY, json={"capture": "some"})
    mistyped = await client.put(POLICY, json={"captrue": "none"})
    assert (mistyped.status_code, "captrue" in mistyped.text) == (422, True)
    names = await client.put(POLICY, json={"redact": ["all"]})
    back = await client.put(POLICY, json={})

    assert vote["comment"] == "[redacted:email] [redacted:api_key]"
    assert shown == asked.json()
    assert shown["redact"] == ["credentials", "personal"]
    assert shown["own"] == {"capture": None, "redact": ["credentials", "personal"]}
    assert told(wrong, 422)["detail"] == "capture must be one of none, masked, full."
    assert told(names, 422)["detail"] == "redact must be a list of credentials, personal."
    assert (back.json()["capture"], back.json()["redact"]) == ("masked", ["credentials"])


async def test_a_request_that_comes_again_is_the_same_one(client: httpx2.AsyncClient) -> None:
    """Redacted alike: an append with a key, a list with and without what was taken out."""
    messages = [{"role": "user", "content": f"use {KEY}"}, {"role": "assistant", "content": "ok"}]
    key = {"idempotency-key": "turn-1"}
    log = "/v1/sessions/a/messages"
    first, again = [
        await client.post(log, json={"messages": messages}, headers=key) for _ in range(2)
    ]
    saved, resaved = [
        await client.put("/v1/sessions/b", json={"messages": messages}) for _ in range(2)
    ]
    read = (await client.get("/v1/sessions/b")).json()["messages"]
    returned = await client.put("/v1/sessions/b", json={"messages": read})

    assert (first.status_code, again.json()) == (201, first.json())
    assert saved.headers["etag"] == resaved.headers["etag"] == returned.headers["etag"]
    assert read[0]["content"] == "use [redacted:api_key]"
    assert len((await client.get("/v1/sessions/b/messages?include_superseded=true")).json()) == 2


async def test_each_tenant_has_its_own_policy_within_two_seconds() -> None:
    """A policy is looked up again when it is old, and nothing is written where it cannot be."""
    now = [0.0]
    async with await open_backend("sqlite:///:memory:") as backend:
        policies = SqlPolicies(backend.database)
        desk = PolicyDesk(lambda: policies, Policy(), lambda: now[0])
        stage: Backend = RedactedBackend(backend, Redaction(desk.policy_of, spans_of))
        ours, theirs = stage.bind(Scope("ours")), stage.bind(Scope("theirs"))
        message = json.dumps({"content": KEY})
        await ours.sessions.append("s", [message])
        await theirs.sessions.append("s", [message])
        change = StoredChange(PolicyChange(capture="full"), Micros(1), "somebody")
        await policies.put("ours", change)  # by another process
        await ours.sessions.append("s", [message])
        now[0] += TTL_S
        await ours.sessions.append("s", [message])
        await theirs.sessions.append("s", [message])
        await desk.change(Principal(tenant="theirs"), PolicyChange(capture="full"))
        await theirs.sessions.append("s", [message])

        kept = [
            [KEY in str(each) for each in (await one.sessions.history("s")).messages]
            for one in (ours, theirs)
        ]
        assert kept == [[False, False, True], [False, False, True]]
    now[0] += TTL_S
    with pytest.raises(Closed):
        await ours.sessions.append("s", [message])
