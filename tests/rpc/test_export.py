"""What exporters of OpenTelemetry send over gRPC is kept, or refused in words they understand."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.trace.export import SpanExportResult

from commonhold.auth.key_form import Pepper
from commonhold.auth.keys import KeyAuthenticator, KeyDesk
from commonhold.contract.stores import Stores
from commonhold.http.binding import ByAuthor, as_given
from commonhold.model.key import NewKey
from commonhold.rpc import Desk, Listening, listening
from commonhold.rpc.message import RECEIVING
from commonhold.service.audit import AuditTrail
from commonhold.service.audit_watch import Watch
from commonhold.service.gate import Gate
from commonhold.service.keys import BOOTSTRAP, KeyRing
from commonhold.sql import SqlOptions, open_backend
from commonhold.sql.api_keys import SqlKeys
from commonhold.sql.audit import SqlAudit
from commonhold.sql.meter import DailyLimits
from commonhold.sql.registry import SqlRegistry
from tests.otlp import wire
from tests.rpc.calls import (
    LOGS,
    METRICS,
    TRACES,
    Noted,
    call,
    delays,
    export,
    finished_span,
    refused,
    trace_id,
    trailing,
)
from tests.rpc.conftest import MIB, Receiver

COMPRESSIONS = [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
GARBAGE = b"\x0a\xff"
BROKEN = {
    "protobuf": GARBAGE,
    "gzip that ends early": gzip.compress(b"x" * 100, mtime=0)[:-9],
    "deflate": b"\x78\x9c???",
}
SENT = wire.request("one").SerializeToString()


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("size", [10, 5_000_000])
async def test_spans_arrive(receiver: Receiver, compression: grpc.Compression, size: int) -> None:
    """Small or five megabytes, compressed or not: more than gRPC takes unless it is told to."""
    text = "größe " * (size // 7)
    span = finished_span(**{"gen_ai.input.messages": text})

    result = await asyncio.to_thread(export, receiver.url, [span], compression=compression)

    assert result is SpanExportResult.SUCCESS
    kept = await receiver.backend.traces.get(trace_id(span))
    assert json.loads(kept.spans[0].attributes)["gen_ai.input.messages"] == text


async def test_an_answer_without_a_complaint_is_empty(channel: grpc.aio.Channel) -> None:
    """Exporters log a `partial_success` that says something."""
    assert await call(channel, TRACES, SENT) == b""
    assert await call(channel, TRACES, b"") == b""


async def test_a_poisoned_span_is_left_out_alone(
    receiver: Receiver, channel: grpc.aio.Channel
) -> None:
    """The others of its batch are kept, and the sender is told how many were not."""
    sent = wire.request("good", "bad")
    wire.sent_spans(sent)[1].trace_id = b"\0" * 16

    answer = await call(channel, TRACES, sent.SerializeToString())

    told = ExportTraceServiceResponse.FromString(answer).partial_success
    assert told.rejected_spans == 1
    assert "trace id" in told.error_message
    kept = await receiver.backend.traces.get(wire.TRACE.hex())
    assert [span.name for span in kept.spans] == ["good"]


@pytest.mark.parametrize("method", [TRACES, LOGS, METRICS])
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_what_is_broken_is_not_sent_again(
    channel: grpc.aio.Channel, method: str, body: bytes
) -> None:
    """INVALID_ARGUMENT: exporters drop it at once, and nothing invites them to come back."""
    error = await refused(channel, method, body)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details()
    assert set(trailing(error)) == {"x-request-id"}


async def test_a_request_without_a_message_is_broken(channel: grpc.aio.Channel) -> None:
    """It ends before it says anything."""

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.stream_unary(TRACES)(nothing(), timeout=30)

    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_bomb_is_not_inflated(receiver: Receiver, channel: grpc.aio.Channel) -> None:
    """One byte beyond the limit once it is decompressed, and no exporter repeats it."""
    limit = 16 * MIB
    for size, code in ((limit, "Body"), (limit + 1, "larger")):
        body = b"\xff" * size
        error = await refused(channel, TRACES, body, compression=grpc.Compression.Gzip)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert (code == "larger") == ("larger" in error.details())

    assert receiver.gate.bytes == 0


async def test_a_message_beyond_the_limit_is_refused(
    receiver: Receiver, channel: grpc.aio.Channel
) -> None:
    """By gRPC itself, before it is received, and the connection goes on."""
    error = await refused(channel, TRACES, b"x" * (16 * MIB + 1))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await call(channel, TRACES, SENT) == b""
    assert (receiver.gate.requests, receiver.gate.bytes) == (0, 0)


async def test_events_of_generative_ai_are_kept(
    receiver: Receiver, channel: grpc.aio.Channel
) -> None:
    """Those that belong to a trace; any other log record is left out and counted."""
    sent = ExportLogsServiceRequest()
    records = sent.resource_logs.add().scope_logs.add().log_records
    for name in ("gen_ai.user.message", "something.else"):
        records.add(trace_id=wire.TRACE, span_id=wire.SPAN, event_name=name, time_unix_nano=10**18)
    await call(channel, TRACES, SENT)

    answer = await call(channel, LOGS, sent.SerializeToString())

    assert ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records == 1
    kept = await receiver.backend.traces.get(wire.TRACE.hex())
    assert [event["name"] for event in json.loads(kept.spans[0].events)] == ["gen_ai.user.message"]


async def test_metrics_are_declined_without_an_error(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """An exporter that is left as it is has nothing to log every minute."""
    with caplog.at_level(logging.WARNING):
        result = await asyncio.to_thread(_export_a_metric, receiver.url)

    assert result is MetricExportResult.SUCCESS
    assert not caplog.records


def _export_a_metric(url: str) -> MetricExportResult:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("tests").create_counter("turns").add(1)
    data = reader.get_metrics_data()
    assert isinstance(data, MetricsData)
    exporter = OTLPMetricExporter(endpoint=url)
    result = exporter.export(data)
    exporter.shutdown()
    provider.shutdown()
    return result


async def test_an_exporter_of_logs_without_records_succeeds(receiver: Receiver) -> None:
    """The real one finds its service."""

    def send() -> object:
        exporter = OTLPLogExporter(endpoint=receiver.url)
        try:
            return exporter.export([])
        finally:
            exporter.shutdown()

    result = await asyncio.to_thread(send)

    assert getattr(result, "name", None) == "SUCCESS"
    assert [noted[1] for noted in receiver.noted] == [LOGS]


def too_many(gate: Gate) -> None:
    """As many requests in flight as there may be."""
    gate.requests += gate.max_requests


def too_much(gate: Gate) -> None:
    """As many bytes held as there may be."""
    gate.bytes += gate.max_bytes


@pytest.mark.parametrize("method", [TRACES, LOGS, METRICS])
@pytest.mark.parametrize("fill", [too_many, too_much])
async def test_overload_says_when_to_come_back(
    gate: Gate, channel: grpc.aio.Channel, method: str, fill: object
) -> None:
    """What HTTP holds counts here too; and each kind of exporter finds the delay where it looks."""
    assert callable(fill)
    fill(gate)

    error = await refused(channel, method, SENT)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    first, second = delays(error)
    assert first == second
    assert 1 <= first <= 2


async def test_what_is_too_much_for_a_day_is_not_to_be_sent_again() -> None:
    """Without a delay, `RESOURCE_EXHAUSTED` tells an exporter to drop it."""
    options = SqlOptions(limits=DailyLimits(spans=1))
    async with await open_backend("sqlite:///:memory:", options=options) as backend:
        desk = Desk(Gate(8, 32 * MIB), as_given(Stores.on(backend)), lambda *_: None, 16 * MIB)
        async with (
            listening(Listening("127.0.0.1", 0, grace_s=5), desk) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            await call(channel, TRACES, SENT)
            error = await refused(channel, TRACES, SENT)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not {"google.rpc.retryinfo-bin", "grpc-status-details-bin"} & set(trailing(error))
    assert "midnight UTC" in (error.details() or "")


async def test_callers_that_were_refused_do_not_return_together(
    gate: Gate, channel: grpc.aio.Channel
) -> None:
    """Each is given a moment of its own."""
    too_many(gate)

    told = {delays(await refused(channel, TRACES, SENT))[0] for _ in range(5)}

    assert len(told) > 1


async def test_the_exporter_gets_over_an_overload_without_loss(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused once, it sends the same again by itself, at the moment it was told."""
    span = finished_span()
    too_much(receiver.gate)
    exported = asyncio.create_task(asyncio.to_thread(export, receiver.url, [span]))
    while not receiver.noted:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    receiver.gate.bytes -= receiver.gate.max_bytes

    assert await exported is SpanExportResult.SUCCESS
    assert [noted[2] for noted in receiver.noted] == [503, 200]
    assert len((await receiver.backend.traces.get(trace_id(span))).spans) == 1
    assert "Transient error StatusCode.UNAVAILABLE" in caplog.text


