"""What a sender is answered, as its own library reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from commonhold.model.otel import Rejected
from commonhold.otlp.answers import Signal, accepted, refused

SIGNALS: list[tuple[Signal, Any, str, str]] = [
    ("traces", ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    ("logs", ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    ("metrics", ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
]
signals = pytest.mark.parametrize(("signal", "kind", "field", "name"), SIGNALS)


@signals
def test_when_all_was_taken_nothing_is_said(
    signal: Signal, kind: Any, field: str, name: str
) -> None:
    """A partial success that says nothing is still a warning to some."""
    assert accepted(True, Rejected(), signal) == b"{}"
    assert not kind.FromString(accepted(False, Rejected(), signal)).HasField("partial_success")


@signals
def test_what_was_left_out_is_counted_and_explained(
    signal: Signal, kind: Any, field: str, name: str
) -> None:
    """In JSON the count is text, as every number of 64 bits."""
    rejected = Rejected(3, "no trace id")
    partial = kind.FromString(accepted(False, rejected, signal)).partial_success
    assert (getattr(partial, field), partial.error_message) == (3, "no trace id")
    told = json.loads(accepted(True, rejected, signal))
    assert told == {"partialSuccess": {name: "3", "errorMessage": "no trace id"}}


def test_a_warning_leaves_nothing_out() -> None:
    """A reason without a count."""
    told = json.loads(accepted(True, Rejected(0, "old names")))
    assert told == {"partialSuccess": {"rejectedSpans": "0", "errorMessage": "old names"}}
    sent = ExportTraceServiceResponse.FromString(accepted(False, Rejected(0, "old names")))
    assert sent.partial_success.error_message == "old names"


def test_a_refusal_is_a_google_rpc_status() -> None:
    """`code` is field 1 and `message` is field 2 (google/rpc/status.proto)."""
    assert refused(False, 3, "no") == b"\x08\x03\x12\x02no"


def test_a_refusal_in_json_speaks_to_both_families_of_clients() -> None:
    """OTLP reads `message`, clients of FastAPI read `detail`."""
    assert json.loads(refused(True, 3, "no")) == {"code": 3, "message": "no", "detail": "no"}
    errors = [{"loc": ["body"], "msg": "no", "type": "value_error"}]
    assert json.loads(refused(True, 3, "no", errors))["detail"] == errors


@pytest.mark.parametrize("character", ["x", "\0", "é", "\N{PILE OF POO}"])
@pytest.mark.parametrize("is_json", [True, False])
def test_an_answer_is_never_longer_than_a_collector_reads(is_json: bool, character: str) -> None:
    """64 KiB; the protocol allows 4 MiB."""
    long = character * 5_000_000
    assert len(accepted(is_json, Rejected(1, long))) < 65536
    assert len(refused(is_json, 3, long)) < 65536
    assert len(refused(is_json, 3, long, [long])) < 65536


@pytest.mark.parametrize("is_json", [True, False])
def test_half_a_pair_of_surrogates_in_a_message_is_answered(is_json: bool) -> None:
    """A message may quote anything."""
    assert b"?" in accepted(is_json, Rejected(1, "\ud800"))
    assert b"?" in refused(is_json, 3, "\ud800")
