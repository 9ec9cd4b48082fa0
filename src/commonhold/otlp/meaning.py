"""What a span means, in whichever vocabulary it speaks (contracts 3.2). Pure, and never raises.

Which attributes say which field, and in which order they are asked, depends on their names alone.
Spans of one instrumentation have the same names, so that this plan is made once for all of them,
from `vocabulary.toml`. What a resource and a scope say is read once for all their spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

from commonhold.model.otel import (
    Attributes,
    Meaning,
    Operation,
    OtelLog,
    OtelSpan,
    Resource,
    Scope,
    SpanEvent,
    Tokens,
)
from commonhold.otlp import content
from commonhold.otlp.vocabulary import (
    PLACES,
    Conditional,
    Failure,
    Place,
    Side,
    claims,
    split_names,
    vocabulary,
)

MAX_PLANS = 1024
"""Plans that are kept. Each is as long as the vocabulary at most, whatever is sent."""

_Values = dict[str, Any]
_Read = Callable[[Any], Any]


class Step(NamedTuple):
    """One attribute that may say a field; the steps of a plan are in the order of their ranks."""

    field: str
    attribute: str
    read: _Read
    condition: Conditional | None
    rank: int


_WORDS = vocabulary()
_FAILURE_EVENTS = frozenset(_WORDS.failure_events.names)
_NAMES = split_names(_WORDS.span_names)
_SCOPE_NAMES = {scope: split_names(said.names) for scope, said in _WORDS.scopes.items()}
_BLANKS = {scope: said.blanks for scope, said in _WORDS.scopes.items() if said.blanks}
_COUNTS = frozenset(("usage", *_WORDS.usage_keys))
_NO_TOKENS = Tokens()


def meaning_of(span: OtelSpan, *, has_texts: bool = True) -> Meaning:
    """What a span says, whatever its attributes hold; input and output only if they are wanted."""
    own = _said_by(span, _WHOLE if has_texts else _BRIEF)
    said = {**_EMITTERS.said_by(span.resource, span.scope), **own}
    get, tokens = said.get, _tokens(said)
    # By position, in a sixth of the time that names would take.
    return Meaning(
        _operation(span, said, tokens),
        get("session_id"),
        get("user_id"),
        get("agent", ""),
        get("agent_id"),
        get("agent_version"),
        get("instance"),
        get("model"),
        get("provider"),
        tokens,
        get("cost_usd"),
        _content("input", said, span) if has_texts else None,
        _content("output", said, span) if has_texts else None,
        get("tool_name") or _tool_of(span.name),
        get("tool_call_id"),
        span.status_code == 2 or "failure" in said or _has_failed(span.events),
        get("environment"),
        get("tags", ()),
    )


def log_meaning(log: OtelLog) -> Meaning:
    """What a `gen_ai.*` record adds to its span: session, user, agent, and one message or all."""
    body = log.body if isinstance(log.body, Mapping) else {}
    event = SpanEvent(log.event_name or content.short(log.attributes.get("event.name")), 0, body)
    span = OtelSpan("", "", None, "", 0, 0, 0, log.attributes, log.resource, log.scope, (event,))
    said = _said_by(span, _WHOLE)
    return Meaning(
        session_id=said.get("session_id"),
        user_id=said.get("user_id"),
        agent=said.get("agent", ""),
        agent_id=said.get("agent_id"),
        input=_content("input", said, span),
        output=_content("output", said, span),
    )


def _said_by(span: OtelSpan, places: tuple[_Table, _Table]) -> _Values:
    said: _Values = {}
    of_span, of_event = places
    _read(said, of_span, span.attributes)
    for event in span.events:
        _read(said, of_event, event.attributes)
    return said


def _read(said: _Values, table: _Table, attributes: Attributes) -> None:
    """Add what attributes say to what was said at better places."""
    for field, attribute, read, condition, _ in plan(table, _known(attributes)):
        if field not in said and (condition is None or _holds(condition, attributes)):
            value = read(attributes.get(attribute))
            if value is not None:
                said[field] = value


def _known(attributes: Attributes) -> tuple[str, ...]:
    """The names of attributes that any plan may be interested in, as they are in the vocabulary."""
    names = tuple(filter(None, map(_KNOWN.get, attributes)))
    if len(names) == len(attributes):
        return names
    begun = [name for name in attributes if name not in _KNOWN and name.startswith(_PREFIXES)]
    return (*names, *_flattened(attributes, begun)) if begun else names


def _flattened(attributes: Attributes, begun: Sequence[str]) -> Iterator[str]:
    """Names ending in `.*`, for those that go on with an index and say anything."""
    for prefix in _PREFIXES:
        these = (name for name in begun if content.is_flattened(name, prefix))
        if any(content.has_content(attributes[name]) for name in these):
            yield f"{prefix}*"


@lru_cache(MAX_PLANS)
def plan(table: _Table, names: tuple[str, ...]) -> tuple[Step, ...]:
    """What to ask of attributes with these names, the best first."""
    steps = [step for name in names for step in _TABLES[table].get(name, ())]
    return tuple(sorted(steps, key=lambda step: step.rank))


class _Emitters:
    """What the last resource and scope say: the spans of a request come with the same objects."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[Resource, Scope, _Values] = (Resource(), Scope(), {})

    def said_by(self, resource: Resource, scope: Scope) -> _Values:
        # Read once and written once, as several threads may do this.
        last = self._last
        if last[0] is resource and last[1] is scope:
            return last[2]
        said: _Values = {}
        _read(said, "scope", scope.attributes)
        _read(said, "resource", resource.attributes)
        self._last = (resource, scope, said)
        return said


