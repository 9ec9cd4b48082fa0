"""OTLP/HTTP: what an exporter sends, what it is answered, and what is kept.

docs/reference/otlp.md says it in a table; every row of it is here.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from commonhold.contract.stores import Stores
from commonhold.http import HttpOptions, create_app
from commonhold.model.clock import now
from commonhold.model.otel import Rejected, Request
from commonhold.sql import SqlBackend
from commonhold.sql.traces import SqlTraces
from tests.http.conftest import over
from tests.http.exporting import (
    BOTH,
    MEDIA,
    TRACE_ID,
    Encoding,
    encoded,
    export,
    kept,
    left_out,
    logs,
    metrics,
    refused,
)
from tests.http.problems import told
from tests.otlp.wire import as_json, pair, request, sent_spans

MIB = 1024 * 1024
ALIASES = ("/v1/traces", "/api/public/otel/v1/traces", "/otel/v1/traces")
EVERYWHERE = (*ALIASES, "/v1/logs", "/v1/metrics")


def spans(*names: str) -> Any:
    """A request of spans with ids of their own."""
    sent = request(*names)
    for number, span in enumerate(sent_spans(sent), 1):
        span.span_id = number.to_bytes(8)
    return sent


def raw_deflate(body: bytes) -> bytes:
    """The form of deflate without a header, which some senders mean by its name."""
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(body) + machine.flush()


# What is taken.


@BOTH
async def test_spans_are_kept_and_come_back(client: httpx2.AsyncClient, encoding: Encoding) -> None:
    """An answer in kind, which leaves nothing out, and each span as it was sent."""
    sent = spans("chat")
    pair(sent_spans(sent)[0].attributes, "session.id", "s1")

    assert left_out(await export(client, sent, encoding), encoding) == (0, "")
    [span] = await kept(client)
    [same] = json.loads(as_json(sent))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert {name: span[name] for name in same} == same
    [summary] = (await client.get("/v1/traces?session_id=s1")).json()
    assert summary["trace_id"] == TRACE_ID


@BOTH
async def test_an_empty_request_is_a_success(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """In protobuf it has no bytes."""
    body = b"" if encoding == "protobuf" else b"{}"
    answer = await export(client, body, encoding)

    assert answer.status_code == 200
    assert answer.content == body


@BOTH
async def test_a_replayed_export_changes_nothing(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """An exporter that got no answer sends again."""
    first = await export(client, spans("one", "two"), encoding)
    before = [await kept(client), (await client.get("/v1/traces")).json()]
    again = await export(client, spans("one", "two"), encoding)

    assert first.content == again.content
    assert [await kept(client), (await client.get("/v1/traces")).json()] == before


@BOTH
@pytest.mark.parametrize("path", ALIASES)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_path_is_served_with_and_without_a_slash(
    client: httpx2.AsyncClient, encoding: Encoding, path: str, slash: str
) -> None:
    """Never a redirect, which some exporters take for a success."""
    answer = await export(client, spans("chat"), encoding, path + slash)

    assert left_out(answer, encoding) == (0, "")
    assert len(await kept(client)) == 1


@BOTH
@pytest.mark.parametrize("path", ["/v1/logs/", "/v1/metrics/"])
async def test_so_are_the_paths_of_other_signals(
    client: httpx2.AsyncClient, encoding: Encoding, path: str
) -> None:
    """Whatever follows the endpoint that an exporter was given."""
    body = b"" if encoding == "protobuf" else b"{}"
    assert (await export(client, body, encoding, path)).status_code == 200


@BOTH
async def test_an_agent_may_be_named_by_a_prefix(
    service: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """Exporters keep the path of their endpoint."""
    await export(service, spans("chat"), encoding, "/a/planner/v1/traces")

    [span] = (await service.get(f"/v1/traces/{TRACE_ID}")).json()["spans"]
    assert span["agent"] == "planner"


@BOTH
@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
)
async def test_bodies_may_be_compressed(
    client: httpx2.AsyncClient,
    encoding: Encoding,
    name: str,
    compress: Callable[[bytes], bytes],
) -> None:
    """The Collector compresses unless it is told otherwise."""
    body = compress(encoded(spans("chat"), encoding))
    answer = await export(client, body, encoding, content_encoding=name)

    assert left_out(answer, encoding) == (0, "")
    assert len(await kept(client)) == 1


@pytest.mark.parametrize(
    "media", ["application/x-protobuf; charset=x", "Application/Protobuf", "application/x-protobuf"]
)
async def test_protobuf_has_two_names(client: httpx2.AsyncClient, media: str) -> None:
    """Parameters do not matter, and the answer has the one that is registered with OTLP."""
    body = encoded(spans("chat"), "protobuf")
    answer = await client.post("/v1/traces", content=body, headers={"content-type": media})

    assert left_out(answer, "protobuf") == (0, "")


# What is odd, and kept.


@BOTH
async def test_a_span_that_ends_before_it_starts_is_kept(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """As the Collector does: clocks are set back."""
    sent = spans("chat")
    sent_spans(sent)[0].end_time_unix_nano = 5

    assert left_out(await export(client, sent, encoding), encoding) == (0, "")
    [span] = await kept(client)
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == (str(10**18), "5")


@BOTH
async def test_ten_thousand_attributes_are_kept(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """All of them; it is found by the first of them."""
    sent = spans("chat")
    for number in range(10_000):
        pair(sent_spans(sent)[0].attributes, f"key.{number}", number)

    assert left_out(await export(client, sent, encoding), encoding) == (0, "")
    [span] = await kept(client)
    assert {each["key"]: int(each["value"]["intValue"]) for each in span["attributes"]} == {
        f"key.{number}": number for number in range(10_000)
    }
    found = await client.get("/v1/traces", params={"attributes": '{"key.0":0}'})
    assert [each["trace_id"] for each in found.json()] == [TRACE_ID]


@BOTH
async def test_an_attribute_of_five_megabytes_is_kept(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """A prompt may hold a picture."""
    text = "0123456789" * 500_000
    sent = spans("chat", "neighbour")
    pair(sent_spans(sent)[0].attributes, "gen_ai.input.messages", text)

    assert left_out(await export(client, sent, encoding), encoding) == (0, "")
    [span] = [span for span in await kept(client) if span["name"] == "chat"]
    assert span["attributes"][0]["value"]["stringValue"] == text


@BOTH
async def test_a_clock_far_ahead_is_kept_and_marked(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """Its times stay as they were told, and whoever reads them is warned."""
    start = 1000 * now() + 7200 * 10**9
    sent = spans("ahead", "not")
    ahead = sent_spans(sent)[0]
    ahead.start_time_unix_nano, ahead.end_time_unix_nano = start, start + 5

    assert left_out(await export(client, sent, encoding), encoding) == (0, "")
    found = (await client.get(f"/v1/traces/{TRACE_ID}")).json()["spans"]
    assert {span["name"]: span["clock_ahead"] for span in found} == {"ahead": True, "not": False}
    assert {span["start_time_unix_nano"] for span in found} == {10**18, start}
    [summary] = (await client.get("/v1/traces")).json()
    assert summary["clock_ahead"]


# What is left out alone.


@BOTH
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("trace_id", b"short", "its trace id has 5 bytes, not 16"),
        ("trace_id", b"x" * 17, "its trace id has 17 bytes, not 16"),
        ("trace_id", b"", "its trace id has 0 bytes, not 16"),
        ("trace_id", bytes(16), "its trace id is all zero"),
        ("span_id", b"x" * 7, "its span id has 7 bytes, not 8"),
        ("span_id", bytes(8), "its span id is all zero"),
        ("parent_span_id", b"xx", "its parent span id has 2 bytes, not 8"),
        ("start_time_unix_nano", 2**63, "its start time 9223372036854775808 is out of"),
    ],
)
async def test_a_poisoned_span_is_rejected_alone(
    client: httpx2.AsyncClient, encoding: Encoding, field: str, value: Any, reason: str
) -> None:
    """A partial success says how many and why; its neighbours are kept."""
    sent = spans("one", "bad", "two")
    setattr(sent_spans(sent)[1], field, value)
    count, message = left_out(await export(client, sent, encoding), encoding)

    assert count == 1
    assert message.startswith(f'Span "bad" was left out: {reason}')
    assert sorted(span["name"] for span in await kept(client)) == ["one", "two"]


@BOTH
async def test_a_batch_of_nothing_but_poison_is_answered_200(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """An error would be told to whoever sends all of it again."""
    sent = spans("one", "two")
    for span in sent_spans(sent):
        span.trace_id = b""

    assert left_out(await export(client, sent, encoding), encoding)[0] == 2
    assert (await client.get("/v1/traces")).json() == []


async def test_text_that_is_no_utf8_is_rejected_alone(client: httpx2.AsyncClient) -> None:
    """Protobuf refuses a whole request for it."""
    body = encoded(spans("one", "xxx"), "protobuf").replace(b"xxx", b"\xff\xfe\xff")
    count, message = left_out(await export(client, body, "protobuf"), "protobuf")

    assert (count, "not UTF-8" in message) == (1, True)
    assert [span["name"] for span in await kept(client)] == ["one"]


# What is refused.


@BOTH
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_a_body_that_cannot_be_read_is_400(
    client: httpx2.AsyncClient, encoding: Encoding, path: str
) -> None:
    """Which no exporter sends again, as a google.rpc.Status."""
    body = b"\x0a\xff" if encoding == "protobuf" else b'{"resourceSpans":[,'
    answer = await export(client, body, encoding, path)

    code, message = refused(answer, encoding, 400)
    assert (code, bool(message)) == (3, True)


@BOTH
async def test_another_signal_is_400_and_told_where_it_belongs(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """In protobuf, logs can be read as spans without ids."""
    for path in ALIASES:
        answer = await export(client, logs("gen_ai.choice"), encoding, path)
        assert "/v1/logs" in refused(answer, encoding, 400)[1]
    answer = await export(client, spans("chat"), encoding, "/v1/logs")
    assert "/v1/traces" in refused(answer, encoding, 400)[1]
    assert await kept(client) == []


@pytest.mark.parametrize("path", ALIASES)
async def test_snake_case_is_400_with_the_right_spelling(
    client: httpx2.AsyncClient, path: str
) -> None:
    """What protobuf's own names look like in JSON."""
    body = as_json(spans("chat")).replace(b"resourceSpans", b"resource_spans")
    _, message = refused(await export(client, body, "json", path), "json", 400)

    assert "resourceSpans" in message


