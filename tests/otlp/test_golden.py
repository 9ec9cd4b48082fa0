"""What the real emitters sent (see `emitters/README.md`), replayed: it means what it should."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from commonhold.model.otel import Meaning, OtelSpan
from commonhold.otlp.decode import logs_from_protobuf, spans_from_json, spans_from_protobuf
from commonhold.otlp.encode import to_otlp_json
from commonhold.otlp.meaning import log_meaning, meaning_of
from commonhold.otlp.openai_agents import spans_from_openai_agents
from tests.otlp.expected import INSTRUMENTATIONS, Said
from tests.otlp.expected_frameworks import FRAMEWORKS

SPANS = INSTRUMENTATIONS | FRAMEWORKS
GOLDEN = Path(__file__).parent / "golden"
MACHINES = re.compile(
    rb"site-packages|/(?:tmp|root|home|usr|var|opt|work|Users|private)/|\.local\b"
)
DECODERS: dict[str, Any] = {
    "traces.binpb": spans_from_protobuf,
    "logs.binpb": logs_from_protobuf,
    "ingest.json": spans_from_openai_agents,
}
"""By the ends of the names of files."""


def sent(recording: str, ending: str) -> list[Any]:
    """All spans, or all log records, of a recording."""
    records = []
    for file in sorted((GOLDEN / recording).glob(f"*-{ending}")):
        taken, rejected = DECODERS[ending](file.read_bytes())
        assert rejected.count == 0, rejected.reason
        records += taken
    return records


def told(recording: str) -> list[tuple[str, Meaning, list[Meaning]]]:
    """Spans in the order they began: their names, their meaning, and that of their log records."""
    logs: dict[str | None, list[Meaning]] = defaultdict(list)
    for log in sent(recording, "logs.binpb"):
        logs[log.span_id].append(log_meaning(log))
    spans: list[OtelSpan] = [*sent(recording, "traces.binpb"), *sent(recording, "ingest.json")]
    spans.sort(key=lambda span: span.start_ns)
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


@pytest.mark.parametrize("recording", SPANS)
def test_a_process_is_known_by_its_resource(recording: str) -> None:
    """Version, environment, and an instance, which the SDK of 1.44 chooses whatever it is told.

    The format of openai-agents has none of them.
    """
    is_otel = not recording.startswith("openai-agents")
    known = ("1.4.0", "golden", True) if is_otel else (None, None, False)
    for _, span, _ in told(recording):
        assert (span.agent_version, span.environment, bool(span.instance)) == known


@pytest.mark.parametrize("recording", SPANS)
def test_spans_of_a_real_emitter_are_given_back_as_they_came(recording: str) -> None:
    """As OTLP JSON, without loss."""
    spans = [*sent(recording, "traces.binpb"), *sent(recording, "ingest.json")]
    back, rejected = spans_from_json(to_otlp_json(spans).encode())
    assert rejected.count == 0
    assert sorted(map(repr, back)) == sorted(map(repr, spans))


def test_every_recording_is_replayed() -> None:
    """A folder without a row proves nothing."""
    assert {folder.name for folder in GOLDEN.iterdir()} == set(SPANS)


def test_recordings_say_nothing_of_the_machine() -> None:
    """Paths and hosts of where they were recorded are not in them, and together they are small."""
    files = {path: path.read_bytes() for path in GOLDEN.glob("*/*")}
    assert not [path.name for path, body in files.items() if MACHINES.search(body)]
    assert sum(map(len, files.values())) < 1_500_000
