"""Summaries of traces: who sees them, and that nothing of what was said is in them; over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.auth.everyone import Everyone
from tests.auth.fleet import unique
from tests.auth.test_gateway import same
from tests.auth.test_rows import ok, said
from tests.http.problems import told

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = "sunnyinbern"
"""What was said, in every place that there is for it."""

START = 1_767_225_600_000_000_000
ROOT, LATER = "ab" * 8, "cd" * 8
CONTENT = ("attributes", "events", "otel")
"""What of a span may have been said by somebody."""


def pairs(**attributes: Any) -> list[dict[str, Any]]:
    """Attributes of OTLP: texts and numbers, with `__` for a dot."""
    return [
        {
            "key": name.replace("__", "."),
            "value": {"intValue" if isinstance(value, int) else "stringValue": value},
        }
        for name, value in attributes.items()
    ]


def otlp(trace_id: str, span_id: str = ROOT, at: int = START, **attributes: Any) -> dict[str, Any]:
    """A model call that failed, with all that it and what is linked to it say."""
    facts = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "gpt"}
    listed = {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": SAID}]}}}
    span = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": "chat gpt",
        "startTimeUnixNano": str(at),
        "endTimeUnixNano": str(at + 10**9),
        "status": {"code": 2, "message": SAID},
        "attributes": [*pairs(**facts, unheard__of=SAID, llm__count=412, **attributes), listed],
        "events": [
            {"name": "choice", "timeUnixNano": str(at + 7), "attributes": pairs(content=SAID)}
        ],
        "links": [{"traceId": "ef" * 16, "spanId": ROOT, "attributes": pairs(why=SAID)}],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def log(trace_id: str) -> dict[str, Any]:
    """A log record about it."""
    body = {"body": {"stringValue": SAID}, "attributes": pairs(gen_ai__prompt=SAID)}
    about = {
        "traceId": trace_id,
        "spanId": ROOT,
        "timeUnixNano": str(START),
        "eventName": "gen_ai.user.message",
    }
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{**about, **body}]}]}]}


def native(trace_id: str, session: str) -> dict[str, Any]:
    """A trace as agents post it."""
    attributes = {"note": SAID, "n": 41, "nested": {"said": SAID}, "list": [SAID]}
    attributes |= {
        "gen_ai.tool.name": {"said": SAID},
        "mlflow.chat.tokenUsage": {"input_tokens": 7},
    }
    attributes |= {"langfuse.tags": ["blue", {"said": SAID}]}
    hidden = {"name": {"said": SAID}, "timestamp": [SAID, [SAID]]}
    events = [
        {"name": "e", "timestamp": 1.5, "body": {"content": SAID}},
        {"body": SAID},
        hidden,
        SAID,
    ]
    span = {"span_id": f"{trace_id}-1", "name": "step", "start_time": 1.25, "end_time": 2.5}
    whole = {"trace_id": trace_id, "session_id": session, "started_at": "2026-01-01T00:00:00Z"}
    return {**whole, "spans": [{**span, "attributes": attributes, "events": events}]}


def names(traces: list[dict[str, Any]]) -> set[str]:
    """Which traces those are."""
    return {each["trace_id"] for each in traces}


def facts(traces: list[dict[str, Any]]) -> list[Any]:
    """All of traces but what may have been said, with the names of attributes."""
    return [
        {**trace, "spans": [(without(each, *CONTENT), [*each["attributes"]]) for each in spans]}
        for trace in traces
        for spans in [trace["spans"]]
    ]


def without(each: dict[str, Any], *left_out: str) -> dict[str, Any]:
    """An object without some of its fields."""
    return {name: value for name, value in each.items() if name not in left_out}


async def test_a_summary_has_what_happened_and_nothing_that_was_said(all_modes: Everyone) -> None:
    """For the user and for a viewer, however they read it; an operator finds all of it there."""
    weather = await all_modes.key("agent-obo", "weather")
    viewer = await all_modes.key("viewer")
    session, sent, posted = unique("s"), uuid4().hex, unique("t")
    call = otlp(sent, session__id=session)
    for method, path, body in (
        ("PUT", f"/v1/sessions/{session}", said("hello")),
        ("POST", "/v1/traces", call),
        ("POST", "/v1/logs", log(sent)),
        ("POST", "/v1/traces", native(posted, session)),
    ):
        await ok(await all_modes.bearing(weather, method, path, body, x_on_behalf_of="ada"))
    whole, of_session = f"/v1/traces/{sent}", f"/v1/sessions/{session}/traces"
    for path in (
        *(whole, f"{whole}?format=otlp", of_session),
        *(f"/v1/traces/{posted}", f"/v1/traces/{posted}?format=otlp"),
    ):
        full = await all_modes.bearing(all_modes.operator.text, "GET", path)
        assert full.text.count(SAID) >= 5, path
        for seen in (
            await all_modes.user("ada", "GET", path),
            await all_modes.bearing(viewer, "GET", path),
        ):
            assert (seen.status_code, SAID in seen.text) == (200, False), (path, seen.text)
    summaries = await ok(await all_modes.user("ada", "GET", of_session))
    assert facts(summaries) == facts(await all_modes.manage("GET", of_session))
    told_of = {each["trace_id"]: each["spans"][0] for each in summaries}
    step, chat = told_of[posted], told_of[sent]
    assert (step["attributes"]["n"], step["events"][0]["timestamp"]) == (41, 1.5)
    assert step["attributes"]["mlflow.chat.tokenUsage"] == {"input_tokens": 7}
    assert step["attributes"]["langfuse.tags"][0] == "blue"
    assert (chat["status"], chat["otel"]["status_code"]) == ("error", 2)
    assert (chat["attributes"]["llm.count"], chat["model"]) == (412, "gpt")
    assert {each["name"] for each in chat["events"]} == {"choice", "gen_ai.user.message"}
    exported = (await all_modes.user("ada", "GET", f"{whole}?format=otlp")).text
    for fact in ('"name":"chat gpt"', f'"{START}"', f'"{START + 7}"', '"412"', '"code":2'):
        assert fact in exported
    for listed in ("/v1/traces?limit=200", f"/v1/sessions/{session}/timeline"):
        answer = await all_modes.user("ada", "GET", listed)
        assert SAID not in answer.text
        assert all(each in answer.text for each in (sent, posted))
    for search in (f"/v1/traces?q={SAID}", "/v1/traces?attributes={}"):
        told(await all_modes.user("ada", "GET", search), 403, "forbidden")


async def test_a_user_sees_the_traces_that_an_agent_wrote_for_that_user(
    all_modes: Everyone,
) -> None:
    """By credential, and not by what spans say of their user; anything else is absent."""
    weather, news = [await all_modes.key("agent-obo", name) for name in ("weather", "news")]
    proof = {"x_agent_authorization": f"Bearer {weather}"}
    user = unique("ada")
    verified, asserted, shared, theirs, nobodys = (uuid4().hex for _ in range(5))
    token = all_modes.mint.token(sub=user)
    await ok(await all_modes.bearing(token, "POST", "/v1/traces", otlp(verified), **proof))
    for trace_id, named, span_id, at in (
        (asserted, user, ROOT, START),
        (theirs, "eve", ROOT, START),
        (nobodys, "", ROOT, START),
        (shared, "", ROOT, START),
        (shared, user, LATER, START + 5),
    ):
        told_of = {"x_on_behalf_of": named} if named else {}
        body = otlp(trace_id, span_id, at, user__id=user)
        await ok(await all_modes.bearing(weather, "POST", "/v1/traces", body, **told_of))
    # It begins earlier now, and is found at another place.
    body = otlp(shared, "12" * 8, START - 10**9)
    await ok(await all_modes.bearing(news, "POST", "/v1/traces", body))

    hers = {verified, asserted, shared}
    for query in ("", "&sort=duration", f"&user={user}&kind=llm", "&agent=weather&status=error"):
        listed = await ok(await all_modes.user(user, "GET", f"/v1/traces?limit=200{query}"))
        found = hers if "user=" not in query else {asserted, shared}
        assert names(listed) == found, query
    [latest, *_] = await ok(await all_modes.user(user, "GET", "/v1/traces?limit=1&agent=news"))
    assert (latest["trace_id"], latest["span_count"]) == (shared, 3)
    for hidden in (theirs, nobodys):
        told(await all_modes.user(user, "GET", f"/v1/traces/{hidden}"), 404, "not_found")
    for path in ("/v1/traces/{}", "/v1/traces/{}?format=otlp"):
        await same(all_modes, path, verified)
    after = f"/v1/sessions/{unique('s')}/traces?after_trace_id={{}}"
    await same(all_modes, after, verified)
    assert hers.isdisjoint(names(await ok(await all_modes.user("eve", "GET", "/v1/traces"))))
    elsewhere = await all_modes.user(user, "GET", "/v1/traces", x_tenant_id="acme")
    told(elsewhere, 403, "tenant_unknown")
    for path in ("/v1/traces", f"/v1/traces/{verified}"):
        told(await all_modes.user("anonymous", "GET", path), 403, "forbidden")
