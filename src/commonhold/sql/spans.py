"""What is written about traces: rows out of native posts, OpenTelemetry spans and log records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from commonhold.errors import InvalidRequest
from commonhold.model import opaque
from commonhold.model.clock import Micros
from commonhold.model.gist import Gist, decode_gist, encode_gist, gist_of
from commonhold.model.otel import Meaning, OtelLog, OtelSpan, Resource, Scope, SpanEvent
from commonhold.model.scope import Author
from commonhold.model.score import NewScore
from commonhold.model.summary import MOST_COUNTED, LogFacts, Part, SpanFacts, summarise
from commonhold.model.trace import NANO, Span, Trace, check_trace, wall_clock
from commonhold.otlp.judgements import Judgement, judgement_of, judgements_of
from commonhold.otlp.meaning import log_meaning, meaning_of
from commonhold.otlp.values import attributes_text, value_text
from commonhold.pricing import cost_nano
from commonhold.sql.judged import scores_of
from commonhold.sql.made import Cells, Made, made

AHEAD_NS = 3600 * NANO
"""A span that starts later than this after it came was timed by a clock that is wrong."""

Facts = dict[str, dict[str, SpanFacts]]
"""What spans add to the summaries of their traces, by trace and id."""

_NATIVE = Scope("fipsagents")
_NOWHERE = Resource()
_encode = msgspec.json.Encoder().encode
_plain = msgspec.json.Decoder(dict[str, Any]).decode


class Sighting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """When an instance of an agent was seen, in microseconds since 1970."""

    agent: str
    version: str
    instance: str
    first_at: Micros
    last_at: Micros


@dataclass(slots=True)
class Batch:
    """What one or several requests of one author write, by trace.

    `spans` holds the columns of each span by its id, and `scores` the judgements that came with
    spans and log records, by theirs. `made` holds what traces are that nobody has written of
    before: those of one request are made where it is read, beside the database.
    """

    spans: dict[str, dict[str, Cells]] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    logs: dict[str, dict[str, tuple[LogFacts, Cells]]] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    emitters: dict[str, str] = field(default_factory=dict)
    sightings: list[Sighting] = field(default_factory=list)
    scores: dict[str, NewScore] = field(default_factory=dict)
    size: int = 0

    def add_span(self, cells: Cells) -> None:
        """Add a span; of two with one id the last counts, where the first one stood."""
        self.spans.setdefault(cells[0], {})[cells[1]] = cells
        self.size += 1

    def add_scores(self, found: Sequence[Judgement]) -> None:
        """Add the judgements that a span or a log record carries, if it does."""
        if found:
            self.scores.update(scores_of(found))
            self.size += len(found)

    def facts(self, trace_id: str, author: str) -> list[SpanFacts]:
        """What the spans of a trace add to its summary."""
        return [facts_of(cells, author) for cells in self.spans.get(trace_id, {}).values()]

    def made_of(self, trace_id: str, author: Author) -> Made:
        """What a trace is that has nothing but this batch."""
        known = self.made.get(trace_id)
        return known or self.make(trace_id, self.facts(trace_id, author.agent), author.user)

    def make(self, trace_id: str, spans: Sequence[SpanFacts], user: str) -> Made:
        """The same, of what its spans add, which were written for a user, or for nobody."""
        part = self.parts.get(trace_id)
        parts = () if part is None else (part,)
        logs = [facts for facts, _ in self.logs.get(trace_id, {}).values()]
        users = (user,) if spans or parts else ()
        return made(summarise(trace_id, spans, parts, logs, users))

    def take(self, other: Batch) -> None:
        """Add all of another batch, which came later."""
        both = {*self.trace_ids}.intersection(other.trace_ids)
        self.made |= other.made
        for trace_id in both:
            self.made.pop(trace_id, None)
        self.sightings += other.sightings
        for trace_id, spans in other.spans.items():
            self.spans.setdefault(trace_id, {}).update(spans)
        for trace_id, logs in other.logs.items():
            self.logs.setdefault(trace_id, {}).update(logs)
        self.parts.update(other.parts)
        self.emitters.update(other.emitters)
        self.scores.update(other.scores)
        self.size += other.size

    @property
    def chars(self) -> int:
        """Characters of the attributes and events of its spans and log records."""
        spans = [cells for items in self.spans.values() for cells in items.values()]
        logs = [cells for items in self.logs.values() for _, cells in items.values()]
        return sum(len(cells[-2]) + len(cells[-1]) for cells in (*spans, *logs))

    @property
    def trace_ids(self) -> list[str]:
        """All traces, in the one order in which writers lock them."""
        return sorted({*self.spans, *self.parts, *self.logs})


def of_trace(trace: Trace, author: Author, now: Micros) -> Batch:
    """One author's native post.

    Raises:
        InvalidRequest: see `check_trace`.
    """
    check_trace(trace)
    batch, facts = Batch(), Facts()
    batch.parts[trace.trace_id] = Part(
        author.agent, trace.started_at, trace.ended_at, trace.model, trace.session_id, trace.status
    )
    if author.agent:
        ended_at = trace.ended_at or trace.started_at
        batch.sightings.append(Sighting(author.agent, "", "", trace.started_at, ended_at))
    for span, (start_ns, end_ns) in zip(trace.spans, wall_clock(trace), strict=True):
        understood = _as_otel(span, start_ns, end_ns)
        meaning = meaning_of(understood, has_texts=False)
        batch.add_scores(judgements_of(understood, meaning))
        gist = _gist(meaning, start_ns, now)
        cells: Cells = (
            *(trace.trace_id, span.span_id, span.parent_span_id, span.name, span.status),
            *(start_ns, end_ns, span.start_time, span.end_time),
            *(encode_gist(gist).decode(), None, None),
            *(opaque.trim(span.attributes), opaque.trim(span.events)),
        )
        batch.add_span(cells)
        _add(facts, cells, author, gist)
    _sum_up(batch, author, facts)
    return batch


@contextmanager
def _as_text() -> Iterator[None]:
    """Values of attributes become texts, or their request is refused."""
    try:
        yield
    except (ValueError, OverflowError, RecursionError, TypeError) as error:
        raise InvalidRequest(f"A value of these records has no JSON form: {error}.") from None


@_as_text()
def of_spans(spans: Iterable[OtelSpan], author: Author, now: Micros) -> Batch:
    """Spans of OpenTelemetry, each as it was sent and with what it means."""
    batch, facts = Batch(), Facts()
    emitters = Emitters(batch.emitters)
    for span in spans:
        meaning = meaning_of(span, has_texts=False)
        batch.add_scores(judgements_of(span, meaning))
        gist = _gist(meaning, span.start_ns, now)
        cells: Cells = (
            *(span.trace_id, span.span_id, span.parent_span_id, _storable(span.name)),
            *("error" if meaning.is_error else "ok", span.start_ns, span.end_ns, None, None),
            *(encode_gist(gist).decode(), emitters.of(span.resource, span.scope), _rest(span)),
            attributes_text(span.attributes),
            _events(span.events) if span.events else "[]",
        )
        batch.add_span(cells)
        _add(facts, cells, author, gist)
    _sum_up(batch, author, facts)
    return batch


def _add(facts: Facts, cells: Cells, author: Author, gist: Gist) -> None:
    trace_id, span_id, parent, name, status, start_ns, end_ns, *_ = cells
    failed = gist.is_error or status == "error"
    told = SpanFacts(span_id, parent, name, start_ns, end_ns, failed, author.agent, gist)
    facts.setdefault(trace_id, {})[span_id] = told


def _sum_up(batch: Batch, author: Author, facts: Facts) -> None:
    """Add what the traces of a batch are, and who is seen in them."""
    seen: dict[tuple[str, str, str], tuple[int, int]] = {}
    for trace_id, spans in facts.items():
        batch.made[trace_id] = batch.make(trace_id, list(spans.values()), author.user)
        for each in spans.values():
            if agent := each.agent:
                _see(seen, (agent, each.gist.agent_version or "", each.gist.instance or ""), each)
    batch.sightings += [
        Sighting(*key, Micros(first // 1000), Micros(last // 1000))
        for key, (first, last) in seen.items()
    ]


def _see(
    seen: dict[tuple[str, str, str], tuple[int, int]], who: tuple[str, str, str], span: SpanFacts
) -> None:
    start, end = span.start_ns, span.start_ns if span.end_ns is None else span.end_ns
    first, last = seen.get(who, (start, end))
    seen[who] = (min(first, start), max(last, end))


@_as_text()
def of_logs(logs: Iterable[OtelLog], now: Micros) -> Batch:
    """Log records about spans."""
    batch = Batch()
    emitters = Emitters(batch.emitters)
    for log in logs:
        gist = _gist(log_meaning(log), log.time_ns, now)
        attributes, body = attributes_text(log.attributes), value_text(log.body)
        told = (log.span_id, log.event_name, log.time_ns, attributes, body)
        log_id = sha256(_encode(told)).hexdigest()[:32]
        cells = (
            *(log.trace_id, log_id, log.span_id, _storable(log.event_name), log.time_ns),
            *(encode_gist(gist).decode(), emitters.of(log.resource, log.scope), attributes, body),
        )
        if judged := judgement_of(log, log_id):
            batch.add_scores((judged,))
        batch.logs.setdefault(log.trace_id, {})[log_id] = (LogFacts(log.time_ns, gist), cells)
        batch.size += 1
    return batch


class Emitters:
    """Resources and scopes by digest. The same objects come again and again in one request."""

    def __init__(self, found: dict[str, str]) -> None:
        self._found = found
        # The objects are kept, so that their numbers stay theirs.
        self._known: dict[tuple[int, int], tuple[str, Resource, Scope]] = {}

    def of(self, resource: Resource, scope: Scope) -> str:
        """The digest of these two, whose text is found by it."""
        key = (id(resource), id(scope))
        known = self._known.get(key)
        if known is None:
            text = emitter_text(resource, scope)
            known = (sha256(text.encode()).hexdigest()[:32], resource, scope)
            self._known[key] = known
            self._found[known[0]] = text
        return known[0]


def emitter_text(resource: Resource, scope: Scope) -> str:
    """A resource and a scope as one JSON text; `otel_rows` reads it."""
    raw = msgspec.Raw
    parts = (
        raw(attributes_text(resource.attributes).encode()),
        resource.schema_url,
        scope.name,
        scope.version,
        raw(attributes_text(scope.attributes).encode()),
        scope.schema_url,
    )
    return _encode(parts).decode()


def _gist(meaning: Meaning, start_ns: int, now: Micros) -> Gist:
    """What is kept; a call that does not say what it cost has its list price."""
    said = meaning.cost_usd
    if said is not None:
        # What is more is no price; and it would be no longer exact as a float of dollars.
        nano: int | None = round(said * NANO) if said * NANO < MOST_COUNTED else None
    elif meaning.operation in ("llm", "embedding", "agent"):
        nano = cost_nano(meaning.model, meaning.provider, meaning.tokens)
    else:
        nano = None
    return gist_of(meaning, nano, is_ahead=start_ns > now * 1000 + AHEAD_NS)


def facts_of(cells: Sequence[Any], author: str) -> SpanFacts:
    """What a span adds to its trace's summary, out of its columns."""
    _, span_id, parent, name, status, start_ns, end_ns, _, _, gist, *_ = cells
    told = decode_gist(gist)
    failed = status == "error" or told.is_error
    return SpanFacts(span_id, parent, name, start_ns, end_ns, failed, author, told)


