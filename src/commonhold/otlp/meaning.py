"""What a span means, in whichever vocabulary it speaks (contracts 3.2). Pure, and never raises.

Attributes are walked once: each is looked up in a table made from `vocabulary.toml`, which says
what field it claims, and with what rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from commonhold.model.otel import (
    Attributes,
    Meaning,
    Operation,
    OtelLog,
    OtelSpan,
    SpanEvent,
    Tokens,
)
from commonhold.otlp import content
from commonhold.otlp.vocabulary import (
    PLACES,
    Conditional,
    Failure,
    Place,
    Quirks,
    Side,
    claims,
    split_names,
    vocabulary,
)

_Claim = tuple[str, int, Callable[[Any], Any], Conditional | None]
_Table = dict[str, list[_Claim]]

_WORDS = vocabulary()
_FAILURE_EVENTS = frozenset(_WORDS.failure_events.names)
_NAMES = split_names(_WORDS.span_names)
_SCOPE_NAMES = {scope: split_names(said.names) for scope, said in _WORDS.scopes.items()}
_NO_QUIRKS = Quirks()
_INSTRUCTED = frozenset(
    claim.rank
    for place in PLACES
    for claim in claims(_WORDS.fields, place)
    if claim.attribute == "gen_ai.input.messages"
)


def meaning_of(span: OtelSpan) -> Meaning:
    """What a span says, whatever its attributes hold."""
    found = _Found()
    found.walk(span.attributes, "span")
    found.walk_flattened(span.attributes)
    for event in span.events:
        found.walk(event.attributes, "event")
    found.walk(span.scope.attributes, "scope")
    found.walk(span.resource.attributes, "resource")
    get, tokens = found.values.get, _tokens(found.values)
    blanks = _WORDS.scopes.get(span.scope.name, _NO_QUIRKS).blanks
    return Meaning(
        operation=_operation(span, found.values, tokens),
        session_id=get("session_id"),
        user_id=get("user_id"),
        agent=get("agent", ""),
        agent_id=get("agent_id"),
        agent_version=get("agent_version"),
        instance=get("instance"),
        model=get("model"),
        provider=get("provider"),
        tokens=tokens,
        cost_usd=get("cost_usd"),
        input=_content(found, "input", span, blanks),
        output=_content(found, "output", span, blanks),
        tool_name=get("tool_name") or _tool_of(span.name),
        tool_call_id=get("tool_call_id"),
        is_error=span.status_code == 2 or "failure" in found.values or _has_failed(span.events),
        environment=get("environment"),
        tags=get("tags", ()),
    )


def log_meaning(log: OtelLog) -> Meaning:
    """What a `gen_ai.*` record adds to its span: session, user, agent, and one message or all."""
    found = _Found()
    body = log.body if isinstance(log.body, Mapping) else {}
    found.walk(log.attributes, "span")
    found.walk(body, "event")
    get, texts = found.values.get, dict[str, Any]()
    event = SpanEvent(log.event_name or content.short(log.attributes.get("event.name")), 0, body)
    sides: tuple[Side, ...] = ("input", "output")
    for side in sides:
        value = get(side) or content.of_events((event,), side) or None
        texts[side] = None if value is None else content.text_of(value)
    ids: dict[str, Any] = {name: get(name) for name in ("session_id", "user_id", "agent_id")}
    return Meaning(agent=get("agent", ""), **ids, **texts)


class _Found:
    """The best value of each field so far, and its rank."""

    __slots__ = ("ranks", "values")

    def __init__(self) -> None:
        self.ranks: dict[str, int] = {}
        self.values: dict[str, Any] = {}

    def walk(self, attributes: Attributes, place: Place) -> None:
        table = _TABLES[place]
        for name, value in attributes.items():
            for claim in table.get(name, ()):
                self._offer(claim, value, attributes)

    def walk_flattened(self, attributes: Attributes) -> None:
        for name, value in attributes.items():
            if name.startswith(_PREFIXES):
                for prefix, claim in _FLATTENED:
                    if content.is_flattened(name, prefix) and content.has_content(value):
                        self._offer(claim, _Flat(prefix), attributes)

    def _offer(self, claim: _Claim, value: Any, attributes: Attributes) -> None:
        name, rank, read, condition = claim
        if rank >= self.ranks.get(name, 1 << 30) or not _holds(condition, attributes):
            return
        said = read(value)
        if said is not None:
            self.ranks[name], self.values[name] = rank, said


class _Flat(str):
    """The prefix of attributes that are one list."""

    __slots__ = ()


def _holds(condition: Conditional | None, attributes: Attributes) -> bool:
    return condition is None or content.word(attributes.get(condition.when)) in condition.among


def _tokens(values: Mapping[str, Any]) -> Tokens:
    usage = values.get("usage")
    said = {name: values.get(name) for name in _WORDS.usage_keys}
    if usage is not None:
        said = {name: _used(usage, name) if n is None else n for name, n in said.items()}
    into, out, total = said["input_tokens"], said["output_tokens"], said["total_tokens"]
    if total is None and into is not None and out is not None:
        total = into + out
    return Tokens(into, out, total, said["cached_input"], said["cache_write"], said["reasoning"])


def _used(usage: Mapping[Any, Any], name: str) -> int | None:
    found = (content.count(usage.get(key)) for key in _WORDS.usage_keys[name])
    return next((number for number in found if number is not None), None)


def _operation(span: OtelSpan, values: Mapping[str, Any], tokens: Tokens) -> Operation:
    own = _SCOPE_NAMES.get(span.scope.name)
    found: Operation | None = _named(span.name, *own) if own else None
    found = found or values.get("operation") or _named(span.name, *_NAMES) or values.get("implied")
    is_call = "model" in values and not tokens.input is tokens.output is tokens.total is None
    return found or ("llm" if is_call else "")


def _named(
    name: str, whole: Mapping[str, Operation], begun: Sequence[tuple[str, Operation]]
) -> Operation | None:
    return whole.get(name) or next((kind for start, kind in begun if name.startswith(start)), None)


def _tool_of(name: str) -> str | None:
    for prefix in _WORDS.tool_spans.prefixes:
        if name.startswith(prefix):
            return content.name(name[len(prefix) :])
    return None


def _has_failed(events: Sequence[SpanEvent]) -> bool:
    return any(event.name in _FAILURE_EVENTS for event in events)


def _content(found: _Found, side: Side, span: OtelSpan, blanks: frozenset[str]) -> str | None:
    value = found.values.get(side) or content.of_events(span.events, side) or None
    if isinstance(value, _Flat):
        value = content.unflattened(span.attributes, value)
    elif side == "input" and found.ranks.get(side) in _INSTRUCTED:
        instructions = found.values.get("instructions")
        value = content.with_instructions(value, instructions) if instructions else value
    text = None if value is None else content.text_of(value)
    return None if text in blanks else text


def _failure(rule: Failure) -> Callable[[Any], Any]:
    def read(value: Any) -> bool | None:
        said = content.word(value)
        is_so = said in rule.among if rule.among else said not in rule.unless
        return True if said and is_so else None

    return read


def _implies(operation: Operation) -> Callable[[Any], Any]:
    return lambda value: operation if content.has_content(value) else None


def _table(place: Place) -> _Table:
    table: _Table = {}
    for each in claims(_WORDS.fields, place):
        claim = (each.field, each.rank, content.READERS[each.read], each.condition)
        table.setdefault(each.attribute.removesuffix(".*"), []).append(claim)
    if place == "span":
        for rank, told in enumerate(_WORDS.implied):
            for name in told.attributes:
                claim = ("implied", rank, _implies(told.operation), None)
                table.setdefault(name, []).append(claim)
        for rule in _WORDS.failures:
            table.setdefault(rule.attribute, []).append(("failure", 0, _failure(rule), None))
    return table


_TABLES: dict[Place, _Table] = {place: _table(place) for place in PLACES}
_FLATTENED: list[tuple[str, _Claim]] = [
    (each.attribute[:-1], (each.field, each.rank, _Flat, None))
    for each in claims(_WORDS.fields, "span")
    if each.attribute.endswith(".*")
]
_PREFIXES = tuple(prefix for prefix, _ in _FLATTENED)
