"""Values that a database could choke on, on both databases: refused or kept, never a 500."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
import pytest

from commonhold.contract.stores import Stores
from commonhold.http import create_app
from commonhold.sql import open_backend
from tests.http.conftest import over

# Random, so that no database compresses it to something that fits into an index.
LONG = random.Random(1).randbytes(20_000).hex()
TEXTS = {
    "long": LONG,
    "NUL": "a\0b",
    "wide": "\U0001f4a5" * 128,
    "odd": "'\"; DROP TABLE session; --%_\\",
    "right to left": "\u202e\u0000",
    "empty": "",
    "a broken character": "\ufffd\uffff",
}
NUMBERS = [2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, -1, 0, 1e308, -1e308, 5e-324]
STARTED = "2026-04-27T12:00:00Z"
TIMES = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "1969-12-31T23:59:59Z",
]


@pytest.fixture(params=["sqlite", "postgres"])
async def client(
    request: pytest.FixtureRequest, tmp_path: object
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the service over each database."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/c.db" if is_sqlite else request.getfixturevalue("postgres_url")
    backend = await open_backend(url)
    async with over(create_app(Stores.on(backend))) as made:
        yield made
    await backend.aclose()


async def is_sane(client: httpx2.AsyncClient, method: str, path: str, body: object = None) -> None:
    """An answer below 500, and one that can be read."""
    content = None if body is None else json.dumps(body)
    answer = await client.request(method, path, content=content)
    assert answer.status_code < 500, (method, path[:200], answer.text[:500])
    answer.json()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_any_text_in_any_field_of_a_body(client: httpx2.AsyncClient, text: str) -> None:
    """It is kept, or refused as the caller's mistake; lists can be read afterwards."""
    span = {"span_id": "a"}
    trace = {"trace_id": "t", "started_at": STARTED, "spans": [span]}
    for name in ("session_id", "title", "parent_session_id", "forked_at_message_id"):
        await is_sane(client, "POST", "/v1/sessions", {name: text})
    await is_sane(client, "POST", "/v1/sessions", {"permission_scope_active": text})
    await is_sane(client, "POST", "/v1/sessions", {"metadata": {text: text}})
    for message in ({"id": text}, {"role": text}, {"content": text, text: text}):
        await is_sane(client, "PUT", "/v1/sessions/s", {"messages": [message, message]})
    await is_sane(client, "PATCH", "/v1/sessions/s", {"cost_data": {text: text, "model": text}})
    await is_sane(client, "PATCH", "/v1/sessions/s/state", {"state": {text: text}})
    for name in ("trace_id", "model", "session_id", "status"):
        await is_sane(client, "POST", "/v1/traces", {**trace, name: text})
    for name in ("trace_id", "span_id", "parent_span_id", "name", "status"):
        spans = [{**span, name: text}]
        await is_sane(client, "POST", "/v1/traces", {**trace, "spans": spans})
    for opaque in ({"attributes": {text: text}}, {"events": [text]}):
        await is_sane(client, "POST", "/v1/traces", {**trace, "spans": [{**span, **opaque}]})
    for name in ("trace_id", "session_id", "comment", "correction", "model_id", "agent_type"):
        await is_sane(client, "POST", "/v1/feedback", {"rating": 1, name: text})
    for path in ("/v1/sessions", "/v1/sessions/s", "/v1/sessions/s/messages", "/v1/traces/t"):
        await is_sane(client, "GET", path)
    for path in ("/v1/sessions/s/usage", "/v1/traces", "/v1/feedback", "/v1/feedback/stats"):
        await is_sane(client, "GET", path)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_any_text_in_a_path_or_a_filter(client: httpx2.AsyncClient, text: str) -> None:
    """Nothing that was asked for breaks out of where it stands."""
    key = quote(text or "%", safe="")
    for path in ("/v1/sessions/{}", "/v1/traces/{}", "/v1/feedback/{}", "/v1/sessions/{}/usage"):
        await is_sane(client, "GET", path.format(key))
    await is_sane(client, "PUT", f"/v1/sessions/{key}", {"messages": []})
    await is_sane(client, "DELETE", f"/v1/sessions/{key}")
    await is_sane(client, "PATCH", f"/v1/feedback/{key}", {"rating": 1})
    for name in ("agent", "user", "parent", "cursor", "since"):
        await is_sane(client, "GET", f"/v1/sessions?{name}={key}")
    for name in ("session_id", "status", "cursor"):
        await is_sane(client, "GET", f"/v1/traces?{name}={key}")
    for name in ("trace_id", "session_id", "user_id", "agent_type", "cursor"):
        await is_sane(client, "GET", f"/v1/feedback?{name}={key}")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: str(number)[:12])
async def test_any_number_in_any_field(client: httpx2.AsyncClient, number: float) -> None:
    """Whether it fits into 64 bits or not."""
    trace = {"trace_id": "t", "started_at": STARTED}
    span = {"span_id": "a", "start_time": 1.0}
    attributes = {"prompt_tokens": number, "completion_tokens": number}
    await is_sane(client, "PUT", "/v1/sessions/s", {"messages": [{"x": number, "id": number}]})
    cost = {
        "model": "gpt-4o",
        "input_tokens": number,
        "output_tokens": number,
        "turn_count": number,
    }
    await is_sane(client, "PATCH", "/v1/sessions/s", {"cost_data": cost})
    await is_sane(client, "GET", "/v1/sessions/s/usage")
    for action in ("fork", "revert"):
        body = {"from_message_index": number, "to_message_index": number}
        await is_sane(client, "POST", f"/v1/sessions/s/{action}", body)
    for name in ("start_time", "end_time"):
        spans = [{**span, name: number}, {**span, "span_id": "b"}]
        await is_sane(client, "POST", "/v1/traces", {**trace, "spans": spans})
    spans = [{**span, "name": "model_call", "attributes": attributes, "events": [number]}]
    await is_sane(client, "POST", "/v1/traces", {**trace, "spans": spans})
    await is_sane(client, "GET", "/v1/traces")
    await is_sane(client, "GET", "/v1/traces/t")
    for name in ("latency_ms", "turn_index"):
        await is_sane(client, "POST", "/v1/feedback", {"rating": 1, name: number})
    for name in ("limit", "offset"):
        for path in ("/v1/sessions", "/v1/traces", "/v1/feedback"):
            await is_sane(client, "GET", f"{path}?{name}={number}")
    await is_sane(client, "GET", f"/v1/sessions/s/messages?after={number}")


@pytest.mark.parametrize("at", TIMES)
async def test_any_time_there_is(client: httpx2.AsyncClient, at: str) -> None:
    """From the first year to the last."""
    trace = {"trace_id": "t", "started_at": at, "ended_at": at, "spans": [{"span_id": "a"}]}
    await is_sane(client, "POST", "/v1/traces", trace)
    for path in ("/v1/sessions", "/v1/traces", "/v1/feedback", "/v1/feedback/stats"):
        for name in ("since", "until"):
            await is_sane(client, "GET", f"{path}?{name}={quote(at, safe='')}")
    await is_sane(client, "GET", "/v1/traces/t")
