"""Requests as senders make them, and values as they may hold them."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from commonhold.model.otel import OtelSpan, Resource, Scope, SpanEvent, SpanLink

TRACE = bytes(range(1, 17))
SPAN = bytes(range(1, 9))
IDS = ("traceId", "spanId", "parentSpanId")

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
words = text | st.sampled_from(["", "\0", "$bytes", "$float", "$$bytes", "NaN", "gen_ai.x"])
int64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 2**53 + 1, 2**63 - 1, -(2**63)])
scalars = words | int64 | st.booleans() | st.floats() | st.binary(max_size=8) | st.none()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
attributes = st.dictionaries(words, values, max_size=4)
uint32 = st.integers(0, 2**32 - 1)
times = st.integers(0, 2**63 - 1)
trace_ids = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
span_ids = st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex)
resources = st.builds(Resource, attributes=attributes, schema_url=words)
scopes = st.builds(Scope, name=words, version=words, attributes=attributes, schema_url=words)
events = st.builds(
    SpanEvent, name=words, time_ns=times, attributes=attributes, dropped_attributes=uint32
)
links = st.builds(
    SpanLink,
    trace_id=trace_ids,
    span_id=span_ids,
    trace_state=words,
    attributes=attributes,
    dropped_attributes=uint32,
    flags=uint32,
)
spans = st.builds(
    OtelSpan,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_span_id=st.none() | span_ids,
    name=words,
    kind=st.integers(0, 5),
    start_ns=times,
    end_ns=times,
    attributes=attributes,
    resource=resources,
    scope=scopes,
    events=st.lists(events, max_size=2).map(tuple),
    links=st.lists(links, max_size=2).map(tuple),
    status_code=st.integers(0, 2),
    status_message=words,
    trace_state=words,
    flags=uint32,
    dropped_attributes=uint32,
    dropped_events=uint32,
    dropped_links=uint32,
)


def request(*names: str, **fields: Any) -> ExportTraceServiceRequest:
    """A request of one span for each name, all alike."""
    sent = ExportTraceServiceRequest()
    group = sent.resource_spans.add(schema_url="https://resource")
    pair(group.resource.attributes, "service.name", "billing")
    scoped = group.scope_spans.add(schema_url="https://scope")
    scoped.scope.name, scoped.scope.version = "pydantic-ai", "2.68"
    for name in names:
        scoped.spans.add(**{**_span(), "name": name, **fields})
    return sent


def _span() -> dict[str, Any]:
    times = {"start_time_unix_nano": 10**18, "end_time_unix_nano": 10**18 + 5}
    return {"trace_id": TRACE, "span_id": SPAN, **times}


def sent_spans(sent: ExportTraceServiceRequest) -> Any:
    """The spans of a request, to be changed."""
    return sent.resource_spans[0].scope_spans[0].spans


def pair(attributes: Any, key: str, value: Any) -> None:
    """Add an attribute."""
    attributes.add(key=key, value=any_value(value))


def any_value(value: Any) -> AnyValue:
    """A value, as an exporter in Python encodes it."""
    names = {bool: "bool", str: "string", int: "int", float: "double", bytes: "bytes"}
    if type(value) in names:
        return AnyValue(**{f"{names[type(value)]}_value": value})
    told = AnyValue()
    if isinstance(value, list):
        told.array_value.SetInParent()
        told.array_value.values.extend(map(any_value, value))
    if isinstance(value, dict):
        told.kvlist_value.SetInParent()
        for key, inner in value.items():
            pair(told.kvlist_value.values, key, inner)
    return told


def as_json(message: Any) -> bytes:
    """A request as the exporters for JSON write it: as protobuf's JSON, and ids in hexadecimal."""
    return json.dumps(_hexed(MessageToDict(message, use_integers_for_enums=True))).encode()


def _hexed(value: Any) -> Any:
    if isinstance(value, list):
        return [_hexed(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: b64decode(inner).hex() if name in IDS else _hexed(inner)
        for name, inner in value.items()
    }


def to_protobuf(spans: list[OtelSpan]) -> bytes:
    """The spans as a request, each with a resource of its own."""
    sent = ExportTraceServiceRequest()
    for span in spans:
        group = sent.resource_spans.add(schema_url=span.resource.schema_url)
        _pairs(group.resource.attributes, span.resource.attributes)
        scoped = group.scope_spans.add(schema_url=span.scope.schema_url)
        scoped.scope.name, scoped.scope.version = span.scope.name, span.scope.version
        _pairs(scoped.scope.attributes, span.scope.attributes)
        _add(scoped.spans, span)
    return sent.SerializeToString()


def _pairs(pairs: Any, attributes: Any) -> None:
    for key, value in attributes.items():
        pair(pairs, key, value)


def _add(sent: Any, span: OtelSpan) -> None:
    told = sent.add(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id or ""),
        name=span.name,
        kind=span.kind,
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        status={"code": span.status_code, "message": span.status_message},
        trace_state=span.trace_state,
        flags=span.flags,
        dropped_attributes_count=span.dropped_attributes,
        dropped_events_count=span.dropped_events,
        dropped_links_count=span.dropped_links,
    )
    _pairs(told.attributes, span.attributes)
    for event in span.events:
        happened = told.events.add(
            name=event.name,
            time_unix_nano=event.time_ns,
            dropped_attributes_count=event.dropped_attributes,
        )
        _pairs(happened.attributes, event.attributes)
    for link in span.links:
        _link(told.links, link)


def _link(links: Any, link: SpanLink) -> None:
    told = links.add(
        trace_id=bytes.fromhex(link.trace_id),
        span_id=bytes.fromhex(link.span_id),
        trace_state=link.trace_state,
        dropped_attributes_count=link.dropped_attributes,
        flags=link.flags,
    )
    _pairs(told.attributes, link.attributes)
