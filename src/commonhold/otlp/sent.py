"""The objects of OTLP JSON, and how their fields are read.

Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding": names in lowerCamelCase, ids
in hexadecimal, enums as numbers, 64-bit numbers as text or numbers.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import msgspec

from commonhold.model.opaque import MAX_DEPTH
from commonhold.otlp.values import Encoding, SpanNumbers, too_deep

_SURROGATES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\."
)


def with_whole_pairs(body: bytes) -> bytes:
    """JSON without halves of pairs of surrogates, which no reader takes.

    One is what is left of an emoji where a text was cut. The Collector, as everything in Go, reads
    it as U+FFFD.
    """
    return _SURROGATES.sub(_whole_pair, body)


def _whole_pair(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if len(escape[0]) == 6 else escape[0]


class Shape(msgspec.Struct, rename="camel", gc=False):
    """An object of OTLP JSON; null is the same as left out, unknown fields are passed over."""


class SentList(Shape):
    """The values of an array."""

    values: tuple[SentValue, ...] | None = None


class SentMapping(Shape):
    """The pairs of a mapping."""

    values: tuple[SentPair, ...] | None = None


class SentValue(Shape):
    """An AnyValue. None of its fields set is a value too: none."""

    string_value: str | None = None
    int_value: int | float | str | None = None
    bool_value: bool | None = None
    double_value: float | str | None = None
    array_value: SentList | None = None
    kvlist_value: SentMapping | None = None
    bytes_value: str | None = None


class SentPair(Shape):
    """A KeyValue."""

    key: str | None = None
    value: SentValue | None = None


def sent_attributes(pairs: tuple[SentPair, ...] | None, depth: int = 0) -> dict[str, Any]:
    """The attributes that were sent; of two with one name, the last.

    Raises:
        ValueError: a value is not what its type says.
        MalformedBody: they are nested too deep.
    """
    found: dict[str, Any] = {}
    for pair in pairs or ():
        value = pair.value
        text = value.string_value if value is not None else None
        found[pair.key or ""] = sent_value(value, depth) if text is None else text
    return found


def sent_value(value: SentValue | None, depth: int = 0) -> Any:
    """The value that was sent.

    Raises:
        ValueError: it is not what its type says.
        MalformedBody: it is nested too deep.
    """
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return whole(value.int_value, -(2**63), 2**63 - 1)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return float(value.double_value)
    return _sent_composite(value, depth + 1)


def _sent_composite(value: SentValue, depth: int) -> Any:
    if depth >= MAX_DEPTH:
        raise too_deep()
    if value.array_value is not None:
        return [sent_value(inner, depth) for inner in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return sent_attributes(value.kvlist_value.values, depth)
    return None if value.bytes_value is None else _base64(value.bytes_value)


def _base64(text: str) -> bytes:
    """Of both alphabets, padded or not, as the JSON of protobuf allows."""
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    return b64decode(padded, altchars=b"-_" if "-" in text or "_" in text else None, validate=True)


def whole(value: float | str | None, low: int = 0, high: int = 2**64 - 1) -> int:
    """A number that is spelt as one or as text; 64 bits are too many for most readers of JSON.

    Raises:
        ValueError: it has a fraction, or is out of bounds.
    """
    if not value:
        return 0
    number = int(value)
    if isinstance(value, float) and number != value:
        raise ValueError(f"{value} is no whole number")
    if not low <= number <= high:
        raise ValueError(f"{number} is out of bounds")
    return number


def unhex(text: str | None) -> bytes:
    """An id; none is an empty one.

    Raises:
        ValueError: it is not hexadecimal.
    """
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        raise ValueError("an id is not hexadecimal, as OTLP JSON has it") from None


class SentEmitter(Shape):
    """A Resource or an InstrumentationScope."""

    name: str | None = None
    version: str | None = None
    attributes: tuple[SentPair, ...] | None = None


class SentScoped(Shape):
    """What one scope sent, of any signal. Each record can fail by itself, so none is read yet."""

    scope: SentEmitter | None = None
    schema_url: str | None = None
    spans: tuple[msgspec.Raw, ...] | None = None
    log_records: tuple[msgspec.Raw, ...] | None = None
    metrics: tuple[msgspec.Raw, ...] | None = None


class SentGroup(Shape):
    """What one resource sent, of any signal."""

    resource: SentEmitter | None = None
    schema_url: str | None = None
    scope_spans: tuple[SentScoped, ...] | None = None
    scope_logs: tuple[SentScoped, ...] | None = None
    scope_metrics: tuple[SentScoped, ...] | None = None


class SentStatus(Shape):
    """A Status (trace.proto)."""

    message: str | None = None
    code: int | str | None = None


class SentEvent(Shape):
    """A Span.Event."""

    name: str | None = None
    time_unix_nano: int | float | str | None = None
    attributes: tuple[SentPair, ...] | None = None
    dropped_attributes_count: int | str | None = None


class SentLink(Shape):
    """A Span.Link."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: tuple[SentPair, ...] | None = None
    dropped_attributes_count: int | str | None = None
    flags: int | str | None = None


