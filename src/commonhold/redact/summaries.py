"""What of a trace is shown to who sees no content: as if it had been captured without any."""

from __future__ import annotations

from collections.abc import Iterable

from commonhold.model.opaque import JsonText
from commonhold.model.trace import Trace
from commonhold.otlp.decode import spans_from_json
from commonhold.otlp.encode import to_otlp_json
from commonhold.redact.records import Records
from commonhold.redact.redactor import Redactor
from commonhold.redact.rules import rules_of


def summaries(traces: Iterable[Trace]) -> tuple[Trace, ...]:
    """Traces with their names, times, status, models, tokens and cost, and nothing that was said."""
    records = _records()
    return tuple([records.trace(trace) for trace in traces])


def otlp_summary(text: JsonText) -> JsonText:
    """The same of a trace as one request of OTLP JSON."""
    spans, _ = spans_from_json(text.encode())
    return to_otlp_json(_records().spans(spans))


def _records() -> Records:
    return Records(Redactor(rules_of(())), drops_content=True)
