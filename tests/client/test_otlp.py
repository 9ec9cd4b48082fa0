"""Traces written to a collector: a real server takes them, and OpenTelemetry's own schema reads them."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import commonhold
from commonhold import (
    Author,
    Closed,
    CommonholdError,
    Conflict,
    Forbidden,
    Internal,
    InvalidRequest,
    MalformedBody,
    NotFound,
    PayloadTooLarge,
    Scope,
    Trace,
    Unauthenticated,
    Unavailable,
    Unsupported,
    UnsupportedMediaType,
)
from commonhold.client import Retry, Timeouts
from commonhold.client.otlp import PATIENCE, OtlpBackend, open_collector
from commonhold.model.clock import Micros
from commonhold.model.native_otel import span_id_of, trace_id_of
from commonhold.model.opaque import JsonText
from commonhold.model.otel import OtelSpan, Rejected, Request
from commonhold.otlp import answers
from commonhold.otlp.decode import spans_from_json
from commonhold.settings import ClientSettings
from commonhold.testing import factories
from commonhold.testing.factories import NOON
from tests.client.misbehaving import (
    Behaviour,
    Drop,
    Hang,
    Misbehaving,
    Reply,
    Seen,
    page,
    serving,
)

W3C = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
AT_ONCE = replace(PATIENCE, base_s=0.0)
BUSY = Reply(503, b'{"code": 14, "message": "queue is full"}', {"retry-after": "0"})
NOTHING = ClientSettings()


@asynccontextmanager
async def collector(
    *script: Behaviour, retry: Retry = AT_ONCE, **options: Any
) -> AsyncIterator[tuple[Misbehaving, OtlpBackend]]:
    """A collector that answers as told, and a backend on it that repeats without waiting."""
    async with serving(*(script or (Reply(),))) as server:
        backend = open_collector(f"otlp+{server.url}", agent="weather", retry=retry, **options)
        try:
            yield server, backend
        finally:
            await backend.aclose()


def unpacked(seen: Seen) -> bytes:
    """The body as it was before it was compressed."""
    is_packed = seen.headers.get("content-encoding") == "gzip"
    return gzip.decompress(seen.body) if is_packed else seen.body


def received(*requests: Seen) -> list[OtelSpan]:
    """The spans of these requests, none of them refused."""
    found: list[OtelSpan] = []
    for seen in requests:
        spans, rejected = spans_from_json(unpacked(seen))
        assert rejected.count == 0
        found.extend(spans)
    return found


def parents(spans: list[OtelSpan]) -> dict[str, str | None]:
    """The name of the parent of each span, by its own; None where that is not among them."""
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_span_id or "") for span in spans}


# What arrives.


async def test_a_native_trace_arrives_as_one_tree() -> None:
    """Every parent is there, and there is one root, which knows model and session."""
    async with (
        serving(Reply()) as server,
        commonhold.connect("null:", traces=f"otlp+{server.url}", agent="weather") as stores,
    ):
        await stores.traces.put(factories.trace("trace_1"))
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/v1/traces")
    assert seen.headers["content-type"] == "application/json"
    spans = received(seen)
    assert {span.trace_id for span in spans} == {trace_id_of("trace_1")}
    assert parents(spans) == {
        "request": None,
        "step:1": "request",
        "tool:weather": "step:1",
        "step:2": "request",
        "model_call": "step:2",
    }
    (root,) = [span for span in spans if span.parent_span_id is None]
    assert root.attributes["session.id"] == "sess_1"
    assert root.attributes["gen_ai.request.model"] == "granite-4"
    assert (root.start_ns, root.end_ns) == (NOON * 1000, NOON * 1000 + 2 * 10**9)
    assert root.resource.attributes == {"service.name": "weather"}
    assert (root.scope.name, root.scope.version) == ("commonhold", commonhold.__version__)


async def test_two_agents_in_one_w3c_trace_are_one_tree_in_time() -> None:
    """Each has a clock of its own, and calls the trace by the id that the header gave it."""
    called = span_id_of(W3C, "front_tool")
    front = factories.request_spans(W3C, prefix="front", parent=CALLER, origin=4711.0)
    back = factories.request_spans(W3C.upper(), prefix="back", parent=called, origin=9.5)
    later = Micros(NOON + 750_000)
    async with collector() as (server, backend):
        await backend.traces.put(factories.trace(W3C, spans=front))
        other = backend.bind(Scope(author=Author(agent="billing")))
        await other.traces.put(factories.trace(W3C.upper(), spans=back, started_at=later))
    spans = received(*server.seen)
    assert {span.trace_id for span in spans} == {W3C}
    assert len({span.span_id for span in spans}) == len(spans) == 12
    known = {span.span_id for span in spans}
    assert [span.parent_span_id for span in spans if span.parent_span_id not in known] == [CALLER]
    tool = next(span for span in spans if span.span_id == called)
    (child,) = [span for span in spans if span.parent_span_id == called]
    assert (tool.name, child.name) == ("tool:weather", "request")
    assert child.start_ns == later * 1000
    assert tool.start_ns < child.start_ns < tool.end_ns
    services = [span.resource.attributes["service.name"] for span in spans]
    assert services == ["weather"] * 6 + ["billing"] * 6


async def test_a_trace_that_is_sent_again_is_the_same_trace() -> None:
    """To the byte, so that a receiver that knows its spans by id keeps one of each."""
    async with collector() as (server, backend):
        await backend.traces.put(factories.trace())
        await backend.traces.put(factories.trace())
    first, second = server.seen
    assert first.body == second.body


async def test_the_schema_of_opentelemetry_knows_every_field() -> None:
    """Read by protobuf's own JSON reader, which refuses a field or an enum it does not know."""
    events = '[{"name": "delta", "timestamp": 4711.5, "body": "Hel"}]'
    attributes = '{"list": [1, {"a": null}], "big": 18446744073709551616, "yes": true, "x": 0.5}'
    whole = factories.span(
        events=JsonText(events), attributes=JsonText(attributes), status="error", end_time=None
    )
    async with collector() as (server, backend):
        await backend.traces.put(factories.trace(spans=(whole,)))
    sent = ParseDict(base64_ids(json.loads(unpacked(server.seen[0]))), ExportTraceServiceRequest())
    (span,) = sent.resource_spans[0].scope_spans[0].spans
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    assert (span.kind, span.status.code) == (span.SPAN_KIND_INTERNAL, 2)
    values = {pair.key: pair.value for pair in span.attributes}
    assert values["big"].string_value == "18446744073709551616"
    assert values["list"].array_value.values[1].kvlist_value.values[0].key == "a"
    assert values["commonhold.open"].bool_value
    assert span.events[0].time_unix_nano == span.start_time_unix_nano + 250_000_000


