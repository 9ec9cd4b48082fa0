"""The vocabularies of spans, read from `vocabulary.toml` once and checked (contracts 3.2)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec

from commonhold.model.otel import Operation

Place = Literal["span", "event", "scope", "resource"]
"""Where an attribute may be found: the order is the order in which they count."""

PLACES: tuple[Place, ...] = ("span", "event", "scope", "resource")

Reading = Literal[
    "id", "name", "agent", "operation", "provider", "count", "cost", "object", "tags", "content"
]
"""How a value is read."""

Side = Literal["input", "output"]
Target = Literal["span", "trace", "session"]
Source = Literal["human", "llm", "code"]


@dataclass(frozen=True, slots=True)
class Conditional:
    """An attribute that counts only beside another one with one of these values."""

    name: str
    when: str
    among: frozenset[str]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field is found: names in order, the places to look in, and how to read a value."""

    read: Reading
    attributes: tuple[str | Conditional, ...] = ()
    places: tuple[Place, ...] = ("span",)
    resource: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Implied:
    """Attributes that only one kind of work has."""

    operation: Operation
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An attribute that tells a failure: by a value, by any but a value, or by being there."""

    attribute: str
    among: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """An event that is one message of the input or the output."""

    field: Side
    role: str


@dataclass(frozen=True, slots=True)
class Names:
    """Names, or beginnings of names."""

    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    wrappers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Evaluations:
    """Where judgements about a span are found."""

    event: str
    event_names: Mapping[str, str]
    single: tuple[str, ...]
    linked: frozenset[str]
    lists: Mapping[str, Target]
    sources: Mapping[str, Source]
    default_source: Source


@dataclass(frozen=True, slots=True)
class Quirks:
    """What is different in the spans of one instrumentation."""

    names: Mapping[str, Operation] = field(default_factory=dict)
    blanks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All of `vocabulary.toml`; its comments say what each part means."""

    fields: Mapping[str, Field]
    usage_keys: Mapping[str, tuple[str, ...]]
    operations: Mapping[str, Operation]
    span_names: Mapping[str, Operation]
    implied: tuple[Implied, ...]
    tool_spans: Names
    providers: Mapping[str, str]
    agents: Names
    failures: tuple[Failure, ...]
    failure_events: Names
    message_events: Mapping[str, MessageEvent]
    message_labels: Names
    flattened: Names
    evaluations: Evaluations
    scopes: Mapping[str, Quirks]


@dataclass(frozen=True, slots=True)
class Claim:
    """That an attribute, found at one place, is a field. The lowest rank wins."""

    attribute: str
    field: str
    rank: int
    read: Reading
    condition: Conditional | None = None


@cache
def vocabulary() -> Vocabulary:
    """The vocabularies this package comes with."""
    file = resources.files(__package__).joinpath("vocabulary.toml")
    return parse(file.read_text(encoding="utf-8"))


def parse(text: str) -> Vocabulary:
    """Vocabularies from TOML.

    Raises:
        ValueError: it is no TOML, or does not say what vocabularies say.
    """
    read = msgspec.convert(tomllib.loads(text), Vocabulary)
    _check_unique(read.fields)
    _check_lower((*read.operations, *read.providers))
    _check_tokens(read)
    return read


def claims(fields: Mapping[str, Field], place: Place) -> Iterator[Claim]:
    """What attributes found at one place are."""
    for name, said in fields.items():
        everywhere = said.attributes if place in said.places else ()
        there = said.resource if place == "resource" else ()
        start = PLACES.index(place) * 1000
        for rank, attribute in enumerate((*everywhere, *there), start):
            yield Claim(name_of(attribute), name, rank, said.read, _condition(attribute))


def name_of(attribute: str | Conditional) -> str:
    """The name of an attribute, whether it counts always or not."""
    return attribute if isinstance(attribute, str) else attribute.name


def split_names(
    names: Mapping[str, Operation],
) -> tuple[dict[str, Operation], tuple[tuple[str, Operation], ...]]:
    """Whole names, and beginnings of names, which end in `*`; the longest beginning first."""
    whole = {name: kind for name, kind in names.items() if not name.endswith("*")}
    begun = [(name[:-1], kind) for name, kind in names.items() if name.endswith("*")]
    return whole, tuple(sorted(begun, key=lambda item: -len(item[0])))


def _condition(attribute: str | Conditional) -> Conditional | None:
    return attribute if isinstance(attribute, Conditional) else None


def _check_unique(fields: Mapping[str, Field]) -> None:
    for name, said in fields.items():
        names = [*map(name_of, said.attributes), *said.resource]
        if len(set(names)) < len(names):
            raise ValueError(f"fields.{name}: an attribute is named twice.")


def _check_lower(words: Iterable[Any]) -> None:
    """Values are compared in lower case: one that is not would never be found."""
    wrong = [word for word in words if word != word.lower()]
    if wrong:
        raise ValueError(f"Values are written in lower case: {', '.join(wrong)}.")


def _check_tokens(read: Vocabulary) -> None:
    unknown = set(read.usage_keys) - set(read.fields)
    if unknown:
        raise ValueError(f"usage_keys: no such field: {', '.join(sorted(unknown))}.")
