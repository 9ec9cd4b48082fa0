"""Judgements that spans and log records carry (contracts 3.2 and 5). Pure, and never raises.

Two vocabularies: annotations and evaluations of OpenInference, which are attributes, one or a list
of them; and `gen_ai.evaluation.result` of OpenTelemetry, an event of a span or a log record. A
judgement that comes again has the same id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from commonhold.model.ids import MAX_ID, is_key
from commonhold.model.opaque import EMPTY_OBJECT, JsonText
from commonhold.model.otel import Attributes, Meaning, OtelLog, OtelSpan
from commonhold.otlp import content
from commonhold.otlp.values import attributes_text
from commonhold.otlp.vocabulary import Source, Target, vocabulary

MOST = 64
"""Judgements of one span; what is more is left out."""

MOST_TEXT = 16_384
"""Characters of an explanation, which is cut, and of metadata, which are left out beyond."""

MOST_SCORE = 1e12
"""No score is beyond."""

_WORDS = vocabulary().evaluations
_EVENT = _WORDS.event
_STEMS = tuple(_WORDS.single)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody or something thinks of a span, a trace or a session.

    At least one of score, label, explanation and error is there. The ids are those of what is
    judged; the trace stands in for a session that nobody named. `metadata` is a JSON object.
    """

    judgement_id: str
    name: str
    target: Target
    trace_id: str | None
    span_id: str | None = None
    session_id: str | None = None
    score: float | None = None
    label: str | None = None
    explanation: str | None = None
    error: str | None = None
    source: Source = _WORDS.default_source
    source_id: str | None = None
    identifier: str | None = None
    response_id: str | None = None
    metadata: JsonText = EMPTY_OBJECT

    @property
    def says_something(self) -> bool:
        """Whether there is a result: a name alone is none."""
        return self.score is not None or bool(self.label or self.explanation or self.error)


class _Told(NamedTuple):
    """A judgement before it is read: its fields by name, what it is about, and in which span."""

    fields: Mapping[str, Any]
    target: Target
    trace_id: str
    span_id: str | None


def judgements_of(span: OtelSpan, meaning: Meaning) -> tuple[Judgement, ...]:
    """What a span carries, in a stable order; most carry none, and are done at once."""
    if not _carries_any(span):
        return ()
    told = _told_by(span, is_evaluator=meaning.operation == "evaluator")
    read = (_read(each, meaning.session_id) for each in told)
    found = dict.fromkeys(islice(filter(None, read), MOST))
    return tuple(_numbered(found, span))


def judgement_of(log: OtelLog, log_id: str) -> Judgement | None:
    """What a log record is, if it is a judgement: about its span, or its trace if it has none."""
    if log.event_name != _EVENT:
        return None
    target: Target = "span" if log.span_id else "trace"
    body = log.body if isinstance(log.body, Mapping) else {}
    told = _Told(_of_event({**body, **log.attributes}), target, log.trace_id, log.span_id)
    read = _read(told, None)
    return read and replace(read, judgement_id=_digest(log.trace_id, log_id))


def _carries_any(span: OtelSpan) -> bool:
    """Whether a span may carry a judgement: asked of each span that is written."""
    # One text of all names: two searches in it cost less than one look at each name.
    names = "\n".join(span.attributes)
    for stem in _STEMS:
        if stem in names:
            return True
    return bool(span.events) and any(event.name == _EVENT for event in span.events)


def _told_by(span: OtelSpan, *, is_evaluator: bool) -> Iterator[_Told]:
    links = span.links if is_evaluator else ()
    judged = links[0] if len(links) == 1 else span
    for name in _WORDS.single:
        fields = _under(span.attributes, f"{name}.")
        about = judged if name in _WORDS.linked else span
        yield _Told(fields, "span", about.trace_id, about.span_id)
    for name, target in _WORDS.lists.items():
        about = judged if name in _WORDS.linked else span
        for fields in _listed(span.attributes, name):
            yield _Told(fields, target, about.trace_id, about.span_id)
    for event in span.events:
        if event.name == _EVENT:
            yield _Told(_of_event(event.attributes), "span", span.trace_id, span.span_id)


def _under(attributes: Attributes, prefix: str) -> Mapping[str, Any]:
    """Attributes that begin with a prefix, without it."""
    start = len(prefix)
    return {name[start:]: value for name, value in attributes.items() if name.startswith(prefix)}


