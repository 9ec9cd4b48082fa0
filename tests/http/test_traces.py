"""The routes of traces, and what one path makes of several payloads."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.http.problems import fields, told

STARTED = "2026-04-27T12:00:00+00:00"


def trace(key: str = "t1", **more: Any) -> dict[str, Any]:
    """A native trace, as an agent posts it."""
    span = {
        "trace_id": key,
        "span_id": "a",
        "parent_span_id": None,
        "name": "model_call",
        "start_time": 1234.5,
        "end_time": 1235,
        "status": "ok",
        "attributes": {"prompt_tokens": 3, "completion_tokens": 4, "x": [1.0, None]},
        "events": [{"name": "e", "timestamp": 1.5, "body": "b"}],
    }
    body = {"trace_id": key, "started_at": STARTED, "ended_at": None, "model": "m"}
    return {**body, "session_id": "s", "status": "ok", "spans": [span], **more}


async def post(client: httpx2.AsyncClient, body: Any, media: str | None = None) -> httpx2.Response:
    """Post a body, raw when it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if media is None else {"content-type": media}
    return await client.post("/v1/traces", content=content, headers=headers)


async def test_a_native_trace_is_kept_and_comes_back(client: httpx2.AsyncClient) -> None:
    """201 with its id; the floats, attributes and events are those that were sent."""
    sent = trace()
    saved = await post(client, sent, "application/json")
    found = (await client.get("/v1/traces/t1")).json()

    assert (saved.status_code, saved.json()) == (201, {"trace_id": "t1", "saved": True})
    assert found["started_at"] == STARTED
    for name in ("start_time", "end_time", "attributes", "events", "name"):
        assert found["spans"][0][name] == sent["spans"][0][name]
    assert found["spans"][0]["start_time_unix_nano"] == 1777291200_000000000


async def test_posting_twice_merges(client: httpx2.AsyncClient) -> None:
    """Spans merge by id: nothing is doubled, nothing is lost."""
    await post(client, trace())
    other = {**trace()["spans"][0], "span_id": "b"}
    await post(client, trace(spans=[other]))

    found = (await client.get("/v1/traces/t1")).json()
    assert sorted(span["span_id"] for span in found["spans"]) == ["a", "b"]


async def test_what_may_be_left_out_or_null_is(client: httpx2.AsyncClient) -> None:
    """Only a trace id, a start, and an id for each span are needed."""
    bare = {"trace_id": "t1", "started_at": "2026-04-27T12:00:00", "spans": [{"span_id": "a"}]}
    nulls = {
        **dict.fromkeys(("ended_at", "model", "session_id", "status", "unknown")),
        "trace_id": "t2",
        "started_at": "2026-04-27T12:00:00Z",
        "spans": [
            {
                **dict.fromkeys(("trace_id", "parent_span_id", "name", "start_time", "end_time")),
                **dict.fromkeys(("status", "attributes", "events")),
                "span_id": "a",
            }
        ],
    }
    empty = {"trace_id": "t3", "started_at": STARTED, "spans": None}

    for body in (bare, nulls, empty):
        assert (await post(client, body)).status_code == 201
    span = (await client.get("/v1/traces/t2")).json()["spans"][0]
    assert (span["attributes"], span["events"], span["status"]) == ({}, [], "ok")


async def test_attributes_may_hold_anything(client: httpx2.AsyncClient) -> None:
    """Exactly as it was written, NUL escapes and odd numbers included."""
    attributes = '{"a": "\\u0000", "n": 1.50, "deep": [[[{}]]], "model": 5, "prompt_tokens": "x"}'
    body = f'{{"trace_id":"t","started_at":"{STARTED}","spans":[{{"span_id":"a","attributes":{attributes}}}]}}'
    saved = await post(client, body.encode())

    assert saved.status_code == 201
    assert attributes in (await client.get("/v1/traces/t")).text


@pytest.mark.parametrize(
    "media",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json", None],
)
async def test_json_is_taken_by_any_of_its_names(
    client: httpx2.AsyncClient, media: str | None
) -> None:
    """And without one, when the body looks like it."""
    assert (await post(client, trace(), media)).status_code == 201


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/plain", json.dumps(trace()).encode()),
        ("application/x-www-form-urlencoded", json.dumps(trace()).encode()),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/grpc", b"\x0a\x00"),
        ("json", json.dumps(trace()).encode()),
        (None, b"[1]"),
        (None, b"\x0a\x00"),
    ],
)
async def test_other_media_types_are_415(
    client: httpx2.AsyncClient, media: str | None, body: bytes
) -> None:
    """The media type decides, never what the body looks like."""
    told(await post(client, body, media), 415, "unsupported_media_type")