async def test_a_store_that_is_closed_is_tried_again_later(
    receiver: Receiver, channel: grpc.aio.Channel
) -> None:
    """Nothing is acknowledged that is not kept."""
    await receiver.backend.aclose()

    error = await refused(channel, TRACES, SENT)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert delays(error)


async def test_the_same_again_changes_nothing(
    receiver: Receiver, channel: grpc.aio.Channel
) -> None:
    """An answer that was lost costs nothing but the second sending."""
    await call(channel, TRACES, SENT)
    before = await receiver.backend.traces.get(wire.TRACE.hex())
    await call(channel, TRACES, SENT)

    assert await receiver.backend.traces.get(wire.TRACE.hex()) == before


async def stalled() -> AsyncIterator[bytes]:
    """A message that does not come."""
    await asyncio.sleep(60)
    yield SENT


async def until(count: int, gate: Gate) -> None:
    """Return when so many requests are counted."""
    while gate.requests != count:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


async def test_nothing_stays_counted(
    receiver: Receiver, gate: Gate, channel: grpc.aio.Channel
) -> None:
    """However a request ends: taken, refused, or given up by its caller."""
    gate.max_requests = RECEIVING + 1
    await call(channel, TRACES, SENT)
    await refused(channel, TRACES, GARBAGE)
    method = channel.stream_unary(TRACES)
    arriving = [method(stalled()) for _ in range(RECEIVING)]
    await until(RECEIVING, gate)
    waiting = method(stalled())
    await until(RECEIVING + 1, gate)
    waiting.cancel()
    await until(RECEIVING, gate)
    for each in arriving:
        each.cancel()
    await until(0, gate)

    assert gate.bytes == 0
    assert [noted[2] for noted in receiver.noted[:3]] == [200, 400, 499]