def _listed(attributes: Attributes, name: str) -> Iterator[Mapping[str, Any]]:
    """The items of a list that was flattened into attributes, or is one value."""
    whole = content.decoded(attributes.get(name))
    flat = content.unflattened(attributes, f"{name}.")
    for items in (whole, flat):
        each = items.values() if isinstance(items, Mapping) else items
        for item in each if isinstance(each, Iterable) and not isinstance(each, str) else ():
            if isinstance(item, Mapping):
                yield _unwrapped(item)


def _unwrapped(item: Mapping[Any, Any]) -> Mapping[str, Any]:
    """An item of a list that is one value: `{"annotation.name": …}`, `{"annotation": {…}}`."""
    fields = {str(name): value for name, value in item.items()}
    for stem in _STEMS:
        fields.update(_under(fields, f"{stem}."))
        if isinstance(inner := fields.get(stem), Mapping):
            fields.update(inner)
    return fields


def _of_event(attributes: Mapping[Any, Any]) -> Mapping[str, Any]:
    return {field: attributes.get(name) for field, name in _WORDS.event_names.items()}


def _read(told: _Told, session_id: str | None) -> Judgement | None:
    """A judgement without its id; None if it has no name, or says nothing."""
    get = told.fields.get
    is_session = told.target == "session" and session_id is not None and is_key(session_id)
    source, source_id = _source(get("annotator_kind"))
    judgement = Judgement(
        judgement_id="",
        name=_short(get("name")) or "",
        target=told.target,
        trace_id=None if is_session else told.trace_id,
        span_id=told.span_id if told.target == "span" else None,
        session_id=session_id if is_session else None,
        score=_score(get("score")),
        label=_short(get("label")),
        explanation=_explanation(get("explanation")),
        error=_short(get("error")),
        source=source,
        source_id=source_id,
        identifier=_whole(get("identifier")),
        response_id=_key(get("response_id")),
        metadata=_metadata(get("metadata")),
    )
    return judgement if judgement.name and judgement.says_something else None


def _short(value: Any) -> str | None:
    """A name, cut where it is too long."""
    text = content.word(value) if isinstance(value, bool) else content.name(value)
    return text[:MAX_ID] if text else None


def _whole(value: Any) -> str | None:
    """An id; None where it is too long: a part of it would be another id."""
    text = content.identifier(value)
    return text if text and len(text) <= MAX_ID else None


def _key(value: Any) -> str | None:
    """An id of something that is stored, or could be."""
    text = content.identifier(value)
    return text if text and is_key(text) else None


def _score(value: Any) -> float | None:
    score = content.score(value)
    return score if score is not None and abs(score) <= MOST_SCORE else None


def _explanation(value: Any) -> str | None:
    if not content.has_content(value):
        return None
    text = content.text_of(value) or ""
    return text[:MOST_TEXT].replace("\0", "\ufffd") or None


def _source(kind: Any) -> tuple[Source, str | None]:
    """Who judged: a person, a model or a program; another kind is kept by its name."""
    word = content.word(kind)
    if word in _WORDS.sources:
        return _WORDS.sources[word], None
    return _WORDS.default_source, _short(kind)


def _metadata(value: Any) -> JsonText:
    said = content.an_object(value)
    if said is None:
        return EMPTY_OBJECT
    try:
        text = attributes_text({str(name): inner for name, inner in said.items()})
    except (ValueError, TypeError, OverflowError, RecursionError):
        return EMPTY_OBJECT
    return text if len(text) <= MOST_TEXT and r"\u0000" not in text else EMPTY_OBJECT


def _numbered(found: Iterable[Judgement], span: OtelSpan) -> Iterator[Judgement]:
    """Judgements with their ids: those of one name and judge are told apart by their order.

    Not by their place in a list, which means nothing (OpenInference): another one before them must
    not make them others.
    """
    seen: Counter[Sequence[str | None]] = Counter()
    for each in found:
        about = (each.trace_id, each.span_id, each.session_id)
        key = (each.name, each.source, each.source_id, each.identifier, *about)
        number = seen[key]
        seen[key] += 1
        yield replace(each, judgement_id=_digest(span.trace_id, span.span_id, *key, number))


def _digest(*parts: str | int | None) -> str:
    return f"otlp_{sha256(_encode(parts)).hexdigest()[:32]}"