GROUP = {"scopeSpans": [{"spans": [{"traceId": "a" * 32, "spanId": "b" * 16, "name": "chat"}]}]}
AGENTS_TRACE = {"object": "trace", "id": f"trace_{'c' * 32}", "workflow_name": "w"}


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"resourceSpans": [GROUP]}, "a" * 32),
        ({**trace(), "resourceSpans": [GROUP]}, "a" * 32),
        ({"data": 5, "spans": 5, "resourceSpans": [GROUP]}, "a" * 32),
        ({"data": [AGENTS_TRACE]}, "c" * 32),
        ({"data": [{**AGENTS_TRACE, "workflow_name": "\ud83d"}]}, "c" * 32),
        ({"resourceSpans": []}, None),
        ({"resourceSpans": None, "spans": 5}, None),
        ({"data": []}, None),
        ({}, None),
    ],
)
async def test_keys_tell_whose_a_body_is(
    client: httpx2.AsyncClient, body: Any, key: str | None
) -> None:
    """Those of OTLP first, of which nothing else has any, and `{}` is an empty request of it."""
    answer = await post(client, body, "application/json")

    assert (answer.status_code, answer.json()) == (200, {})
    kept = (await client.get("/v1/traces")).json()
    assert [item["trace_id"] for item in kept] == ([key] if key else [])


async def test_a_native_trace_may_quote_otlp(client: httpx2.AsyncClient) -> None:
    """A key somewhere within is not one at the top."""
    span = {**trace()["spans"][0], "attributes": {"sent": {"resourceSpans": []}}}

    assert (await post(client, trace(spans=[span]))).status_code == 201


async def test_null_and_what_is_no_item_are_left_out_of_an_export_alone(
    client: httpx2.AsyncClient,
) -> None:
    """The items beside them are kept."""
    answer = await post(client, {"data": [None, 5, AGENTS_TRACE]}, "application/json")

    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "2"
    assert (await client.get(f"/v1/traces/{'c' * 32}")).status_code == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"hello": "world"}, "neither trace_id"),
        ({"data": 5}, "neither trace_id"),
        ({"data": {"object": "trace"}}, "neither trace_id"),
        ({"data": [{"object": "list"}]}, "neither trace_id"),
        ({"data": [None, None]}, "neither trace_id"),
        ([{"resourceSpans": []}], "Expected `object`"),
        ({"resource_spans": [GROUP]}, "resourceSpans"),
        ({**trace(), "resource_spans": []}, "resourceSpans"),
        ({"resourceSpans": 5}, "no OTLP JSON"),
        (b'{"resourceSpans":[', "acceptable JSON"),
    ],
)
async def test_what_is_of_no_family_is_400_to_both(
    client: httpx2.AsyncClient, body: Any, reason: str
) -> None:
    """A google.rpc.Status, whose `detail` is what clients of FastAPI show."""
    answer = await post(client, body, "application/json")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    status = answer.json()
    assert status == {"code": 3, "message": status["detail"], "detail": status["detail"]}
    assert reason in status["detail"]
    assert (await client.get("/v1/traces")).json() == []


async def test_whoever_asks_for_problem_documents_gets_them(client: httpx2.AsyncClient) -> None:
    """Also of what is of no family."""
    headers = {"accept": "application/problem+json", "content-type": "application/json"}
    answer = await client.post("/v1/traces", content=b'{"hello":1}', headers=headers)

    told(answer, 400, "malformed_body")