async def test_callers_that_stall_do_not_keep_others_waiting(
    gate: Gate, channel: grpc.aio.Channel
) -> None:
    """Whoever finds the gate shut is told so at once."""
    method = channel.stream_unary(TRACES)
    arriving = [method(stalled()) for _ in range(gate.max_requests)]
    await until(gate.max_requests, gate)

    error = await refused(channel, TRACES, SENT)
    for each in arriving:
        each.cancel()
    await until(0, gate)

    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_bug_is_told_without_its_trace(
    receiver: Receiver,
    channel: grpc.aio.Channel,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The caller gets an id, which leads to the log line that has the rest."""

    def broken(count: int) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Gate, "hold", lambda _gate, count: broken(count))

    error = await refused(channel, TRACES, SENT)

    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.details())
    logged = next(record for record in caplog.records if record.name == "commonhold.rpc")
    assert vars(logged)["fields"]["request_id"] == trailing(error)["x-request-id"]


async def test_another_machine_is_refused(gate: Gate) -> None:
    """Where nobody is asked who they are, although the port can be reached from there."""
    address = address_of_this_machine()
    noted: list[Noted] = []
    async with await open_backend("sqlite:///:memory:") as backend:
        stores = Stores.on(backend)
        desk = Desk(gate, as_given(stores), lambda *told: noted.append(told), MIB)
        async with (
            listening(Listening(address, 0), desk) as port,
            grpc.aio.insecure_channel(f"{address}:{port}") as channel,
        ):
            error = await refused(channel, TRACES, SENT)

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert [told[2] for told in noted] == [403]


def address_of_this_machine() -> str:
    """One that is not loopback: who calls it comes from it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; it asks which way it would go
        except OSError:
            pytest.skip("This machine has no address but loopback.")
        address: str = probe.getsockname()[0]
    return address


async def test_other_methods_do_not_exist(channel: grpc.aio.Channel) -> None:
    """As in any gRPC server."""
    error = await refused(channel, TRACES.replace("Export", "Import"), b"")

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_key_is_asked_for_where_keys_are(gate: Gate) -> None:
    """In the metadata, as in a header; spans are of the agent whose key it is."""
    pepper, noted = Pepper(b"a pepper of thirty-two bytes, or so"), list[Noted]()
    async with await open_backend("sqlite:///:memory:") as backend:
        keys = SqlKeys(backend.database)
        ring = KeyRing(lambda: keys, [pepper])
        made = [
            (await ring.create(BOOTSTRAP, new)).text
            for new in (NewKey("viewer"), NewKey("ingest", "weather"))
        ]
        agents = SqlRegistry(backend.database)
        ask = KeyAuthenticator(KeyDesk(keys.find, keys.touch, agents.find), [pepper])
        bind = ByAuthor(lambda: Stores.on(backend), ask)
        trail = AuditTrail(lambda: SqlAudit(backend.database))
        watch = Watch(trail, asks_nobody=False)
        desk = Desk(gate, bind, lambda *told: noted.append(told), MIB, watch=watch)
        async with (
            listening(Listening("127.0.0.1", 0), desk) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            for given in ((), (("authorization", f"Bearer {made[0]}"),)):
                await refused(channel, TRACES, SENT, metadata=given)
            await call(channel, TRACES, SENT, metadata=(("authorization", f"Bearer {made[1]}"),))
        listed = await backend.traces.list()
        await trail.step()
        denied = [kept.event for kept in await SqlAudit(backend.database).events_from(0, 10)]

    assert [told[2] for told in noted] == [401, 403, 200]
    assert [(each.status, each.operation, each.peer) for each in denied] == [
        (401, "traces.write", "127.0.0.1"),
        (403, "traces.write", "127.0.0.1"),
    ]
    assert [bool(each.actor) for each in denied] == [False, True]
    assert {agent for each in listed.items for agent in each.agents} == {"weather"}