class _Flat(str):
    """The prefix of attributes that are one list."""

    __slots__ = ()


def _holds(condition: Conditional, attributes: Attributes) -> bool:
    return content.word(attributes.get(condition.when)) in condition.among


def _tokens(said: _Values) -> Tokens:
    if _COUNTS.isdisjoint(said):
        return _NO_TOKENS
    if "usage" in said:
        used = {name: _used(said["usage"], name) for name in _WORDS.usage_keys}
        said = {**used, **said}
    get = said.get
    into, out, total = get("input_tokens"), get("output_tokens"), get("total_tokens")
    if total is None and into is not None and out is not None:
        total = into + out
    return Tokens(into, out, total, get("cached_input"), get("cache_write"), get("reasoning"))


def _used(usage: Mapping[Any, Any], name: str) -> int | None:
    found = (content.count(usage.get(key)) for key in _WORDS.usage_keys[name])
    return next((number for number in found if number is not None), None)


def _operation(span: OtelSpan, said: _Values, tokens: Tokens) -> Operation:
    own = _SCOPE_NAMES.get(span.scope.name)
    found: Operation | None = _named(span.name, *own) if own else None
    found = found or said.get("operation") or _named(span.name, *_NAMES) or _implied_by(span)
    is_call = "model" in said and not tokens.input is tokens.output is tokens.total is None
    return found or ("llm" if is_call else "")


def _implied_by(span: OtelSpan) -> Operation | None:
    """Asked last, as most spans say what they are."""
    said: _Values = {}
    _read(said, "implied", span.attributes)
    return said.get("implied")


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
    return bool(events) and any(event.name in _FAILURE_EVENTS for event in events)


def _content(side: Side, said: _Values, span: OtelSpan) -> str | None:
    value = said.get(side)
    if value is None:
        value = content.of_events(span.events, side) or None
    elif isinstance(value, _Flat):
        value = content.unflattened(span.attributes, value)
    elif side == "input" and "instructions" in said and _is_messages(value, span):
        value = content.with_instructions(value, said["instructions"])
    text = None if value is None else content.text_of(value)
    blanks = _BLANKS.get(span.scope.name)
    return None if blanks and text in blanks else text


def _is_messages(value: Any, span: OtelSpan) -> bool:
    """Whether an input is the messages that a system prompt belongs in front of."""
    places = (span.attributes, *(event.attributes for event in span.events))
    return any(attributes.get(_MESSAGES) is value for attributes in places)


def _failure(rule: Failure, value: Any) -> bool | None:
    said = content.word(value)
    is_so = said in rule.among if rule.among else said not in rule.unless
    return True if said and is_so else None


def _implied(operation: Operation, value: Any) -> Operation | None:
    return operation if content.has_content(value) else None


def _flat(prefix: str, _: Any) -> _Flat:
    return _Flat(prefix)


def _steps(place: Place) -> Iterator[Step]:
    """What the vocabulary says of attributes at a place."""
    for claim in claims(_WORDS.fields, place):
        name = claim.attribute.removesuffix(".*")
        yield Step(claim.field, name, content.READERS[claim.read], claim.condition, claim.rank)
        if place == "span" and name != claim.attribute:
            flat = partial(_flat, f"{name}.")
            yield Step(claim.field, claim.attribute, flat, claim.condition, claim.rank)


def _implied_steps() -> Iterator[Step]:
    """What it says of attributes of a span that only one kind of work has."""
    for rank, told in enumerate(_WORDS.implied):
        for name in told.attributes:
            yield Step("implied", name, partial(_implied, told.operation), None, rank)


def _failure_steps() -> Iterator[Step]:
    """What it says of attributes of a span that tell a failure."""
    for rule in _WORDS.failures:
        yield Step("failure", rule.attribute, partial(_failure, rule), None, 0)


def _table(steps: Iterable[Step]) -> dict[str, list[Step]]:
    table: dict[str, list[Step]] = {}
    for step in steps:
        table.setdefault(step.attribute, []).append(step)
    return table


def _brief(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps but those that read texts, which are long and not wanted while spans are written."""
    return (step for step in steps if step.field not in _TEXTS)


_Table = Literal["span", "event", "scope", "resource", "brief span", "brief event", "implied"]
"""What is asked, and of which attributes."""

_WHOLE: tuple[_Table, _Table] = ("span", "event")
_BRIEF: tuple[_Table, _Table] = ("brief span", "brief event")
_TEXTS = frozenset(("input", "output", "instructions"))
_MESSAGES = "gen_ai.input.messages"
_TABLES: dict[str, dict[str, list[Step]]] = {place: _table(_steps(place)) for place in PLACES}
_TABLES["span"] = _table((*_steps("span"), *_failure_steps()))
_TABLES["brief span"] = _table(_brief((*_steps("span"), *_failure_steps())))
_TABLES["brief event"] = _table(_brief(_steps("event")))
_TABLES["implied"] = _table(_implied_steps())
_PREFIXES = tuple(name[:-1] for name in _TABLES["span"] if name.endswith(".*"))
_KNOWN = {name: name for table in _TABLES.values() for name in table if not name.endswith(".*")}
_EMITTERS = _Emitters()