def base64_ids(value: Any) -> Any:
    """OTLP JSON as protobuf's JSON, which has bytes in base64 and not in hexadecimal."""
    if isinstance(value, list):
        return [base64_ids(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: b64encode(bytes.fromhex(inner)).decode()
        if name in ("traceId", "spanId", "parentSpanId")
        else base64_ids(inner)
        for name, inner in value.items()
    }


async def test_large_bodies_are_compressed_and_small_ones_are_not() -> None:
    """Every receiver takes gzip; below a packet it would gain nothing."""
    long = factories.span(attributes=JsonText(json.dumps({"prompt": "once upon a time " * 1000})))
    async with collector() as (server, backend):
        await backend.traces.put(factories.trace(spans=(factories.span(),)))
        await backend.traces.put(factories.trace(spans=(long,)))
    small, large = server.seen
    assert "content-encoding" not in small.headers
    assert large.headers["content-encoding"] == "gzip"
    assert len(large.body) < 1000
    assert len(received(large)[0].attributes["prompt"]) == 17_000


async def test_without_an_agent_the_service_is_unknown() -> None:
    """The name that OpenTelemetry has for it; a user is told where one is known."""
    async with serving(Reply()) as server:
        backend = open_collector(f"otlp+{server.url}")
        await backend.bind(Scope(author=Author(user="ada"))).traces.put(factories.trace())
        await backend.aclose()
    root = received(*server.seen)[0]
    assert root.resource.attributes == {"service.name": "unknown_service"}
    assert root.attributes["user.id"] == "ada"


async def test_a_trace_without_spans_is_not_sent() -> None:
    """OpenTelemetry has no place for one."""
    async with collector() as (server, backend):
        await backend.traces.put(Trace("t1", started_at=NOON))
    assert server.seen == []


@pytest.mark.parametrize(
    "span",
    [
        factories.span(attributes=JsonText("[1]")),
        factories.span(attributes=JsonText('{"a": NaN}')),
        factories.span(attributes=JsonText('{"a":' * 300 + "1" + "}" * 300)),
        factories.span(start_time=float("inf")),
        factories.span(name="half a pair: \ud83d"),
    ],
    ids=["no object", "not a number", "too deep", "no time", "no text"],
)
async def test_what_no_collector_could_read_is_refused_and_not_sent(span: Any) -> None:
    """With the error that other stores raise."""
    async with collector() as (server, backend):
        with pytest.raises(InvalidRequest):
            await backend.traces.put(factories.trace(spans=(span,)))
    assert server.seen == []


# When it cannot be taken.


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_collector_under_load_is_asked_again(status: int) -> None:
    """The four answers that say "not now"; what is sent again is the same."""
    async with collector(Reply(status), Reply(status), Reply()) as (server, backend):
        await backend.traces.put(factories.trace())
    assert len(server.seen) == 3
    assert len({seen.body for seen in server.seen}) == 1


async def test_a_connection_that_breaks_is_made_again() -> None:
    """Nobody knows whether the spans were taken; they have the same ids."""
    async with collector(Drop(), Reply()) as (server, backend):
        await backend.traces.put(factories.trace())
    assert len(server.seen) == 2


async def test_retry_after_is_waited_for_within_the_deadline() -> None:
    """Longer than that is the caller's to wait, who learns how long."""
    busy = Reply(503, b"", {"retry-after": "1"})
    async with collector(busy, Reply()) as (server, backend):
        await backend.traces.put(factories.trace())
    assert len(server.seen) == 2
    tired = Reply(429, b"", {"retry-after": "30"})
    async with collector(tired, Reply()) as (server, backend):
        with pytest.raises(Unavailable) as caught:
            await backend.traces.put(factories.trace())
    assert caught.value.retry_after_s == 30
    assert len(server.seen) == 1


def test_no_wait_goes_past_the_deadline() -> None:
    """However many attempts are left."""
    retry = Retry(attempts=9, base_s=1.0, deadline_s=10.0, patience_s=10.0)
    assert retry.wait_s(1, 2.0, draw=lambda: 1.0, spent_s=7.0) == 3.0
    assert retry.wait_s(1, 2.0, draw=lambda: 1.0, spent_s=7.5) is None


async def test_attempts_end_with_the_collectors_own_words() -> None:
    """After six of them; a status of gRPC says why."""
    async with collector(BUSY) as (server, backend):
        with pytest.raises(Unavailable, match=r"answered 503: queue is full\.") as caught:
            await backend.traces.put(factories.trace())
    assert len(server.seen) == 6
    assert server.url.removeprefix("http://") in caught.value.detail


async def test_a_collector_that_is_away_or_silent_is_unavailable() -> None:
    """Without an answer there is nothing to go by but the address."""
    async with serving() as gone:
        url = gone.url
    backend = open_collector(f"otlp+{url}", retry=AT_ONCE)
    with pytest.raises(Unavailable, match="Cannot reach"):
        await backend.traces.put(factories.trace())
    await backend.aclose()
    async with collector(Hang(), timeout=Timeouts(read_s=0.05)) as (_, silent):
        with pytest.raises(Unavailable, match="did not answer"):
            await silent.traces.put(factories.trace())


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (302, Unavailable, "points elsewhere"),
        (400, MalformedBody, "bad span"),
        (401, Unauthenticated, "into the URL"),
        (403, Forbidden, "into the URL"),
        (404, NotFound, "Check the URL"),
        (408, Unavailable, "answered 408"),
        (409, Conflict, "bad span"),
        (413, PayloadTooLarge, "larger than it takes"),
        (415, UnsupportedMediaType, "OTLP as JSON"),
        (418, InvalidRequest, "bad span"),
        (500, Internal, "bad span"),
    ],
)
async def test_a_refusal_is_the_error_of_its_status_and_final(
    status: int, kind: type[CommonholdError], says: str
) -> None:
    """Sent once: it would be refused again."""
    refusal = Reply(status, b'{"code": 3, "message": "bad span"}')
    async with collector(refusal) as (server, backend):
        with pytest.raises(CommonholdError) as caught:
            await backend.traces.put(factories.trace())
    assert type(caught.value) is kind
    assert says in caught.value.detail
    assert "bad span" in caught.value.detail
    assert len(server.seen) == 1


