"""What spans mean, in every vocabulary."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.otel import Meaning, OtelSpan, Resource, Scope, SpanEvent, Tokens
from commonhold.otlp.meaning import meaning_of, plan
from commonhold.otlp.vocabulary import Conditional, name_of, vocabulary

FIELDS = vocabulary().fields
NAMES = [name_of(a).removesuffix(".*") for said in FIELDS.values() for a in said.attributes]
SAMPLES: dict[str, Any] = {"count": 7, "cost": 0.5, "object": '{"input": 7}', "operation": "tool"}
ROWS = [
    (field, attribute)
    for field, said in FIELDS.items()
    for attribute in said.attributes
    if field not in ("usage", "instructions", "input_tokens", "output_tokens", "total_tokens")
    if field not in ("cached_input", "cache_write", "reasoning", "tags")
]


def meaning(name: str = "x", scope: str = "", **attributes: Any) -> Meaning:
    """The meaning of a span with these attributes."""
    span = OtelSpan(
        *("a" * 32, "b" * 16, None, name, 1, 0, 1),
        attributes=attributes,
        resource=Resource({"service.name": "unknown_service:python"}),
        scope=Scope(scope),
    )
    return meaning_of(span)


@pytest.mark.parametrize(("field", "attribute"), ROWS)
def test_every_name_of_the_table_is_found(field: str, attribute: str | Conditional) -> None:
    """One name alone says the field."""
    value = SAMPLES.get(FIELDS[field].read, "tool")
    said = {name_of(attribute).removesuffix(".*"): value}
    if isinstance(attribute, Conditional):
        said[attribute.when] = min(attribute.among)
    assert getattr(meaning(**said), field) == value


def test_double_counting_agents_are_agents() -> None:
    """Strands repeats the sum on `invoke_agent`."""
    said: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 3}
    said |= {"gen_ai.usage.output_tokens": "4", "gen_ai.agent.name": "a"}
    found = meaning(**said)
    assert (found.operation, found.agent, found.tokens) == ("agent", "a", Tokens(3, 4, 7))


@pytest.mark.parametrize("nearest", range(4), ids=["span", "event", "scope", "resource"])
def test_the_nearer_place_wins(nearest: int) -> None:
    """What a span says beats its events, then the scope, then the resource."""
    said = [{"user.id": str(place)} if place >= nearest else {} for place in range(4)]
    span = OtelSpan(
        *("a" * 32, "b" * 16, None, "x", 1, 0, 1),
        attributes=said[0],
        resource=Resource(said[3]),
        scope=Scope(attributes=said[2]),
        events=(SpanEvent("e", 0, said[1]),),
    )
    assert meaning_of(span).user_id == str(nearest)


def test_an_earlier_event_wins() -> None:
    """Of two that say the same field."""
    events = [SpanEvent("e", 0, {name: name}) for name in ("user_id", "user.id")]
    span = OtelSpan(*("a" * 32, "b" * 16, None, "x", 1, 0, 1), {}, Resource(), Scope(), events)
    assert meaning_of(span).user_id == "user_id"


def test_spans_of_two_processes_are_told_apart() -> None:
    """However often they alternate: what a resource says is read once, and kept for its spans."""
    resources = [Resource({"service.name": name}) for name in ("one", "two")] * 2
    spans = [
        OtelSpan(*("a" * 32, "b" * 16, None, "x", 1, 0, 1), {}, resource, Scope())
        for resource in resources
    ]
    assert [meaning_of(span).agent for span in spans] == ["one", "two"] * 2


def test_instructions_stand_in_front_of_messages_only() -> None:
    """A message that an event holds has its own system message beside it."""
    said = {"gen_ai.system_instructions": "be brief"}
    event = SpanEvent("gen_ai.user.message", 0, {"content": "hi"})
    ids = ("a" * 32, "b" * 16, None, "x", 1, 0, 1)
    told = meaning(**said, **{"gen_ai.input.messages": '[{"role":"user","content":"hi"}]'})
    seen = meaning_of(OtelSpan(*ids, said, Resource(), Scope(), (event,)))
    user = {"role": "user", "content": "hi"}
    assert json.loads(told.input or "") == [{"role": "system", "content": "be brief"}, user]
    assert json.loads(seen.input or "") == [user]


def test_names_that_nobody_knows_make_no_plans() -> None:
    """So that what is kept about names is bounded, whatever is sent."""
    meaning(**{"user.id": "u"})
    plans = plan.cache_info().currsize
    for number in range(100):
        said: dict[str, Any] = {f"unknown.{number}": 1, "user.id": "u"}
        assert meaning(**said).user_id == "u"
    assert plan.cache_info().currsize == plans


@given(
    st.dictionaries(
        st.sampled_from([*NAMES, "gen_ai.prompt.0.role", "llm.input_messages.0.message.content"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_nothing_raises_and_order_says_nothing(said: dict[str, Any]) -> None:
    """Whatever the attributes hold, in whichever order."""
    assert meaning(**said) == meaning(**dict(reversed(said.items())))