@BOTH
async def test_json_as_protobuf_is_400_and_told_so(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """The media type decides, so either is unreadable as the other."""
    other: Encoding = "json" if encoding == "protobuf" else "protobuf"
    answer = await export(client, encoded(spans("chat"), other), encoding, "/otel/v1/traces")

    _, message = refused(answer, encoding, 400)
    assert ("looks like JSON" in message) == (encoding == "protobuf")


@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.parametrize("media", ["text/plain", "application/grpc", "application/octet-stream"])
async def test_other_media_types_are_415(client: httpx2.AsyncClient, path: str, media: str) -> None:
    """Protobuf and JSON are the two of OTLP/HTTP."""
    body = encoded(spans("chat"), "protobuf")
    answer = await client.post(path, content=body, headers={"content-type": media})

    assert answer.status_code == 415
    assert media in answer.json()["detail"]
    assert await kept(client) == []


@BOTH
@pytest.mark.parametrize("path", EVERYWHERE[1:])
async def test_other_compressions_are_415(
    client: httpx2.AsyncClient, encoding: Encoding, path: str
) -> None:
    """The answer names those that are spoken."""
    answer = await export(client, b"x", encoding, path, content_encoding="snappy")

    code, message = refused(answer, encoding, 415)
    assert (code, "gzip" in message) == (3, True)


@BOTH
@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b"{}" * 99, mtime=0)[:-9]], ids=["none", "cut"]
)
async def test_broken_compression_is_400(
    client: httpx2.AsyncClient, encoding: Encoding, body: bytes
) -> None:
    """Also where it ends early."""
    answer = await export(client, body, encoding, "/otel/v1/traces", content_encoding="gzip")

    assert refused(answer, encoding, 400)[0] == 3


