"""What the real emitters sent (see `emitters/README.md`), replayed: it means what it should."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from commonhold.model.otel import Meaning, OtelSpan
from commonhold.otlp.decode import logs_from_protobuf, spans_from_protobuf
from commonhold.otlp.meaning import log_meaning, meaning_of
from tests.otlp.expected import SPANS, Said

GOLDEN = Path(__file__).parent / "golden"
MACHINES = re.compile(
    rb"site-packages|/(?:tmp|root|home|usr|var|opt|work|Users|private)/|\.local\b"
)


def sent(recording: str, signal: str) -> list[Any]:
    """All spans, or all log records, of a recording."""
    decode: Any = {"traces": spans_from_protobuf, "logs": logs_from_protobuf}[signal]
    records = []
    for file in sorted((GOLDEN / recording).glob(f"*-{signal}.binpb")):
        taken, rejected = decode(file.read_bytes())
        assert rejected.count == 0, rejected.reason
        records += taken
    return records


def told(recording: str) -> list[tuple[str, Meaning, list[Meaning]]]:
    """Spans in the order they began: their names, their meaning, and that of their log records."""
    logs: dict[str | None, list[Meaning]] = defaultdict(list)
    for log in sent(recording, "logs"):
        logs[log.span_id].append(log_meaning(log))
    spans: list[OtelSpan] = sorted(sent(recording, "traces"), key=lambda span: span.start_ns)
    return [(span.name, meaning_of(span), logs[span.span_id]) for span in spans]


def as_expected(name: str, span: Meaning, logs: list[Meaning], row: Said) -> Said:
    """What was found, in the words of the table."""
    both = [span, *logs]
    return Said(
        name,
        span.operation,
        span.agent,
        next((each.session_id for each in both if each.session_id), None),
        next((each.user_id for each in both if each.user_id), None),
        span.model,
        span.provider,
        span.tokens,
        span.cost_usd,
        found(row.input, span.input or "".join(each.input or "" for each in logs)),
        found(row.output, span.output or "".join(each.output or "" for each in logs)),
        span.tool_name,
        span.tool_call_id,
        span.is_error,
    )


def found(parts: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The parts that are in the text; all of the text where there should be none."""
    return tuple(part for part in parts if part in text) if parts else (text,) if text else ()


@pytest.mark.parametrize("recording", SPANS)
def test_spans_of_a_real_emitter_mean_what_they_should(recording: str) -> None:
    """Every span of the recording, and nothing but them."""
    spans, rows = told(recording), SPANS[recording]
    assert [name for name, _, _ in spans] == [row.name for row in rows]
    for (name, span, logs), row in zip(spans, rows, strict=True):
        assert as_expected(name, span, logs, row) == row


@pytest.mark.parametrize("recording", SPANS)
def test_model_calls_add_up_to_what_the_model_reported(recording: str) -> None:
    """Agents, graphs and cycles that repeat the usage of the calls within them are not counted."""
    calls = [span.tokens for _, span, _ in told(recording) if span.operation == "llm"]
    assert sum(call.input or 0 for call in calls) == 52 + 85
    assert sum(call.output or 0 for call in calls) == 17 + 21
    assert sum(call.cached_input or 0 for call in calls) in (0, 32 + 48)
    assert sum(call.reasoning or 0 for call in calls) in (0, 6 + 9)


def test_every_recording_is_replayed() -> None:
    """A folder without a row proves nothing."""
    assert {folder.name for folder in GOLDEN.iterdir()} == {*SPANS, "openai-agents"}


def test_recordings_say_nothing_of_the_machine() -> None:
    """Paths and hosts of where they were recorded are not in them, and together they are small."""
    files = {path: path.read_bytes() for path in GOLDEN.glob("*/*")}
    assert not [path.name for path, body in files.items() if MACHINES.search(body)]
    assert sum(map(len, files.values())) < 1_500_000


def test_wrappers_of_openai_agents_repeat_usage() -> None:
    """Its own format: turns and tasks, of type `custom`, say again what the calls in them used."""
    used: dict[str, int] = defaultdict(int)
    for item in items_of_openai_agents():
        data = item.get("span_data", {})
        usage = data.get("usage") or data.get("data", {}).get("usage") or {}
        used[data.get("type", "")] += usage.get("input_tokens", 0)
    # One conversation in each of two protocols; tasks and turns each repeat both.
    assert used["response"] == used["generation"] == 137
    assert used["custom"] == 2 * 2 * 137


def test_openai_agents_name_the_session_in_the_trace_only() -> None:
    """Spans find it by the id of their trace."""
    items = items_of_openai_agents()
    traces = {item["id"] for item in items if item["object"] == "trace"}
    assert {item["group_id"] for item in items if item["object"] == "trace"} == {"session-golden"}
    assert {item["trace_id"] for item in items if item["object"] == "trace.span"} == traces


def items_of_openai_agents() -> list[dict[str, Any]]:
    """All items that its exporter posted."""
    files = sorted((GOLDEN / "openai-agents").glob("*-ingest.json"))
    return [item for file in files for item in json.loads(file.read_bytes())["data"]]