WRONG: dict[str, tuple[Any, ...]] = {
    "trace_id": (None, 5, "", "a/b", "a" * 129, [], {}, True, "a\0b"),
    "started_at": (None, 5, "", "yesterday", "2026-13-01T00:00:00Z", [], {}, True),
    "ended_at": (5, "", "soon", [], {}, True),
    "model": (5, [], {}, True, "a\0b"),
    "session_id": (5, [], {}, True, "a\0b"),
    "status": (5, [], {}, True, "a\0b"),
    "spans": (5, "x", {}, True, [None], [5], [[]], [{}]),
}
WRONG_SPAN: dict[str, tuple[Any, ...]] = {
    "trace_id": (5, [], {}, True, "another"),
    "span_id": (None, 5, [], {}, True, "a\0b"),
    "parent_span_id": (5, [], {}, True, "a\0b"),
    "name": (5, [], {}, True, "a\0b"),
    "start_time": ("x", [], {}, True),
    "end_time": ("x", [], {}, True),
    "status": (5, [], {}, True, "a\0b"),
    "attributes": (5, "x", [], True),
    "events": (5, "x", {}, True),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
async def test_a_wrong_field_is_422_and_named(
    client: httpx2.AsyncClient, name: str, value: Any
) -> None:
    """A native trace that is not right is never a 500, and never half kept."""
    answer = await post(client, trace(**{name: value}))

    assert answer.status_code == 422, answer.text
    assert fields(answer)[0][:2] == ["body", name]
    assert (await client.get("/v1/traces")).json() == []


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_SPAN.items() for value in values]
)
async def test_a_wrong_field_of_a_span_is_422_and_named(
    client: httpx2.AsyncClient, name: str, value: Any
) -> None:
    """The error says which span."""
    span = {**trace()["spans"][0], name: value}
    answer = await post(client, trace(spans=[trace()["spans"][0], span]))

    assert answer.status_code == 422, answer.text
    assert fields(answer)[0] == ["body", "spans", 1, name]
    assert (await client.get("/v1/traces")).json() == []


@pytest.mark.parametrize("body", [{"trace_id": "x"}, {"started_at": STARTED}, {"spans": []}])
async def test_an_incomplete_native_trace_is_422(client: httpx2.AsyncClient, body: Any) -> None:
    """Any of its own keys makes it native."""
    told(await post(client, body), 422, "invalid_request")


@pytest.mark.parametrize(
    "span", [b'{"span_id":"a","attributes":{"x":1e999}}', b'{"span_id":"a","events":["\xff"]}']
)
async def test_what_could_never_be_read_back_is_422(
    client: httpx2.AsyncClient, span: bytes
) -> None:
    """Numbers past a double, and bytes that are no text."""
    body = b'{"trace_id":"t","started_at":"%b","spans":[%b]}' % (STARTED.encode(), span)

    told(await post(client, body), 422)


@pytest.mark.parametrize("body", [b'{"trace_id":', b"[{}]", b"5", b'{"x":"\\ud83d"}'])
async def test_json_that_nobody_can_read_is_422(client: httpx2.AsyncClient, body: bytes) -> None:
    """As on every route, where nothing says that it is OTLP."""
    told(await post(client, body, "application/json"), 422, "invalid_request")


async def test_lists_have_summaries_newest_first(client: httpx2.AsyncClient) -> None:
    """Bare arrays, with the next page in a link."""
    for minute in range(3):
        await post(client, trace(f"t{minute}", started_at=f"2026-04-27T12:0{minute}:00Z"))
    first = await client.get("/v1/traces?limit=2&session_id=s")
    rest = await client.get(str(client.base_url.join(first.links["next"]["url"])))

    assert [item["trace_id"] for item in first.json()] == ["t2", "t1"]
    assert [item["trace_id"] for item in rest.json()] == ["t0"]
    assert "next" not in rest.links
    assert (first.json()[0]["prompt_tokens"], first.json()[0]["span_count"]) == (3, 1)
    assert (await client.get("/v1/traces?offset=1&limit=1")).json() == first.json()[1:]
    assert (await client.get("/v1/traces?status=error")).json() == []


async def test_a_list_may_be_narrowed_by_many_filters_at_once(service: httpx2.AsyncClient) -> None:
    """A trace is listed where all of them are so."""
    await service.post("/a/planner/v1/traces", json=trace("t1"))
    await service.post("/a/planner/v1/traces", json=trace("t2", model="other", spans=[]))
    filters = {"agent": "planner", "kind": "llm", "limit": "5", "feedback": "none"}

    for more in ({}, {"sort": "duration"}, {"attributes": '{"prompt_tokens":3}'}):
        page = await service.get("/v1/traces", params={**filters, **more})
        assert [item["trace_id"] for item in page.json()] == ["t1"], page.text
    page = await service.get("/v1/traces", params={**filters, "tool": "x"})
    assert page.json() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "since=x", "cursor=x"])
async def test_a_bad_filter_is_422(client: httpx2.AsyncClient, query: str) -> None:
    """As the reference does."""
    assert fields(await client.get(f"/v1/traces?{query}")) == [["query", query.partition("=")[0]]]


@pytest.mark.parametrize("key", ["nobody", "a%3Fb", "a%00b", "a" * 129])
async def test_an_unknown_trace_is_404(client: httpx2.AsyncClient, key: str) -> None:
    """Also when its id could never have been stored."""
    told(await client.get(f"/v1/traces/{key}"), 404, "not_found")