class SentSpan(Shape):
    """A Span."""

    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | str | None = None
    flags: int | str | None = None
    start_time_unix_nano: int | float | str | None = None
    end_time_unix_nano: int | float | str | None = None
    attributes: tuple[SentPair, ...] | None = None
    dropped_attributes_count: int | str | None = None
    events: tuple[SentEvent, ...] | None = None
    dropped_events_count: int | str | None = None
    links: tuple[SentLink, ...] | None = None
    dropped_links_count: int | str | None = None
    status: SentStatus | None = None


class SentLog(Shape):
    """A LogRecord (logs.proto)."""

    time_unix_nano: int | float | str | None = None
    observed_time_unix_nano: int | float | str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
    body: SentValue | None = None
    attributes: tuple[SentPair, ...] | None = None


class SentPoints(Shape):
    """The data of a Metric, of whichever kind (metrics.proto)."""

    data_points: tuple[msgspec.Raw, ...] | None = None


class SentMetric(Shape):
    """A Metric."""

    gauge: SentPoints | None = None
    sum: SentPoints | None = None
    histogram: SentPoints | None = None
    exponential_histogram: SentPoints | None = None
    summary: SentPoints | None = None

    @property
    def points(self) -> tuple[msgspec.Raw, ...]:
        """Its data points."""
        kinds = (self.gauge, self.sum, self.histogram, self.exponential_histogram, self.summary)
        found = next((kind for kind in kinds if kind is not None), None)
        return (found and found.data_points) or ()


def _time(value: float | str | None) -> int:
    return whole(value, -(2**63))


def _count(value: int | str | None) -> int:
    return whole(value, 0, 2**32 - 1)


def _enum(value: int | str | None) -> int:
    known = _ENUMS.get(value) if isinstance(value, str) else None
    return whole(value, -(2**31), 2**31 - 1) if known is None else known


def _sent_ids(span: SentSpan) -> tuple[bytes, bytes, bytes]:
    return unhex(span.trace_id), unhex(span.span_id), unhex(span.parent_span_id)


def _sent_numbers(span: SentSpan) -> SpanNumbers:
    return (
        _enum(span.kind),
        *(_time(span.start_time_unix_nano), _time(span.end_time_unix_nano), _count(span.flags)),
        *(_count(span.dropped_attributes_count), _count(span.dropped_events_count)),
        _count(span.dropped_links_count),
    )


_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_ENUMS = {f"SPAN_KIND_{name}": number for number, name in enumerate(_KINDS)}
_ENUMS |= {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}

JSON_SPANS = Encoding(
    opened=msgspec.json.Decoder(SentSpan).decode,
    ids=_sent_ids,
    numbers=_sent_numbers,
    identifier=unhex,
    time=_time,
    count=_count,
    enum=_enum,
    attributes=sent_attributes,
    value=sent_value,
)
"""How the spans of OTLP JSON are read."""

JSON_LOGS = JSON_SPANS._replace(opened=msgspec.json.Decoder(SentLog).decode)
"""How its log records are read."""