@BOTH
@pytest.mark.parametrize(("name", "wbits"), [("gzip", 31), ("deflate", 15)])
async def test_a_bomb_is_413(
    service: httpx2.AsyncClient, encoding: Encoding, name: str, wbits: int
) -> None:
    """64 MiB and one byte after decompression, which is where it stops."""
    machine = zlib.compressobj(level=1, wbits=wbits)
    bomb = machine.compress(b" " * (64 * MIB + 1)) + machine.flush()
    answer = await export(service, bomb, encoding, "/otel/v1/traces", content_encoding=name)

    assert len(bomb) < MIB
    code, message = refused(answer, encoding, 413)
    assert (code, "COMMONHOLD_MAX_BODY_BYTES" in message) == (8, True)


async def test_the_largest_body_is_taken(service: httpx2.AsyncClient) -> None:
    """64 MiB after decompression, and not a byte more."""
    body = gzip.compress(b"{}".rjust(64 * MIB), 1)
    answer = await export(service, body, "json", content_encoding="gzip")

    assert answer.status_code == 200


@BOTH
async def test_a_body_past_the_limit_is_413_as_it_is(
    backend: SqlBackend, encoding: Encoding
) -> None:
    """Without compression too."""
    async with over(create_app(Stores.on(backend), HttpOptions(max_body_bytes=1000))) as client:
        answer = await export(client, b" " * 1001, encoding, "/v1/logs")

    assert refused(answer, encoding, 413)[0] == 8