@pytest.mark.parametrize("reply", [page(400), Reply(400, b"\xff"), Reply(400, b'{"message": 7}')])
async def test_a_page_is_not_quoted(reply: Reply) -> None:
    """Only a status and a plain text are words for us."""
    async with collector(reply) as (_, backend):
        with pytest.raises(MalformedBody, match=r"answered 400\.$"):
            await backend.traces.put(factories.trace())


async def test_a_plain_text_is_quoted() -> None:
    """As collectors answer what they cannot decode, and not without end."""
    reply = Reply(415, b"nothing here\n" + b"x" * 1000, {"content-type": "text/plain"})
    async with collector(reply) as (_, backend):
        with pytest.raises(UnsupportedMediaType, match="nothing here") as caught:
            await backend.traces.put(factories.trace())
    assert len(caught.value.detail) < 500


@pytest.mark.parametrize("count", ["3", 3])
async def test_spans_that_are_left_out_are_an_error(count: object) -> None:
    """With the collector's message, and without another attempt, which OTLP forbids."""
    partial = {"partialSuccess": {"rejectedSpans": count, "errorMessage": "too many attributes"}}
    async with collector(Reply(200, json.dumps(partial).encode())) as (server, backend):
        with pytest.raises(InvalidRequest, match="left out 3 spans: too many attributes"):
            await backend.traces.put(factories.trace())
    assert len(server.seen) == 1