def _as_otel(span: Span, start_ns: int, end_ns: int | None) -> OtelSpan:
    """A native span, to be understood. Its events are whole conversations, and add nothing."""
    return OtelSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=1,
        start_ns=start_ns,
        end_ns=start_ns if end_ns is None else end_ns,
        attributes=_loose(span.attributes),
        resource=_NOWHERE,
        scope=_NATIVE,
        status_code=2 if span.status == "error" else 0,
    )


def _loose(attributes: str) -> dict[str, Any]:
    """What can be read of attributes that are kept as they are."""
    try:
        return _plain(attributes)
    except (ValueError, RecursionError, InvalidRequest):
        return {}


def _storable(text: str) -> str:
    """A text that Postgres can hold; the whole one is in `otel`."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _rest(span: OtelSpan) -> str:
    """What else a span says, without what says nothing."""
    lost = span.dropped_attributes or span.dropped_events or span.dropped_links
    if lost or span.status_message or span.trace_state or span.links or "\0" in span.name:
        return _encode(_all_else(span)).decode()
    return _short_rest(span.kind, span.status_code, span.flags)


@lru_cache(256)
def _short_rest(kind: int, status_code: int, flags: int) -> str:
    """That of most spans, which is the same again and again."""
    said = {"status_code": status_code, "flags": flags}
    return _encode(
        {"kind": kind, **{name: value for name, value in said.items() if value}}
    ).decode()


def _all_else(span: OtelSpan) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": span.kind}
    for name in (
        *("status_code", "status_message", "trace_state", "flags"),
        *("dropped_attributes", "dropped_events", "dropped_links"),
    ):
        if value := getattr(span, name):
            told[name] = value
    if span.links:
        told["links"] = [_link(link) for link in span.links]
    if "\0" in span.name:
        told["name"] = span.name
    return told


def _link(link: Any) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id,
        "span_id": link.span_id,
        "trace_state": link.trace_state,
        "attributes": msgspec.Raw(attributes_text(link.attributes).encode()),
        "dropped_attributes": link.dropped_attributes,
        "flags": link.flags,
    }


def _events(events: Sequence[SpanEvent]) -> str:
    return _encode([_event(event) for event in events]).decode()


def _event(event: SpanEvent) -> dict[str, Any]:
    told = {
        "name": event.name,
        "timestamp": event.time_ns / NANO,
        "time_unix_nano": event.time_ns,
        "attributes": msgspec.Raw(attributes_text(event.attributes).encode()),
    }
    if event.dropped_attributes:
        told["dropped_attributes"] = event.dropped_attributes
    return told