@pytest.mark.parametrize("path", EVERYWHERE[1:])
async def test_other_methods_are_405(client: httpx2.AsyncClient, path: str) -> None:
    """With the one that there is."""
    answer = await client.get(path)

    told(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_our_own_client_is_told_errors_as_problem_documents(
    client: httpx2.AsyncClient,
) -> None:
    """It asks for them."""
    answer = await export(client, b"\xff", "protobuf", accept="application/problem+json")

    told(answer, 400, "malformed_body")


# What is no fault of the exporter's.


async def test_overload_is_503_with_a_time_in_both_encodings(backend: SqlBackend) -> None:
    """Never 429, which older exporters drop; so all of them send again, and nothing was written."""
    app = create_app(Stores.on(backend), HttpOptions(max_inflight_requests=0))
    async with over(app) as client:
        for path in EVERYWHERE:
            for encoding in ("protobuf", "json"):
                answer = await export(client, b"", encoding, path)
                assert answer.status_code == 503
                assert answer.headers["retry-after"] == "1"
                if path != "/v1/traces" or encoding == "protobuf":
                    assert refused(answer, encoding, 503)[0] == 14


async def test_too_many_bytes_in_flight_are_503(backend: SqlBackend) -> None:
    """As sent, and as decompressed."""
    app = create_app(Stores.on(backend), HttpOptions(max_inflight_bytes=1000))
    app.gate.hold(900)
    body = encoded(spans("chat"), "protobuf").ljust(2000, b"\0")
    async with over(app) as client:
        plain = await export(client, body, "protobuf")
        packed = await export(client, gzip.compress(body), "protobuf", content_encoding="gzip")
        found = await kept(client)

    assert [refused(each, "protobuf", 503)[0] for each in (plain, packed)] == [14, 14]
    assert {each.headers["retry-after"] for each in (plain, packed)} == {"1"}
    assert found == []


class Broken(Exception):
    """A bug."""


@BOTH
async def test_a_bug_is_500_in_kind_and_logged(
    client: httpx2.AsyncClient,
    encoding: Encoding,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a word of what it was."""

    async def take(_: SqlTraces, request: Request, /) -> Rejected:
        raise Broken(repr(request.body))

    monkeypatch.setattr(SqlTraces, "take", take)
    caplog.set_level(logging.ERROR)
    code, message = refused(await export(client, spans("chat"), encoding), encoding, 500)

    assert (code, "chat" in message) == (13, False)
    [error] = caplog.records
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], Broken)


# Logs, metrics and openai-agents.


@BOTH
async def test_records_of_gen_ai_events_are_kept_with_their_span(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """Other records are counted as left out; whose message it was is known by them."""
    sent = logs("gen_ai.user.message", "", "http.request")
    answer = await export(client, sent, encoding, "/v1/logs")
    count, message = left_out(answer, encoding, "logs")
    await export(client, request("chat"), encoding)

    assert count == 2
    assert "gen_ai." in message
    [span] = (await client.get(f"/v1/traces/{TRACE_ID}")).json()["spans"]
    assert [event["name"] for event in span["events"]] == ["gen_ai.user.message"]
    assert "body of gen_ai.user.message" in json.dumps(span["events"])
    [summary] = (await client.get("/v1/traces?user=ann")).json()
    assert summary["trace_id"] == TRACE_ID


@BOTH
async def test_an_evaluation_is_a_score(client: httpx2.AsyncClient, encoding: Encoding) -> None:
    """About its span, with nothing left out; sent again, it is there once."""
    sent = logs("gen_ai.evaluation.result")
    [record] = sent.resource_logs[0].scope_logs[0].log_records
    pair(record.attributes, "gen_ai.evaluation.name", "relevance")
    pair(record.attributes, "gen_ai.evaluation.score.value", 0.75)
    pair(record.attributes, "gen_ai.evaluation.explanation", "Says where.")
    for _ in range(2):
        assert (await export(client, sent, encoding, "/v1/logs")).status_code == 200

    [score] = (await client.get("/v1/scores?name=relevance")).json()
    assert score["trace_id"] == TRACE_ID
    assert (score["value"], score["data_type"], score["source"]) == (0.75, "numeric", "code")
    assert score["comment"] == "Says where."
    assert (await client.get("/v1/feedback")).json() == []


@BOTH
async def test_a_record_of_no_trace_is_left_out(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """It could never be found again."""
    sent = logs("gen_ai.choice")
    sent.resource_logs[0].scope_logs[0].log_records[0].trace_id = b""
    answer = await export(client, sent, encoding, "/v1/logs")

    assert left_out(answer, encoding, "logs")[0] == 1


@BOTH
async def test_metrics_are_declined_politely(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """An error would be logged by every exporter every minute."""
    answer = await export(client, metrics(3), encoding, "/v1/metrics")
    count, message = left_out(answer, encoding, "metrics")

    assert count == 3
    assert "Prometheus" in message
    nothing = await export(client, metrics(0), encoding, "/v1/metrics")
    assert left_out(nothing, encoding, "metrics") == (0, "")


AGENTS = {
    "data": [
        {"object": "trace", "id": f"trace_{'a' * 32}", "workflow_name": "w", "group_id": "talk"},
        {
            "object": "trace.span",
            "id": f"span_{'b' * 24}",
            "trace_id": f"trace_{'a' * 32}",
            "started_at": "2026-01-01T00:00:00+00:00",
            "ended_at": "2026-01-01T00:00:01+00:00",
            "span_data": {"type": "agent", "name": "planner"},
        },
        {"object": "trace.span", "id": "poisoned"},
    ]
}


@pytest.mark.parametrize("path", ["/v1/traces/ingest", "/v1/traces/ingest/", "/v1/traces"])
async def test_openai_agents_export_in_a_format_of_their_own(
    client: httpx2.AsyncClient, path: str
) -> None:
    """Its group is the session; what is no item is left out alone."""
    answer = await client.post(path, json=AGENTS)

    assert left_out(answer, "json")[0] == 1
    [summary] = (await client.get("/v1/traces?session_id=talk")).json()
    assert summary["trace_id"] == "a" * 32
    assert len(await kept(client, "a" * 32)) == 2


@pytest.mark.parametrize("body", [{}, {"data": 5}, {"resourceSpans": []}, [], {"data": None}])
async def test_nothing_else_is_ingested(client: httpx2.AsyncClient, body: Any) -> None:
    """Their own path takes nothing else."""
    answer = await client.post("/v1/traces/ingest", json=body)

    assert refused(answer, "json", 400)[0] == 3


async def slowly(body: bytes) -> AsyncIterator[bytes]:
    """A body in pieces, whose length nobody told."""
    for start in range(0, len(body), 50):
        yield body[start : start + 50]


@BOTH
async def test_a_body_may_come_in_chunks(client: httpx2.AsyncClient, encoding: Encoding) -> None:
    """Not every exporter says how long it is."""
    content = slowly(encoded(spans("one", "two"), encoding))
    headers = {"content-type": MEDIA[encoding]}
    answer = await client.post("/v1/traces", content=content, headers=headers)

    assert left_out(answer, encoding) == (0, "")
    assert len(await kept(client)) == 2


@BOTH
async def test_values_of_every_type_come_back(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    """Bytes, and numbers that JSON has not, among them."""
    values = {
        "text": "é\0",
        "whole": 2**53 + 1,
        "broken": 0.1,
        "endless": float("inf"),
        "yes": True,
        "bytes": b"\0\xff",
        "list": ["a", 1],
        "map": {"a": {"b": False}},
        "nothing": None,
    }
    sent = spans("chat")
    for key, value in values.items():
        pair(sent_spans(sent)[0].attributes, key, value)

    assert left_out(await export(client, sent, encoding), encoding) == (0, "")
    [span] = await kept(client)
    [same] = json.loads(as_json(sent))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span["attributes"] == same["attributes"]