async def test_a_request_is_passed_on_as_it_is_and_what_was_left_out_is_told() -> None:
    """The same bytes; the answer in protobuf is read without protobuf."""
    told = answers.accepted(False, Rejected(300, "too old"))
    reply = Reply(200, told, {"content-type": "application/x-protobuf"})
    async with collector(reply) as (server, backend):
        rejected = await backend.traces.take(Request(b"\x0a\x00", "protobuf"))
        assert rejected == Rejected(300, "too old")
        with pytest.raises(Unsupported, match="openai-agents"):
            await backend.traces.take(Request(b"{}", "openai-agents"))
    (seen,) = server.seen
    assert (seen.body, seen.headers["content-type"]) == (b"\x0a\x00", "application/x-protobuf")


async def test_a_warning_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A message without rejected spans is advice."""
    advice = {"partialSuccess": {"rejectedSpans": 0, "errorMessage": "use protobuf"}}
    with caplog.at_level(logging.WARNING, "commonhold.client"):
        async with collector(Reply(200, json.dumps(advice).encode())) as (_, backend):
            await backend.traces.put(factories.trace())
    assert "use protobuf" in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"ok", b"[]", b'{"partialSuccess": null}', b'{"partialSuccess": {}}', b"\x0a\x00"],
)
async def test_any_other_success_is_one(body: bytes) -> None:
    """Receivers answer with nothing, with a word, or with protobuf."""
    async with collector(Reply(202, body)) as (_, backend):
        await backend.traces.put(factories.trace())


async def test_a_web_page_is_no_success() -> None:
    """It is what a login, or another program, answers to anything."""
    async with collector(page(200)) as (_, backend):
        with pytest.raises(Unavailable, match="web page"):
            await backend.traces.put(factories.trace())


# What a collector is, and is not.


async def test_nothing_can_be_read_from_a_collector() -> None:
    """The error says what to do instead; after closing it is the one of every store."""
    async with collector() as (server, backend):
        traces = backend.traces
        for call in (traces.get("t1"), traces.find("t1"), traces.list()):
            with pytest.raises(Unsupported, match="read them where it sends them"):
                await call
    for closed in (traces.get("t1"), traces.list(), traces.put(factories.trace())):
        with pytest.raises(Closed):
            await closed
    assert server.seen == []


async def test_check_asks_with_an_empty_request() -> None:
    """Which every collector takes, and none keeps."""
    async with collector(Reply(), Reply(404)) as (server, backend):
        await backend.check()
        with pytest.raises(NotFound, match="Check the URL"):
            await backend.check()
    assert received(*server.seen) == []


async def test_a_collector_has_no_place_for_anything_else() -> None:
    """Neither for the other surfaces, nor for tenants, which it would mix."""
    async with collector() as (_, backend):
        with pytest.raises(Unsupported, match="sessions"):
            _ = backend.sessions
        with pytest.raises(Unsupported, match="feedback"):
            _ = backend.feedback
        with pytest.raises(Unsupported, match="tenants"):
            backend.bind(Scope(tenant="acme"))


@pytest.mark.parametrize("surface", ["url", "sessions", "feedback"])
@pytest.mark.parametrize("scheme", ["otlp+http", "OTLP+HTTPS"])
def test_sessions_and_feedback_are_refused_at_connect(surface: str, scheme: str) -> None:
    """Before anything is awaited."""
    urls: dict[str, Any] = {"url": "null:", surface: f"{scheme}://collector:4318"}
    with pytest.raises(InvalidRequest, match="takes traces only"):
        commonhold.connect(**urls, settings=NOTHING)


@pytest.mark.parametrize("url", ["otlp+http://", "otlp+https://h?key=s3cret", "otlp+http://h#x"])
async def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    """Without what it holds."""
    with pytest.raises(InvalidRequest) as caught:
        await commonhold.connect("null:", traces=url)
    assert "s3cret" not in caught.value.detail


@pytest.mark.parametrize("path", ["/otlp", "/otlp/", "/otlp/v1/traces"])
async def test_a_path_is_kept_and_the_one_of_an_exporter_is_not_doubled(path: str) -> None:
    """Both spellings are found in the configuration of exporters."""
    async with (
        serving(Reply()) as server,
        commonhold.connect("null:", traces=f"otlp+{server.url}{path}") as stores,
    ):
        await stores.traces.put(factories.trace())
    assert server.seen[0].target == "/otlp/v1/traces"


async def test_a_collector_never_gets_the_token_of_a_service() -> None:
    """It belongs to somebody else; the password in its own URL is its own."""
    async with serving(Reply()) as server:
        host = server.url.removeprefix("http://")
        urls = (f"otlp+http://{host}", f"otlp+http://ada:s3cret@{host}")
        for url in urls:
            async with commonhold.connect("null:", traces=url, token="t0ken") as stores:
                await stores.traces.put(factories.trace())
    first, second = server.seen
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == f"Basic {b64encode(b'ada:s3cret').decode()}"


def test_an_agent_needs_no_protobuf_for_it() -> None:
    """The base install has none."""
    code = """
import sys
for name in ("google", "opentelemetry", "asyncpg", "fastapi"):
    sys.modules[name] = None
import asyncio, commonhold
async def main():
    async with commonhold.connect("null:", traces="otlp+http://127.0.0.1:1") as stores:
        print(type(stores.traces).__name__)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("OtlpTraces", "")
